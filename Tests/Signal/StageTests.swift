// Invariants checked:
// - every stage gives what a naive computation over all that came before gives, on seeded random
//   input;
// - its first value, its boundary values, and time that repeats or goes backwards have the result
//   that the stage's documentation says;
// - huge values never make a state that is not finite;
// - the states have the sizes of their tables.

import Foundation
import Ring
import Seeds
import Testing

@testable import Signal

@Suite struct StageTests {
  @Test func statesHaveTheirSizes() {
    #expect(MemoryLayout<SmoothState>.size == 24)
    #expect(MemoryLayout<DeadbandState>.size == 24)
    #expect(MemoryLayout<WindowState>.size == 64)
    #expect(MemoryLayout<AlarmState>.size == 32)
    #expect(MemoryLayout<PipelineState>.size == 72)
    #expect(MemoryLayout<SlowedRun>.size == 32)
    #expect(MedianFilter.stateByteCount(width: 31) == 8 + 2 * 31 * 8)
  }

  // MARK: Scale

  @Test func scaleConvertsAndRefusesOverflow() throws {
    let events = try run(
      [.scale(factor: -2, offset: 1)],
      samples([(0, 3), (1, .greatestFiniteMagnitude), (2, -0.5)]))
    #expect(events.map(\.quality) == [.good, .outOfRange, .good])
    #expect(events[0].value == -5)
    #expect(events[1].value.isNaN)
    #expect(events[2].value == 2)
  }

  @Test func scaleOfAWindowConvertsItsEnds() throws {
    let events = try run(
      [.window(span: second), .scale(factor: -2, offset: 0)],
      samples([(0, 1), (1, 3), (second, 0)]))
    #expect(events.map(\.kind) == [.window])
    #expect(events[0].value == -4)
    #expect(events[0].minimum == -6)
    #expect(events[0].maximum == -2)
    #expect(events[0].count == 2)
  }

  // MARK: Median

  @Test(arguments: [3, 5, 7, 15, 31])
  func medianIsThatOfTheLastValues(width: Int) throws {
    var random = SeededRandom(seed: testSeed("median"))
    let values = (0..<500).map { _ in
      Bool.random(using: &random)
        ? Double.random(in: -1e6...1e6, using: &random)
        : Double(Int.random(in: -3...3, using: &random))  // many equal ones, and both zeroes
    }
    let events = try run(
      [.median(width: UInt8(width))],
      samples(values.enumerated().map { (Int64($0), $1) }))
    #expect(events.count == values.count)
    for index in values.indices {
      let last = values[max(0, index + 1 - width)...index].sorted()
      #expect(events[index].value == last[(last.count - 1) / 2])
    }
  }

  @Test func medianIgnoresTime() throws {
    let events = try run([.median(width: 3)], samples([(9, 1), (9, 5), (3, 2), (0, 9)]))
    #expect(events.map(\.value) == [1, 1, 2, 5])
  }

  // MARK: Smooth

  @Test func smoothingFollowsTheExactResponse() throws {
    var random = SeededRandom(seed: testSeed("smoothing"))
    let constant = 10 * second
    var readings: [Reading] = []
    var time: Int64 = 5
    for index in 0..<2000 {
      time += Int64.random(in: 1...20 * second, using: &random)
      let value = Double.random(in: -50...50, using: &random)
      readings.append(Reading(time: time, sequence: UInt64(index), value: value, channel: 0))
    }
    let events = try run([.smooth(timeConstant: constant)], readings)
    var expected = readings[0].value
    for index in readings.indices {
      if index > 0 {
        let elapsed = Double(readings[index].time - readings[index - 1].time)
        let decay = exp(-elapsed / Double(constant))
        expected = expected * decay + readings[index].value * (1 - decay)
      }
      #expect((events[index].value - expected).magnitude < 1e-12)
    }
  }

  /// A step answered in two halves is a step answered at once: what "right for uneven periods"
  /// means.
  @Test func smoothingDoesNotDependOnThePeriod() throws {
    let whole = try run([.smooth(timeConstant: second)], samples([(0, 0), (second, 1)]))
    let halves = try run(
      [.smooth(timeConstant: second)], samples([(0, 0), (second / 3, 1), (second, 1)]))
    #expect((whole[1].value - (1 - exp(-1))).magnitude < 1e-15)
    #expect((whole[1].value - halves[2].value).magnitude < 1e-15)
  }

  @Test func smoothingGivesNoWeightToTimeThatDoesNotPass() throws {
    let events = try run(
      [.smooth(timeConstant: second)],
      samples([(5 * second, 1), (5 * second, 100), (2 * second, 100), (6 * second, 1)]))
    #expect(events.map(\.value) == [1, 1, 1, 1])
  }

  @Test func smoothingOfHugeValuesStaysFinite() throws {
    let huge = Double.greatestFiniteMagnitude
    let events = try run(
      [.smooth(timeConstant: second)], samples([(0, huge), (second, -huge), (timeMax, 7)]))
    #expect(events.allSatisfy { $0.value.isFinite })
    #expect(events[2].value == 7)
  }

  // MARK: Deadband

