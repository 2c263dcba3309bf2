// Invariants, while a stride changes at random, tasks die and come late:
// - in every channel each deadline has exactly one reading, or is in exactly one gap, in order;
// - without deaths and delays the deadlines that are taken are those whose number the stride
//   divides, and every other one is left out: none is missed;
// - at stride 1 nothing is left out, from the next deadline that is taken on;
// - a counter loses no pulse: its readings times their intervals are all that there were.

import Ring
import Testing

@testable import Sensors

private let millisecond: Int64 = 1_000_000

@Suite struct SlowedTests {
  @Test func leftOut() {
    for stride in 1...9 as ClosedRange<UInt32> {
      for next in 0..<40 as Range<UInt64> {
        let count = SenseSchedule.leftOut(from: next, stride: stride)
        let taken = (next...).first { $0 % UInt64(stride) == 0 }
        #expect(next + UInt64(count) == taken)
      }
    }
    #expect(SenseSchedule.leftOut(from: .max, stride: 1000) < 1000)
  }

  /// Every stride and every change of it, on a sensor with two channels whose measurement takes
  /// more than one step.
  @Test func everyChangeOfTheStride() {
    let strides: [UInt32] = [1, 2, 4, 8]
    for first in strides {
      for second in strides {
        let rig = Rig()
        var now: Int64 = 0
        rig.live(&now, steps: 60, stride: first)
        let change = rig.next
        rig.live(&now, steps: 60, stride: second)
        let place = "from \(first) to \(second)"
        rig.expectComplete(place)
        #expect(rig.count(.missedDeadlines) == 0, "\(place)")
        for reading in rig.readings where reading.kind == .sample {
          let stride = reading.sequence <= change ? first : second
          #expect(reading.sequence % UInt64(stride) == 0, "\(place)")
          #expect(reading.time >= Int64(reading.sequence) * rig.period, "\(place)")
        }
      }
    }
  }

  @Test func deathsAndDelays() {
    for stride in [2, 3, 8] as [UInt32] {
      for delay in 0..<40 {
        for commits in [true, false] {
          let rig = Rig()
          var now: Int64 = 0
          rig.live(&now, steps: 20, stride: stride, commitsLast: commits)
          now += Int64(delay) * 7 * millisecond
          rig.live(&now, steps: 20, stride: stride)
          now += Int64(delay) * 11 * millisecond
          rig.live(&now, steps: 20, stride: 1)
          rig.expectComplete("stride \(stride), delay \(delay), \(commits)")
          #expect(rig.count(.slowed) > 0)
        }
      }
    }
  }

  @Test func aLevelLine() {
    var line = LineSource(
      mode: .level, filter: .both, schedule: SenseSchedule(first: 0, period: 10), channel: 5,
      hasHistory: false)
    var output = SenseOutput()
    var next: UInt64 = 0
    _ = line.attach(now: 0, next: &next, output: &output)
    var told: UInt64 = 0
    var taken: [UInt64] = []
    for now in 0..<1000 as Range<Int64> {
      let stride: UInt32 = now < 300 ? 4 : 1
      var output = SenseOutput()
      let wants = line.wantsLevel(now: now, next: next)
      line.step(now: now, level: wants ? true : nil, next: &next, stride: stride, output: &output)
      for index in 0..<output.count {
        #expect(output[index].sequence == told && output[index].channel == 5)
        told += output[index].kind == .slowed ? UInt64(output[index].count) : 1
        if output[index].kind == .sample {
          #expect(output[index].quality == .good)
          taken.append(output[index].sequence)
        }
      }
    }
    // 28 was taken at 280 under the stride 4, so that 32 follows.
    #expect(taken == (0...7).map { $0 * 4 } + Array(32..<100))
  }

