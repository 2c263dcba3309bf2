// Invariants:
// - Edges: those delivered and those reported as lost are, together, all that the line counted;
// every   sequence number is used once.
// - Counter: every interval that was watched as a whole is exact, also when the queue overflowed;
//   every other one is missed or bad, never a number.
// - A line that is not ours says so: on every deadline, or once for every reason.

import Ring
import Testing

@testable import Sensors

@Suite struct LineTests {
  private func source(
    _ mode: LineReading, _ filter: EdgeFilter = .both, hasHistory: Bool = false
  ) -> LineSource {
    LineSource(
      mode: mode, filter: filter, schedule: SenseSchedule(first: 100, period: 100), channel: 5,
      hasHistory: hasHistory)
  }

  private func event(_ time: Int64, _ number: UInt32) -> LineEvent {
    LineEvent(time: time, lineSequence: number, line: 0, isRising: number & 1 == 1)
  }

  @Test func edgesWithLosses() {
    var line = source(.edges)
    var next: UInt64 = 0
    var output = SenseOutput()
    #expect(line.attach(now: 0, next: &next, output: &output) == .nothing)
    #expect(output.count == 0)
    var told: UInt64 = 0
    var lost: UInt64 = 0
    for number: UInt32 in [1, 2, 3, 10, 11, 100] {
      var output = SenseOutput()
      lost += UInt64(line.take(event(Int64(number) * 7, number), next: &next, output: &output))
      for index in 0..<output.count {
        let reading = output[index]
        #expect(reading.sequence == told && reading.time == Int64(number) * 7)
        told += reading.kind == .lostEdges ? UInt64(reading.count) : 1
        if reading.kind == .edge {
          #expect(reading.value == (number & 1 == 1 ? 1 : 0) && reading.count == number)
        }
      }
    }
    #expect(told == 100 && next == 100 && lost == 94)
  }

  @Test func edgeNumbersWrap() {
    var line = source(.edges)
    var next: UInt64 = 0
    var output = SenseOutput()
    _ = line.attach(now: 0, next: &next, output: &output)
    var lost: UInt32 = 0
    for number: UInt32 in [1_500_000_000, 3_000_000_000, .max, 0, 1] {
      output.removeAll()
      lost &+= line.take(event(1, number), next: &next, output: &output)
    }
    #expect(next == 1 << 32 | 1)
    // A number that goes back invents nothing.
    output.removeAll()
    #expect(line.take(event(1, 0), next: &next, output: &output) == 0)
  }

  @Test func edgesAfterRestart() {
    var line = source(.edges, hasHistory: true)
    var next: UInt64 = 41
    var output = SenseOutput()
    _ = line.attach(now: 7, next: &next, output: &output)
    #expect(output.count == 1 && output[0].kind == .lostEdges && output[0].count == 0)
    #expect(next == 41)
    output.removeAll()
    #expect(line.detach(.absent, now: 8, next: &next, output: &output) == .failed(.absent))
    #expect(output.count == 1 && output[0].quality == .absent && output[0].kind == .edge)
    output.removeAll()
    #expect(line.detach(.absent, now: 9, next: &next, output: &output) == .nothing)
    #expect(output.count == 0 && next == 42)
    #expect(line.attach(now: 10, next: &next, output: &output) == .recovered)
    #expect(output.count == 1 && output[0].kind == .lostEdges)
  }

  /// Every combination of a line watched from some time on, lost and won again, with an edge every
  /// 7 ns of which the queue drops some.
  @Test func counterIsExactOrMissed() {
    for hasHistory in [false, true] {
      for start in stride(from: Int64(0), through: 450, by: 25) {
        for loss in stride(from: Int64(500), through: 900, by: 50) {
          for gain in [loss, loss + 40, loss + 350] {
            for dropped in [1, 4] {
              expectExact(start, loss, gain, dropped, hasHistory)
            }
          }
        }
      }
    }
  }

