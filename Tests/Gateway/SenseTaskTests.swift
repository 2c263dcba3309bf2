// Invariants checked:
// - a sense task is planned for every bus, chip and thermal zone in use, once;
// - the task reads on its deadlines, shows a sign of life, counts what it commits, and says what is
//   wrong in words that name the place;
// - a task that starts again on the same memory goes on where the last one stopped.

import Buses
import Configuration
import Linux
import Ring
import Sensors
import Testing

@testable import weir

private let second: Int64 = 1_000_000_000
private let millisecond: Int64 = 1_000_000

/// A configuration with a bus, a zone and a chip, all simulated, and memory for one sense task.
private final class SenseRig {
  let mapping: SharedMapping
  let context: SenseContext
  private var nexts: [UInt64] = [0, 0, 0, 0, 0, 0]
  private(set) var readings: [Reading] = []

  static func configuration() -> Configuration {
    var configuration = Configuration()
    configuration.sensors = [
      SensorSettings(
        name: "boiler", driver: .tmp105, bus: "i2c-sim", address: 0x48,
        period: 20 * millisecond, temperatureChannel: 0),
      SensorSettings(
        name: "soc", driver: .thermal, bus: "", address: 0, period: 10 * millisecond,
        temperatureChannel: 1),
      SensorSettings(
        name: "gone", driver: .lm75, bus: "i2c-sim", address: 0x4f, period: 50 * millisecond,
        temperatureChannel: 2),
    ]
    configuration.lines = [
      LineSettings(
        name: "flow", chip: "header", offset: 0, mode: .counter, edge: .rising,
        period: 200 * millisecond, channel: 3),
      LineSettings(name: "door", chip: "header", offset: 1, mode: .edges, channel: 4),
      LineSettings(
        name: "switch", chip: "header", offset: 2, mode: .level, period: 50 * millisecond,
        channel: 5),
    ]
    configuration.channels = (0..<6).map { ChannelSettings(name: "c\($0)", unit: "") }
    return configuration
  }

  init(_ target: SenseTarget) throws {
    let configuration = Self.configuration()
    let stateByteCount = SensePlan.stateByteCount(configuration)
    var sizes = ArenaPlan()
    let ring = sizes.reserve(byteCount: Ring<Reading>.byteCount(capacity: 1024))
    let cell = sizes.reserve(
      byteCount: CommitCell.byteCount(positionCount: 1, stateByteCount: stateByteCount))
    let bell = sizes.reserve(byteCount: Doorbell.byteCount)
    let overload = sizes.reserve(byteCount: OverloadWord.byteCount)
    let slot = sizes.reserve(byteCount: TaskSlot.taskByteCount)
    let verdictRegion = sizes.reserve(byteCount: TaskSlot.supervisorByteCount)
    mapping = try SharedMapping(byteCount: sizes.byteCount)
    // Safe: the mapping is page-aligned, as large, and outlives the rig's views.
    let arena = unsafe Arena(base: mapping.base, byteCount: mapping.byteCount)
    context = SenseContext(
      configuration: configuration, board: Board(), target: target,
      ring: Ring.format(arena[ring], capacity: 1024),
      cell: CommitCell.format(
        arena[cell], positionCount: 1, stateByteCount: stateByteCount),
      doorbell: Doorbell.format(arena[bell]), overload: OverloadWord.format(arena[overload]),
      slot: TaskSlot.format(task: arena[slot], supervisor: arena[verdictRegion]))
  }

  /// Takes what the task sent, and checks that no sequence number is missing or doubled.
  func take() {
    var consumer = Consumer(context.ring)
    while let reading = consumer.pop() {
      let channel = Int(reading.channel)
      #expect(reading.sequence == nexts[channel], "channel \(channel)")
      switch reading.kind {
      case .sample, .edge, .pulses: nexts[channel] += 1
      case .missedDeadlines, .lostEdges, .overflow, .slowed: nexts[channel] += UInt64(reading.count)
      }
      readings.append(reading)
    }
  }

  func good(_ channel: UInt16) -> [Reading] {
    readings.filter { $0.channel == channel && $0.quality == .good && !$0.value.isNaN }
  }
}

@Suite struct SenseTaskTests {
  @Test func plan() {
    var configuration = SenseRig.configuration()
    #expect(SensePlan.targets(configuration).map(\.name) == ["i2c-sim", "thermal", "header"])
    let sensors = SensePlan.sensors(configuration, of: .bus("i2c-sim"))
    #expect(sensors.map(\.name) == ["boiler", "gone"])
    #expect(SensePlan.lines(configuration, of: .chip("header")).count == 3)
    #expect(SensePlan.sensors(configuration, of: .chip("header")).isEmpty)
    configuration.sensors = []
    configuration.lines = []
    #expect(SensePlan.targets(configuration).isEmpty)
  }

  @Test func sensorsOverTwoLives() throws {
    let rig = try SenseRig(.bus("i2c-sim"))
    for life in 0..<2 {
      var bus = SimulatedBus(seed: 7)
      bus.add(.tmp105, address: 0x48)
      var task = SensorTask(rig.context, bus)
      let end = Clock.boot() + second
      while Clock.boot() < end { task.turn() }
      rig.take()
      #expect(rig.good(0).count > 10 * (life + 1))
      #expect(Clock.boot() - rig.context.slot.beatTime < second)
    }
    let gone = rig.readings.filter { $0.channel == 2 }
    #expect(gone.contains { $0.quality == .nack })
    #expect(rig.context.slot[.busErrors] >= 2)
    #expect(rig.context.slot[.readings] == UInt64(rig.readings.count))
    // Every deadline of two seconds is accounted for, those before the first conversion as missed.
    let last = rig.readings.last { $0.channel == 0 }
    #expect((last?.sequence ?? 0) >= 95)
  }

  @Test func linesOverTwoLives() throws {
    let rig = try SenseRig(.chip("header"))
    let lines = SensePlan.lines(rig.context.configuration, of: .chip("header"))
    for life in 0..<2 {
      let chip = SimulatedLines(
        seed: 3, lines: lines.map(LineRequest.init), hertz: [100, 50, 0])
      var task = LineTask(rig.context, lines, chip)
      let end = Clock.boot() + second
      while Clock.boot() < end { task.turn() }
      rig.take()
      // A loaded machine may let the simulated queue of 16 overflow; the counter is exact even so.
      #expect(rig.good(3).count >= 3 * (life + 1))
      #expect(rig.good(3).allSatisfy { abs($0.value - 20) <= 2 })
      #expect(rig.readings.contains { $0.channel == 4 && $0.kind == .edge })
      #expect(rig.good(5).count > 3 && rig.good(5).allSatisfy { $0.value == 0 })
    }
    // The second life says that it does not know what happened between the two.
    #expect(rig.readings.contains { $0.channel == 4 && $0.kind == .lostEdges && $0.count == 0 })
    #expect(rig.readings.contains { $0.channel == 3 && $0.kind == .missedDeadlines })
  }

  @Test func words() {
    let configuration = SenseRig.configuration()
    let board = Board()
    let text = sensorFaultText(configuration.sensors[2], .nack, board)
    #expect(text == "nobody answers at 0x4f on i2c-sim; check its power, wiring and address")
    let line = lineFaultText(configuration.lines[0], .busy(consumer: "spi0 CS0"))
    #expect(
      line == "line flow (0 of header): in use by spi0 CS0; free it or choose another line")
  }
}
