// Invariants:
// - The schedule says what a search through all deadlines says.
// - However often the task dies, between commits or right before one, and however long it is gone:
//   in every channel each deadline has exactly one reading, or is in exactly one reading of missed
//   or dropped ones, in order and without a hole; and what was committed is never sent again.
// - Without deaths and delays nothing is missed.
// - A failing sensor gives a bad reading on every deadline, is touched ever more rarely, at least
//   once a minute, and is used again from the first attempt after it came back.

import Ring
import Testing

@testable import Sensors

private let millisecond: Int64 = 1_000_000
private let second: Int64 = 1_000_000_000

@Suite struct SenseTests {
  @Test func scheduleAgainstSearch() {
    for first: Int64 in [0, 7] {
      for period: Int64 in 1...5 {
        let schedule = SenseSchedule(first: first, period: period)
        for next: UInt64 in 0..<8 {
          for now: Int64 in 0..<40 {
            let due = (next..<100).filter { first + Int64($0) * period <= now }
            let expected: SenseSchedule.Due =
              due.isEmpty ? .later : .now(missed: UInt32(due.count - 1), sequence: due.last!)
            #expect(schedule.due(next: next, now: now) == expected)
          }
        }
      }
    }
    let fast = SenseSchedule(first: 0, period: 1)
    #expect(fast.due(next: 0, now: 1 << 40) == .missedOnly(count: .max))
    #expect(fast.deadline(.max) == .max)
    #expect(fast.due(next: .max, now: .max - 1) == .later)
  }

  /// Dies in every step, once before its commit and once after, and comes back after every delay;
  /// then dies again some steps later.
  @Test(arguments: [0, 30 * millisecond, 100 * millisecond, 333 * millisecond])
  func everyDeath(delay: Int64) {
    for death in 0..<25 {
      for isCommitted in [false, true] {
        for secondDeath in [1, 2, 5] {
          let desk = Desk(ringCapacity: 256)
          var now: Int64 = 1000
          var steps = death
          for life in 0..<3 {
            desk.live(
              from: &now, steps: life == 2 ? 40 : steps,
              commitsLast: life == 2 || isCommitted)
            if life < 2 { now += delay }
            steps = secondDeath
          }
          let place = "death \(death) \(isCommitted) then \(secondDeath), \(delay) ns"
          desk.expectComplete(place)
          if delay > 300 * millisecond { #expect(desk.missed > 0, "\(place)") }
        }
      }
    }
  }

  @Test func noDeath() {
    let desk = Desk(ringCapacity: 256)
    var now: Int64 = 1000
    desk.live(from: &now, steps: 200, commitsLast: true, takes: true)
    desk.expectComplete("no death")
    #expect(desk.missed == 0)
  }

  /// A pipeline that takes nothing for long: what is dropped is told, in order, when there is room.
  @Test func fullRing() {
    for capacity in [2, 4, 8, 16] {
      for pause in 1..<40 {
        let desk = Desk(ringCapacity: capacity)
        var now: Int64 = 1000
        desk.live(from: &now, steps: pause, commitsLast: true)
        desk.take()
        desk.live(from: &now, steps: 60, commitsLast: true, takes: true)
        desk.expectComplete("capacity \(capacity), pause \(pause)")
      }
    }
  }

  @Test func backoff() {
    var bus = RegisterMap(address: 0x48)
    bus.words[0] = [0x19, 0]
    bus.error = .nack
    var source = SensorSource(
      device: SensorDevice(.tmp105, address: 0x48),
      schedule: SenseSchedule(first: 0, period: second), temperatureChannel: 0)
    var next: UInt64 = 0
    var attempts: [Int64] = []
    var news: [SenseNews] = []
    for tick: Int64 in 0..<400 {
      if tick == 300 { bus.error = nil }
      for part in [Int64(0), 400 * millisecond] {
        var output = SenseOutput()
        let now = tick * second + part
        let step = source.step(now: now, next: &next, bus: &bus, output: &output)
        if step != .nothing { news.append(step) }
        if output.failureCount > 0 { attempts.append(tick) }
        if tick < 300, part == 0 {
          #expect(output.count == 1 && output[0].quality == .nack && output[0].value.isNaN)
          #expect(output[0].sequence == UInt64(tick))
        }
      }
    }
    #expect(attempts == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243])
    #expect(news == [.failed(.nack), .recovered])
    #expect(source.fault == nil && next == 400)
  }

  /// One sensor's bus errors do not stop another's readings; a new reason is news.
  @Test func newsOnce() {
    var bus = RegisterMap(address: 0x48)
    var source = SensorSource(
      device: SensorDevice(.lm75, address: 0x48),
      schedule: SenseSchedule(first: 0, period: 100 * second), temperatureChannel: 0)
    var next: UInt64 = 0
    var news: [SenseNews] = []
    let errors: [BusError?] = [.nack, .nack, .timeout, .stuck, .fault(5), .absent, nil, nil, .nack]
    for index in errors.indices {
      bus.error = errors[index]
      var output = SenseOutput()
      for part in [Int64(0), second] {
        let now = Int64(index) * 100 * second + part
        news.append(source.step(now: now, next: &next, bus: &bus, output: &output))
      }
    }
    #expect(
      news.filter { $0 != .nothing } == [
        .failed(.nack), .failed(.timeout), .failed(.busStuck), .failed(.busFault),
        .failed(.absent), .recovered, .failed(.nack),
      ])
  }
}