  private func expectExact(
    _ start: Int64, _ loss: Int64, _ gain: Int64, _ dropped: Int, _ hasHistory: Bool
  ) {
    let place = "from \(start), lost \(loss) to \(gain), every \(dropped)"
    var line = source(.counter, hasHistory: hasHistory)
    var next: UInt64 = 0
    var readings: [Reading] = []
    var lineSequence: UInt32 = 0
    func step(_ now: Int64) {
      while line.wakeTime(next: next) <= now {
        var output = SenseOutput()
        line.step(now: now, level: nil, next: &next, output: &output)
        for index in 0..<output.count { readings.append(output[index]) }
      }
    }
    var output = SenseOutput()
    var isWatched = false
    for now in start..<1500 {
      if now == loss {
        _ = line.detach(.absent, now: now, next: &next, output: &output)
        isWatched = false
      }
      if now == start || now == gain {
        _ = line.attach(now: now, next: &next, output: &output)
        isWatched = true
        lineSequence = 0
      }
      if isWatched, now % 7 == 0 {
        lineSequence += 1
        // The last edge before a deadline is never dropped, so that intervals stay comparable.
        if Int(lineSequence) % dropped == 0 || (now + 7) / 100 != now / 100 {
          step(now)
          _ = line.take(event(now, lineSequence), next: &next, output: &output)
        }
      }
      if now % 50 == 3 { step(now) }
    }
    #expect(output.count == 0)
    step(1500)
    var expected: UInt64 = 0
    for reading in readings {
      #expect(reading.sequence == expected, "\(place)")
      let end = Int64(reading.sequence) * 100 + 100
      let isWhole =
        start <= end - 100 && !(loss < end && gain > end - 100) && loss != gain
        || loss == gain && start <= end - 100 && !(gain > end - 100 && gain < end)
      switch (reading.kind, reading.quality) {
      case (.missedDeadlines, _): expected += UInt64(reading.count)
      case (.pulses, .good):
        let truth = (end - 100..<end).filter { $0 % 7 == 0 }.count
        #expect(isWhole && reading.value == Double(truth) && reading.time == end, "\(place) \(end)")
        expected += 1
      case (.pulses, .absent):
        // A line that is lost before the task comes to close the interval is bad too.
        #expect(loss < gain && loss < end + 50 && gain > end - 100, "\(place)")
        #expect(reading.value.isNaN, "\(place)")
        expected += 1
      default: Issue.record("\(place): \(reading)")
      }
    }
    #expect(expected == 15, "\(place)")
    let good = readings.filter { $0.kind == .pulses && $0.quality == .good }.count
    #expect(good >= 4, "\(place)")
  }

  /// A line that toggles, of whose edges the queue drops some and of which pairs become one event:
  /// where only one of the two happens, every edge is accounted for; never is one invented.
  @Test func everyEdgeIsAccountedFor() {
    for filter in [EdgeFilter.rising, .falling, .both] {
      for merged in Array(2..<30) + [.max] {
        for dropped in Array(2..<30) + [.max] {
          var edges = source(.edges, filter)
          var counter = source(.counter, filter)
          var output = SenseOutput()
          var next: [UInt64] = [0, 0]
          _ = edges.attach(now: 0, next: &next[0], output: &output)
          _ = counter.attach(now: 0, next: &next[1], output: &output)
          var truth: UInt64 = 0
          var number: UInt32 = 0
          var index = 0
          while index < 200 {
            // The pin rises with its even edges.
            let isMerged = index > 0 && index % merged == 0
            for edge in index...(isMerged ? index + 1 : index) {
              truth += UInt64(filter.count(of: 1, firstRises: edge % 2 == 0))
            }
            index += isMerged ? 2 : 1
            number += 1
            // Whatever is dropped, the last event arrives.
            if index < 200, number > 1, Int(number) % dropped == 0 { continue }
            let event = LineEvent(
              time: 1, lineSequence: number, line: 0, isRising: (index - 1) % 2 == 0)
            output.removeAll()
            _ = edges.take(event, next: &next[0], output: &output)
            _ = counter.take(event, next: &next[1], output: &output)
          }
          output.removeAll()
          counter.step(now: 100, level: nil, next: &next[1], output: &output)
          let place = "\(filter), merged \(merged), dropped \(dropped)"
          #expect(next[0] <= truth, "\(place): nothing is invented")
          #expect(output.count == 1 && output[0].value == Double(next[0]), "\(place)")
          if merged == .max || dropped == .max { #expect(next[0] == truth, "\(place)") }
        }
        var line = source(.counter, filter)
        var output = SenseOutput()
        var next: UInt64 = 0
        _ = line.attach(now: 0, next: &next, output: &output)
        // Rises, then short pulses of which each becomes one event: all of them are counted.
        for number in 1...10 as ClosedRange<UInt32> {
          let event = LineEvent(time: 1, lineSequence: number, line: 0, isRising: true)
          _ = line.take(event, next: &next, output: &output)
        }
        line.step(now: 100, level: nil, next: &next, output: &output)
        let expected = filter == .both ? 19.0 : filter == .rising ? 10.0 : 9.0
        #expect(output.count == 1 && output[0].value == expected)
      }
    }
  }

  @Test func level() {
    var line = source(.level)
    var next: UInt64 = 0
    var output = SenseOutput()
    _ = line.attach(now: 0, next: &next, output: &output)
    #expect(!line.wantsLevel(now: 99, next: next) && line.wantsLevel(now: 100, next: next))
    line.step(now: 100, level: true, next: &next, output: &output)
    line.step(now: 420, level: false, next: &next, output: &output)
    line.step(now: 500, level: nil, next: &next, output: &output)
    #expect(output.count == 4 && next == 5)
    #expect(output[0].value == 1 && output[2].value == 0 && output[3].quality == .busFault)
    #expect(output[1].kind == .missedDeadlines && output[1].sequence == 1 && output[1].count == 2)
    output.removeAll()
    _ = line.detach(.busFault, now: 510, next: &next, output: &output)
    #expect(output.count == 0 && !line.wantsLevel(now: 600, next: next))
    line.step(now: 600, level: nil, next: &next, output: &output)
    #expect(output.count == 1 && output[0].quality == .busFault && output[0].kind == .sample)
  }
}
