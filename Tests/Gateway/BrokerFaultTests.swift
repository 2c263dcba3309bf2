// Invariants checked, for each thing that a broker can do wrong:
// - its reason is named in the log, once, however often it is tried again;
// - when the fault is gone the gateway connects without help, and what was measured meanwhile
//   arrives.

import Desk
import Drivers
import Foundation
import Synchronization
import Testing

@Suite(.serialized, .timeLimit(.minutes(3))) struct BrokerFaultTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  @Test func aRefusedPassword() throws {
    var options = Broker.Options()
    options.user = (name: "plant", password: "right")
    let broker = try Broker(options)
    try broker.start()
    let gateway = try Gateway(
      configuration(port: broker.port, uplink: "  user: plant\n  password: wrong\n"))
    try expectNamedOnce("check uplink.user", gateway, broker) {
      broker.log.components(separatedBy: "not authorised").count > 3
    }
    try broker.stop()
    options.user = (name: "plant", password: "wrong")
    try broker.configure(options)
    try broker.start()
    try expectEverything(gateway, try Recorder(port: broker.port, user: options.user))
  }

  @Test func aCertificateOfAStranger() throws {
    let (trusted, stranger) = (try Authority(), try Authority())
    var options = Broker.Options()
    options.authority = stranger
    let broker = try Broker(options)
    try broker.start()
    let gateway = try Gateway(
      configuration(port: broker.port, uplink: "  ca: \(trusted.certificatePath)\n")
        .replacingOccurrences(of: "mqtt://", with: "mqtts://"))
    try expectNamedOnce("signed by nobody that uplink.ca trusts", gateway, broker) {
      broker.log.components(separatedBy: "unknown ca").count > 3
    }
    try broker.stop()
    options.authority = trusted
    try broker.configure(options)
    try broker.start()
    try expectEverything(gateway, try Recorder(port: broker.port, authority: trusted))
  }

  @Test(arguments: [
    // Nothing at all; half of a CONNACK; another protocol.
    [], [0x20, 0x09, 0x00], Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8),
  ])
  func whatIsNoBroker(answer: [UInt8]) throws {
    let connections = Mutex(0)
    var rogue: Listener? = try Listener { connection in
      connections.withLock { $0 += 1 }
      _ = receive(connection)
      transmit(connection, answer)
    }
    let broker = try Broker(port: try #require(rogue?.port))
    let gateway = try Gateway(configuration(port: broker.port))
    try expectNamedOnce("127.0.0.1:\(broker.port)", gateway, broker) {
      connections.withLock { $0 > 3 }
    }
    // Its end closes the port, for the broker.
    rogue = nil
    try broker.start()
    try expectEverything(gateway, try Recorder(port: broker.port))
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

  /// The gateway's buffer kept everything, so that it all arrives from the first record on.
  private func expectEverything(_ gateway: Gateway, _ recorder: Recorder) throws {
    try recorder.wait("the first record", seconds: 20) { $0.sequence == 0 }
    let start = secondsNow()
    try recorder.wait("a new reading", seconds: 20, after: start) {
      $0.channel == "boiler.temperature"
    }
    #expect(try gateway.stop() == .exited(0))
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
  }
}
