// Invariants checked, with a socket in systemd's place:
// - the service says that it runs, once, and then that it is well, always in time;
// - a supervisor that is stopped says nothing more, so that systemd starts it again;
// - an end that was asked for is said;
// - a socket that is not there is said, and missed by nothing else.

import Drivers
import Foundation
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct ServiceManagerTests {
  private static let timeout = 4.0

  private func gateway(_ socket: String, port: Int) throws -> Gateway {
    try Gateway(
      """
      device: service
      uplink:
        broker: mqtt://127.0.0.1:\(port)
      sensors:
        boiler:
          driver: tmp105
          bus: i2c-sim
          address: 0x48
          every: 1 s
          temperature: {}

      """,
      environment: [
        "NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "\(Int(Self.timeout * 1_000_000))",
      ])
  }

  @Test func theManagerIsToldAsLongAsAllIsWell() throws {
    let broker = try Broker()
    try broker.start()
    let manager = try ServiceListener()
    let gateway = try gateway(manager.path, port: broker.port)
    #expect(manager.next(seconds: 20) == "READY=1")
    for _ in 1...4 { #expect(manager.next(seconds: Self.timeout / 2) == "WATCHDOG=1") }
    #expect(gateway.health(wait: 10).ending == .exited(0))

    gateway.program.send(SIGSTOP)
    // What was sent before the signal arrived is still there.
    while manager.next(seconds: 0.3) != nil {}
    #expect(manager.next(seconds: Self.timeout) == nil)
    gateway.program.send(SIGCONT)
    #expect(manager.next(seconds: Self.timeout / 2) == "WATCHDOG=1")

    #expect(try gateway.stop() == .exited(0))
    var last: String?
    while let message = manager.next(seconds: 0.3) { last = message }
    #expect(last == "STOPPING=1")
  }

  @Test func aManagerThatIsNotThereIsMissedByNobody() throws {
    let broker = try Broker()
    try broker.start()
    for socket in ["/nowhere/notify", "relative", ""] {
      let gateway = try gateway(socket, port: broker.port)
      #expect(gateway.health(wait: 20).ending == .exited(0))
      #expect(try gateway.stop() == .exited(0))
      #expect(gateway.log.contains("NOTIFY_SOCKET can't be used") == !socket.isEmpty)
    }
  }
}
