// The whole gateway as a person starts it on a desk: the real binary, the simulated board, a real
// Mosquitto. Invariants checked:
// - every configured channel arrives, with its unit, from its first reading on, in values that the
//   simulated devices can have;
// - a gateway says that it is there, and when it is asked to end, that it is gone; it ends with 0;
// - a sensor that does not answer is told as such and stops nobody else;
// - whatever the broker does, what was measured meanwhile arrives, or is reported as lost.

import Desk
import Drivers
import Foundation
import Testing

@Suite(.serialized, .timeLimit(.minutes(5))) struct GatewayTests {
  @Test func readingsArriveFromTheFirstOn() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try Gateway(configuration(port: broker.port))
    try recorder.wait("20 readings of each channel", seconds: 30) { all in
      sampledChannels.allSatisfy { channel in
        all.count { $0.record?.channel == channel } >= 20
      } ? true : nil
    }
    try recorder.wait("a rising edge", seconds: 10) {
      if case .edge(true, "rising") = $0.content { $0.channel == "door" } else { false }
    }
    #expect(try gateway.stop() == .exited(0), "\(gateway.log)")
    try recorder.wait("the gateway says that it goes", seconds: 5) { all in
      all.last { $0.message == .status(Status(device: "desk", isOnline: false, epoch: 1)) }
        ?? all.last { if case .status(let status) = $0.message { !status.isOnline } else { false } }
    }

    #expect(recorder.malformed == [])
    let account = Account(recorder.records, channels: sampledChannels)
    #expect(account.faults == [])
    guard case .status(let birth) = recorder.received[0].message else {
      Issue.record("the first message is not the birth: \(recorder.received[0])")
      return
    }
    #expect(birth.isOnline && birth.device == "desk" && birth.epoch != nil && birth.version != nil)
    for record in recorder.records { checkPlausible(record) }
  }

  @Test func aSilentSensorStopsNobody() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try Gateway(
      configuration(
        port: broker.port,
        sensors: """
            nobody:
              driver: tmp105
              bus: i2c-sim
              address: 0x4a
              every: 100 ms
              temperature: {}

          """))
    try recorder.wait("the silent sensor's reason", seconds: 20) {
      $0.channel == "nobody.temperature" && $0.content == .bad(quality: "nack")
    }
    try recorder.wait("ten good readings of a neighbour", seconds: 20) { all in
      all.count {
        if case .value = $0.record?.content {
          $0.record?.channel == "boiler.temperature"
        } else {
          false
        }
      } >= 10 ? true : nil
    }
    #expect(try gateway.stop() == .exited(0))
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
    for record in recorder.records where record.channel == "nobody.temperature" {
      if case .value = record.content { Issue.record("a value of no device: \(record)") }
    }
  }

  @Test func whatWasMeasuredBeforeTheBrokerCameArrives() throws {
    let broker = try Broker()
    try broker.keepForRecorder(Broker.Options())
    let gateway = try Gateway(configuration(port: broker.port))
    try gateway.program.wait(for: "refused", seconds: 15)
    // Two seconds of readings without a broker.
    _ = waitUntil(seconds: 2) { gateway.program.isRunning ? nil : true }
    try broker.start()
    let recorder = try Recorder(port: broker.port, client: "recorder")
    try recorder.wait("readings", seconds: 30) { all in
      all.count { $0.record != nil } >= 60 ? true : nil
    }
    // The reason is named once, and not with every attempt.
    let count = gateway.log.components(separatedBy: "refused").count - 1
    #expect(count == 1, "\(gateway.log)")
    #expect(try gateway.stop() == .exited(0))
    let first = try #require(recorder.records.map(\.sequence).min())
    #expect(first == 0)
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
  }

  @Test func aBrokerThatRestartsLosesNothing() throws {
    var options = Broker.Options()
    options.isPersistent = true
    let broker = try Broker(options)
    try broker.start()
    let recorder = try Recorder(port: broker.port, client: "recorder")
    let gateway = try Gateway(configuration(port: broker.port))
    for round in 1...3 {
      let count = recorder.records.count
      try recorder.wait("readings before stop \(round)", seconds: 30) { all in
        all.count { $0.record != nil } >= count + 30 ? true : nil
      }
      try broker.stop()
      _ = waitUntil(seconds: 0.5) { gateway.program.isRunning ? nil : true }
      try broker.start()
      try recorder.waitForSubscription(seconds: 20)
    }
    let count = recorder.records.count
    try recorder.wait("readings after the last start", seconds: 30) { all in
      all.count { $0.record != nil } >= count + 30 ? true : nil
    }
    #expect(try gateway.stop() == .exited(0))
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
  }

  @Test func aBrokerThatIsKilledIsFoundAgain() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try Gateway(configuration(port: broker.port))
    try recorder.wait("readings", seconds: 30) { $0.count > 20 ? true : nil }
    try broker.stop(signal: SIGKILL)
    try broker.start()
    let start = secondsNow()
    try recorder.wait("a reading after the kill", seconds: 30, after: start) { _ in true }
    #expect(try gateway.stop() == .exited(0))
    // What the broker had acknowledged and not yet handed on died with it; nothing else may differ.
    let account = Account(recorder.records, channels: [])
    #expect(account.faults.allSatisfy { $0.contains("are missing") }, "\(account.faults)")
  }
}

/// Channels without stages: each of their readings makes one record.
let sampledChannels = [
  "boiler.temperature", "room.pressure", "room.temperature", "flow",
]

/// Fast sampling on the simulated board.
func configuration(
  port: Int, uplink: String = "", sensors: String = "", lines: String = ""
) -> String {
  """
  device: desk
  board: simulated
  uplink:
    broker: mqtt://127.0.0.1:\(port)
    retry_max: 1 s
  \(uplink)sensors:
    boiler:
      driver: tmp105
      bus: i2c-sim
      address: 0x48
      every: 50 ms
      temperature: {}
    room:
      driver: dps310
      bus: i2c-sim
      address: 0x77
      every: 100 ms
      pressure: {}
      temperature: {}
  \(sensors)lines:
    flow:
      line: GPIO0
      mode: counter
      edge: rising
      every: 250 ms
    door:
      line: GPIO1
      mode: edges
      edge: both
  \(lines)
  """
}

/// Values that the simulated devices can have, in the units of the quantities.
func checkPlausible(_ record: Record) {
  guard case .value(let value) = record.content else { return }
  switch record.channel {
  case "boiler.temperature", "room.temperature":
    #expect(record.unit == "Cel" && (-55...125).contains(value), "\(record)")
  case "room.pressure":
    #expect(record.unit == "Pa" && (30_000...120_000).contains(value), "\(record)")
  case "flow": #expect((0...50).contains(value), "\(record)")
  default: break
  }
}
