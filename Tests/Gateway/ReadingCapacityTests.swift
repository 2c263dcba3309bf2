// Invariants checked:
// - a sense task's ring holds what its sensors and lines make in 3.9 s, between 1,024 and 65,536;
// - other tasks' sensors do not count;
// - it holds in fact: a pipeline that is stopped for 2.6 s and then killed costs no reading.

import Configuration
import Desk
import Drivers
import Foundation
import Testing

@testable import weir

@Suite(.serialized, .timeLimit(.minutes(10))) struct ReadingCapacityTests {
  private func capacity(
    period: Int64, hasPressure: Bool = false, lines: [LineSettings] = []
  ) -> Int {
    var configuration = Configuration()
    configuration.sensors = [
      SensorSettings(
        name: "a", driver: .dps310, bus: "i2c-1", address: 0x77, period: period,
        temperatureChannel: 0, pressureChannel: hasPressure ? 1 : nil),
      SensorSettings(
        name: "other", driver: .lm75, bus: "i2c-2", address: 0x48, period: 1_000_000,
        temperatureChannel: 2),
    ]
    configuration.lines = lines
    return SensePlan.readingCapacity(
      configuration, of: lines.isEmpty ? .bus("i2c-1") : .chip("header"))
  }

  private func line(_ mode: LineMode, period: Int64 = 0, debounce: UInt32 = 0) -> LineSettings {
    LineSettings(
      name: "l", chip: "header", offset: 0, mode: mode, debounceMicroseconds: debounce,
      period: period, channel: 3)
  }

  @Test func itFollowsTheRates() {
    #expect(capacity(period: 1_000_000_000) == 1024)
    #expect(capacity(period: 3_809_000) == 1024)
    #expect(capacity(period: 3_808_000) == 2048)
    #expect(capacity(period: 1_000_000) == 4096)
    #expect(capacity(period: 1_000_000, hasPressure: true) == 8192)
    #expect(capacity(period: 1, hasPressure: true) == 65_536)
    #expect(capacity(period: 1, lines: [line(.counter, period: 1_000_000)]) == 4096)
    #expect(capacity(period: 1, lines: [line(.edges)]) == 4096)
    #expect(capacity(period: 1, lines: [line(.edges, debounce: 5000)]) == 1024)
    #expect(capacity(period: 1, lines: [line(.edges), line(.level, period: 1_000_000)]) == 8192)
  }

  @Test func aPipelineThatHangsCostsNothing() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try Gateway(
      """
      device: desk
      board: simulated
      uplink: {broker: "mqtt://127.0.0.1:\(broker.port)"}
      sensors:
        boiler:
          driver: tmp105
          bus: i2c-sim
          address: 0x48
          every: 1 ms
          temperature: {}
      """)
    try recorder.wait("readings", seconds: 30) { $0.count > 500 ? true : nil }
    let pipeline = try #require(gateway.tasks().first { $0.name == "weir:pipeline" })
    kill(pipeline.process, SIGSTOP)
    _ = waitUntil(seconds: 2.6) { gateway.program.isRunning ? nil : true }
    kill(pipeline.process, SIGKILL)
    let killed = secondsNow()
    let count = recorder.records.count
    try recorder.wait("what was measured meanwhile", seconds: 20, after: killed + 1) { _ in true }
    #expect(try gateway.stop() == .exited(0))
    #expect(recorder.records.count > count + 2000)
    let account = Account(recorder.records, channels: ["boiler.temperature"])
    #expect(account.faults == [])
    let dropped = recorder.records.contains {
      if case .gap(let gap) = $0.content { gap.kind == .droppedReadings } else { false }
    }
    #expect(!dropped, "\(account.summary)")
  }
}