  /// One pulse every 3 ns, intervals of 100.
  @Test func aCounterLosesNothing() {
    for strides in [[1, 4, 1], [8, 2, 1], [3, 1, 5]] as [[UInt32]] {
      var line = LineSource(
        mode: .counter, filter: .rising, schedule: SenseSchedule(first: 100, period: 100),
        channel: 5, hasHistory: false)
      var next: UInt64 = 0
      var output = SenseOutput()
      _ = line.attach(now: 0, next: &next, output: &output)
      var readings: [Reading] = []
      var pulses = 0
      var number: UInt32 = 0
      func step(_ now: Int64) {
        let stride = strides[min(Int(now / 3000), 2)]
        for _ in 0..<100 where line.wakeTime(next: next) <= now {
          var output = SenseOutput()
          line.step(now: now, level: nil, next: &next, stride: stride, output: &output)
          for index in 0..<output.count { readings.append(output[index]) }
        }
      }
      for now in 0..<9000 as Range<Int64> {
        step(now)
        if now % 3 == 1 {
          number += 1
          var output = SenseOutput()
          let event = LineEvent(
            time: now, lineSequence: number, line: 0, isRising: number % 2 == 1)
          _ = line.take(event, next: &next, output: &output)
          pulses += number % 2 == 1 ? 1 : 0
        }
      }
      step(9000)
      var sum = 0.0
      var end: UInt64 = 0
      var before: UInt64 = 0
      for reading in readings {
        #expect(reading.sequence == end)
        if reading.kind == .slowed {
          end += UInt64(reading.count)
          continue
        }
        #expect(reading.kind == .pulses && reading.value > 15 && reading.value < 18)
        end += 1
        sum += reading.value * Double(end - before)
        before = end
      }
      // What follows the last reading is not told yet.
      let rest = Double(pulses) - sum
      #expect(rest > -0.001 && rest < 17 * 8, "\(strides): \(sum) of \(pulses)")
      if strides.last == 1 { #expect(rest < 1, "\(strides): \(sum) of \(pulses)") }
    }
  }
}

/// A task with one DPS310, over a ring and a cell that outlive it.
@safe private final class Rig {
  let period = 50 * millisecond
  private let memory: UnsafeMutableRawPointer
  private let ring: Ring<Reading>
  private let cell: CommitCell
  private var bus = RegisterMap.emulatedDPS310()
  private(set) var readings: [Reading] = []
  /// Of the channels; they go together.
  private(set) var next: UInt64 = 0

  init() {
    let stateByteCount = SenseLedger.stateByteCount(channelCount: 2)
    var plan = ArenaPlan()
    let ringRegion = plan.reserve(byteCount: Ring<Reading>.byteCount(capacity: 1024))
    let cellRegion = plan.reserve(
      byteCount: CommitCell.byteCount(positionCount: 1, stateByteCount: stateByteCount))
    // Safe: freed in deinit, after the last use.
    unsafe memory = .allocate(byteCount: plan.byteCount, alignment: lineByteCount)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: plan.byteCount)
    let arena = unsafe Arena(base: memory, byteCount: plan.byteCount)
    ring = Ring<Reading>.format(arena[ringRegion], capacity: 1024)
    cell = CommitCell.format(
      arena[cellRegion], positionCount: 1, stateByteCount: stateByteCount)
  }

  deinit { unsafe memory.deallocate() }

  /// One life of the task.
  func live(_ now: inout Int64, steps: Int, stride: UInt32, commitsLast: Bool = true) {
    var ledger = SenseLedger(cell: cell, ring: ring, channelCount: 2)
    if ledger.startTime == nil { ledger.start(at: 0) }
    var source = SensorSource(
      device: SensorDevice(.dps310, address: 0x77, measuresPressure: true),
      schedule: SenseSchedule(first: 0, period: period), temperatureChannel: 0, pressureChannel: 1)
    for step in 0..<steps {
      var output = SenseOutput()
      var next = ledger.next(0)
      _ = source.step(now: now, next: &next, stride: stride, bus: &bus, output: &output)
      ledger.record(output)
      ledger.setNext(0, to: next)
      ledger.setNext(1, to: next)
      if step < steps - 1 || commitsLast { _ = ledger.commit() }
      now = max(now, source.wakeTime(next: next))
    }
    next = commitsLast ? ledger.next(0) : next
    var end = Consumer(ring)
    while let reading = end.pop() { readings.append(reading) }
    let slowed = ledger.totals.slowed
    #expect(!commitsLast || slowed == count(.slowed))
  }

  func count(_ kind: ReadingKind) -> UInt64 {
    readings.reduce(0) { $0 + ($1.kind == kind ? UInt64($1.count) : 0) }
  }

  func expectComplete(_ place: String) {
    var nexts: [UInt64] = [0, 0]
    for reading in readings {
      let channel = Int(reading.channel)
      #expect(reading.sequence == nexts[channel], "\(place)")
      switch reading.kind {
      case .sample: nexts[channel] += 1
      case .missedDeadlines, .slowed: nexts[channel] += UInt64(reading.count)
      case .edge, .pulses, .lostEdges, .overflow: Issue.record("\(place): a \(reading.kind)")
      }
    }
    #expect(nexts == [next, next], "\(place)")
  }
}