/// A task with a DPS310 every 100 ms and a thermometer every 70 ms, over a ring and a cell that
/// outlive it.
@safe private final class Desk {
  private let memory: UnsafeMutableRawPointer
  private let ring: Ring<Reading>
  private let cell: CommitCell
  private var bus = RegisterMap.emulatedDPS310()
  private var consumer: [Reading] = []
  private(set) var missed: UInt64 = 0
  private var nexts: [UInt64] = [0, 0, 0]

  init(ringCapacity: Int) {
    let stateByteCount = SenseLedger.stateByteCount(channelCount: 3)
    var plan = ArenaPlan()
    let ringRegion = plan.reserve(byteCount: Ring<Reading>.byteCount(capacity: ringCapacity))
    let cellRegion = plan.reserve(
      byteCount: CommitCell.byteCount(positionCount: 1, stateByteCount: stateByteCount))
    // Safe: freed in deinit, after the last use.
    unsafe memory = .allocate(byteCount: plan.byteCount, alignment: lineByteCount)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: plan.byteCount)
    let arena = unsafe Arena(base: memory, byteCount: plan.byteCount)
    ring = Ring<Reading>.format(arena[ringRegion], capacity: ringCapacity)
    cell = CommitCell.format(
      arena[cellRegion], positionCount: 1, stateByteCount: stateByteCount)
  }

  deinit { unsafe memory.deallocate() }

  /// One life of the task: `steps` rounds, each at the time when something is due.
  func live(from now: inout Int64, steps: Int, commitsLast: Bool, takes: Bool = false) {
    var ledger = SenseLedger(cell: cell, ring: ring, channelCount: 3)
    if ledger.startTime == nil { ledger.start(at: now) }
    let start = ledger.startTime!
    var barometer = SensorSource(
      device: SensorDevice(.dps310, address: 0x77, measuresPressure: true),
      schedule: SenseSchedule(first: start, period: 100 * millisecond), temperatureChannel: 0,
      pressureChannel: 1)
    var thermometer = SensorSource(
      device: SensorDevice(.thermal, address: 0),
      schedule: SenseSchedule(first: start, period: 70 * millisecond), temperatureChannel: 2)
    // The map answers one address; the thermometer's own bus is a second one.
    var zone = RegisterMap(address: 0)
    for step in 0..<steps {
      var output = SenseOutput()
      var next = ledger.next(0)
      let twin = ledger.next(1)
      #expect(twin == next)
      _ = barometer.step(now: now, next: &next, bus: &bus, output: &output)
      ledger.record(output)
      ledger.setNext(0, to: next)
      ledger.setNext(1, to: next)
      output.removeAll()
      next = ledger.next(2)
      _ = thermometer.step(now: now, next: &next, bus: &zone, output: &output)
      ledger.record(output)
      ledger.setNext(2, to: next)
      ledger.flushOverflow(now: now)
      if step < steps - 1 || commitsLast { _ = ledger.commit() }
      if takes { take() }
      now = max(
        now,
        min(
          barometer.wakeTime(next: ledger.next(0)), thermometer.wakeTime(next: ledger.next(2))))
    }
  }

  /// The pipeline takes all that it sees.
  func take() {
    var end = Consumer(ring)
    while let reading = end.pop() { consumer.append(reading) }
  }

  /// Accounts for every sequence number of every channel.
  func expectComplete(_ place: String) {
    take()
    // What is still to be told of: a last life with room for it.
    var ledger = SenseLedger(cell: cell, ring: ring, channelCount: 3)
    for _ in 0..<3 {
      ledger.flushOverflow(now: 0)
      _ = ledger.commit()
      take()
    }
    let hasOverflow = ledger.hasOverflow
    #expect(!hasOverflow, "\(place)")
    for reading in consumer {
      let channel = Int(reading.channel)
      #expect(reading.sequence == nexts[channel], "\(place): channel \(channel)")
      switch reading.kind {
      case .sample:
        #expect(reading.quality == .good, "\(place)")
        nexts[channel] += 1
      case .missedDeadlines:
        missed += UInt64(reading.count)
        nexts[channel] += UInt64(reading.count)
      case .overflow: nexts[channel] += UInt64(reading.count)
      case .edge, .pulses, .lostEdges, .slowed: Issue.record("\(place): a \(reading.kind)")
      }
    }
    for channel in UInt16(0)..<3 {
      let end = ledger.next(channel)
      #expect(end == nexts[Int(channel)], "\(place): the end of \(channel)")
    }
    let totals = ledger.totals
    #expect(totals.missedDeadlines >= missed, "\(place)")
  }
}
