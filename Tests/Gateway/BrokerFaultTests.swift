// Invariants checked, for each thing that a broker can do wrong:
// - its reason is named in the log, once, however often it is tried again;
// - when the fault is gone the gateway connects without help, and what was measured meanwhile
//   arrives.

import Desk
import Drivers
import Foundation
import Synchronization
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct BrokerFaultTests {
  @Test func aRefusedPassword() throws {
    var options = Broker.Options()
    options.user = (name: "plant", password: "wrong")
    let broker = try Broker()
    try broker.keepForRecorder(options)
    var others = options
    others.isPersistent = true
    others.user = (name: "plant", password: "right")
    try broker.configure(others)
    try broker.start()
    let gateway = try Gateway(
      configuration(port: broker.port, uplink: "  user: plant\n  password: wrong\n"))
    try expectNamedOnce("check uplink.user", gateway, broker) {
      broker.log.components(separatedBy: "not authorised").count > 3
    }
    try broker.stop()
    try expectEverything(gateway, broker, options)
  }

  @Test func aCertificateOfAStranger() throws {
    var options = Broker.Options()
    options.authority = try Authority()
    let broker = try Broker()
    try broker.keepForRecorder(options)
    var others = options
    others.isPersistent = true
    others.authority = try Authority()
    try broker.configure(others)
    try broker.start()
    let gateway = try Gateway(
      configuration(
        port: broker.port, uplink: "  ca: \(options.authority?.certificatePath ?? "")\n"
      ).replacingOccurrences(of: "mqtt://", with: "mqtts://"))
    try expectNamedOnce("signed by nobody that uplink.ca trusts", gateway, broker) {
      broker.log.components(separatedBy: "unknown ca").count > 3
    }
    try broker.stop()
    try expectEverything(gateway, broker, options)
  }

  @Test(arguments: [
    // Nothing at all; half of a CONNACK; another protocol.
    [], [0x20, 0x09, 0x00], Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8),
  ])
  func whatIsNoBroker(answer: [UInt8]) throws {
    let broker = try Broker()
    try broker.keepForRecorder(Broker.Options())
    let connections = Mutex(0)
    var rogue: Listener? = try Listener(port: broker.port) { connection in
      connections.withLock { $0 += 1 }
      _ = receive(connection)
      transmit(connection, answer)
    }
    #expect(rogue?.port == broker.port)
    let gateway = try Gateway(configuration(port: broker.port))
    try expectNamedOnce("127.0.0.1:\(broker.port)", gateway, broker) {
      connections.withLock { $0 > 3 }
    }
    // Its end closes the port, for the broker.
    rogue = nil
    try expectEverything(gateway, broker, Broker.Options())
  }

  /// Waits until the gateway has tried several times, and looks for the reason in its log.
  private func expectNamedOnce(
    _ reason: String, _ gateway: Gateway, _ broker: Broker, hasTriedOften: () -> Bool
  ) throws {
    #expect(
      waitUntil(seconds: 30) { hasTriedOften() ? true : nil } == true,
      "too few attempts:\n\(gateway.log)\n\(broker.log.suffix(2000))")
    #expect(gateway.log.components(separatedBy: reason).count - 1 == 1, "\(gateway.log)")
  }

  /// Starts the broker as it should be. The gateway's buffer kept everything, so that it all
  /// arrives, from the first record on.
  private func expectEverything(
    _ gateway: Gateway, _ broker: Broker, _ options: Broker.Options
  ) throws {
    var options = options
    options.isPersistent = true
    try broker.configure(options)
    try broker.start()
    let recorder = try Recorder(
      port: broker.port, client: "recorder", authority: options.authority, user: options.user)
    try recorder.wait("the first record", seconds: 20) { $0.sequence == 0 }
    let start = secondsNow()
    try recorder.wait("a new reading", seconds: 20, after: start) {
      $0.channel == "boiler.temperature"
    }
    #expect(try gateway.stop() == .exited(0))
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
  }
}