  @Test func deadbandPassesWhatMovedOrWasSilent() throws {
    var random = SeededRandom(seed: testSeed("deadband"))
    var readings: [Reading] = []
    var time: Int64 = 0
    for index in 0..<2000 {
      time += Int64.random(in: 0...second, using: &random)
      let value = Double(Int.random(in: 0...8, using: &random)) / 4
      readings.append(Reading(time: time, sequence: UInt64(index), value: value, channel: 0))
    }
    let events = try run([.deadband(delta: 1, silence: 3 * second)], readings)
    var expected: [Reading] = []
    for reading in readings {
      guard let last = expected.last else {
        expected.append(reading)
        continue
      }
      let hasMoved = abs(reading.value - last.value) > 1
      if hasMoved || reading.time - last.time >= 3 * second { expected.append(reading) }
    }
    #expect(events.map(\.readingSequence) == expected.map(\.sequence))
    #expect(events.map(\.value) == expected.map(\.value))
  }

  @Test func deadbandBoundaries() throws {
    let spec = StageSpec.deadband(delta: 0.5, silence: 10)
    let events = try run(
      [spec], samples([(0, 1), (9, 1.5), (10, 1.5), (5, 1.5), (0, 2), (3, 2.25), (13, 2.5)]))
    // 9: not more than delta, silence not full. 10: full. 5, 0: backwards, not more than delta.
    #expect(events.map(\.readingSequence) == [0, 2, 5, 6])
    let huge = Double.greatestFiniteMagnitude
    let far = try run(
      [.deadband(delta: 1, silence: 0)], samples([(0, huge), (1, -huge), (9, -huge)]))
    #expect(far.count == 2)
  }

  // MARK: Alarm

  @Test func alarmIsRaisedHeldAndCleared() throws {
    let spec = StageSpec.alarm(above: true, threshold: 80, hysteresis: 2, hold: 5 * second)
    let values: [Double] = [80, 81, 79, 81, 82, 83, 82, 81, 90, 79, 78.1, 78, 85, 70]
    let events = try run([spec], samples(values.enumerated().map { (Int64($0) * second, $1) }))
    let alarms = events.filter { $0.kind != .value }
    // Beyond from 3 s on, so raised by the value at 8 s; back by the hysteresis at 11 s.
    #expect(alarms.map(\.kind) == [.alarmRaised, .alarmCleared])
    #expect(alarms.map(\.time) == [8 * second, 11 * second])
    #expect(alarms.map(\.value) == [90, 78])
    #expect(alarms.map(\.readingSequence) == [8, 11])
    #expect(events.count == values.count + 2)
    // The alarm comes before the value that made it.
    #expect(events[8].kind == .alarmRaised && events[9].readingSequence == 8)
  }

  @Test func alarmBelowWithoutHold() throws {
    let spec = StageSpec.alarm(above: false, threshold: 10, hysteresis: 0, hold: 0)
    let events = try run([spec], samples([(0, 10), (1, 9), (2, 9), (3, 10), (4, 9)]))
    #expect(
      events.map(\.kind) == [
        .value, .alarmRaised, .value, .value, .alarmCleared, .value, .alarmRaised, .value,
      ])
  }

  @Test func alarmIsRaisedByTheClockWhenNothingElseComes() throws {
    let spec = StageSpec.alarm(above: true, threshold: 1, hysteresis: 0, hold: second)
    let early = try run([spec], samples([(0, 2)]), until: second + graceMax - 1)
    #expect(early.map(\.kind) == [.value])
    let events = try run([spec], samples([(0, 2)]), until: second + graceMax)
    #expect(events.map(\.kind) == [.value, .alarmRaised])
    #expect(events[1].time == second)
    #expect(events[1].value == 2)
  }

  /// A value that comes after the alarm was due raises it first, although nobody looked at the
  /// clock.
  @Test func alarmThatIsOverdueIsRaisedBeforeItIsCleared() throws {
    let spec = StageSpec.alarm(above: true, threshold: 1, hysteresis: 0, hold: second)
    let events = try run([spec], samples([(0, 2), (10 * second, 0)]))
    #expect(events.map(\.kind) == [.value, .alarmRaised, .alarmCleared, .value])
    #expect(events.map(\.time) == [0, second, 10 * second, 10 * second])
  }

  @Test func alarmWithTimeGoingBackwardsStaysPending() throws {
    let spec = StageSpec.alarm(above: true, threshold: 1, hysteresis: 0, hold: 10)
    let events = try run([spec], samples([(100, 2), (0, 2), (109, 2), (110, 2)]))
    #expect(events.map(\.kind) == [.value, .value, .value, .alarmRaised, .value])
  }

  @Test func alarmWithAnEndlessHysteresisNeverClears() throws {
    let huge = Double.greatestFiniteMagnitude
    let spec = StageSpec.alarm(above: false, threshold: huge, hysteresis: huge, hold: 0)
    let events = try run([spec], samples([(0, 1), (1, huge), (2, -huge)]))
    #expect(events.filter { $0.kind != .value }.map(\.kind) == [.alarmRaised])
  }
}
