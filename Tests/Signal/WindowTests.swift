// Invariants checked:
// - windows are those of a naive grouping of all values: aligned, each told once, none empty;
// - the mean is that of a sum in extended precision, and lies between minimum and maximum;
// - a window ends by the next value or by the clock; a late value is counted, never dropped;
// - windows of windows are the same as wide windows; a full count stays full.

import Ring
import Seeds
import Testing

@testable import Signal

@Suite struct WindowTests {
  @Test(arguments: [1, 7, 1000] as [Int64])
  func windowsAreThoseOfANaiveGrouping(spanMilliseconds: Int64) throws {
    let span = spanMilliseconds * millisecond
    var random = SeededRandom(seed: testSeed("window"))
    var readings: [Reading] = []
    var time: Int64 = Int64.random(in: 0...span, using: &random)
    for index in 0..<3000 {
      time += Int64.random(in: 0...span / 2, using: &random)
      if index % 500 == 499 { time += 5 * span }  // windows without values
      let value = Double.random(in: 101_000...102_000, using: &random)
      readings.append(Reading(time: time, sequence: UInt64(index), value: value, channel: 0))
    }
    let events = try run([.window(span: span)], readings, until: time + span + graceMax)
    let groups = Dictionary(grouping: readings) { $0.time / span }
    #expect(events.map { $0.time / span - 1 } == groups.keys.sorted())
    for event in events {
      let group = groups[event.time / span - 1] ?? []
      let values = group.map(\.value)
      let sum = values.reduce(Accurate(0)) { $0 + Accurate($1) }
      #expect(event.kind == .window && event.span == span && event.time % span == 0)
      #expect(Int(event.count) == values.count)
      #expect(event.minimum == values.min() && event.maximum == values.max())
      #expect((event.value - Double(sum / Accurate(values.count))).magnitude <= event.value.ulp)
      #expect(event.readingSequence == group.last?.sequence)
    }
    #expect(events.map(\.sequence) == Array(0..<UInt64(events.count)))
  }

  /// A million values whose plain sum would have lost 4 digits.
  @Test func meanDoesNotLoseDigits() {
    var state = WindowState()
    var random = SeededRandom(seed: testSeed("mean"))
    var sum = Accurate(0)
    for index in 0..<1_000_000 {
      let value = 1e9 + Double.random(in: 0...1e-3, using: &random)
      sum += Accurate(value - 1e9)
      var event = Event(kind: .value, channel: 0, time: Int64(index), value: value)
      #expect(state.apply(&event, span: second) == .absorbed)
    }
    let mean = state.close(channel: 0, span: second).value
    #expect((mean - (1e9 + Double(sum / 1_000_000))).magnitude <= mean.ulp)
  }

  @Test func meanOfHugeAndTinyValuesStaysBetweenThem() throws {
    let huge = Double.greatestFiniteMagnitude
    let events = try run(
      [.window(span: 10)], samples([(0, huge), (1, huge), (2, huge), (10, -huge), (11, huge)]),
      until: 100)
    #expect(events.map(\.value) == [huge, 0])
    let tiny = Double.leastNonzeroMagnitude
    let small = try run([.window(span: 10)], samples([(0, tiny), (1, tiny)]), until: 100)
    #expect(small.map(\.value) == [tiny])
  }

  @Test func windowIsClosedByTheClockAfterItsGrace() throws {
    let spec = StageSpec.window(span: second)
    #expect(try run([spec], samples([(5, 1)]), until: second + graceMax - 1).isEmpty)
    let events = try run([spec], samples([(5, 1)]), until: second + graceMax)
    #expect(events.map(\.time) == [second])
    // A short window does not wait longer than itself.
    #expect(try run([.window(span: 10)], samples([(5, 1)]), until: 19).isEmpty)
    #expect(try run([.window(span: 10)], samples([(5, 1)]), until: 20).count == 1)
  }

  @Test func theEndIsTheFirstInstantOfTheNextWindow() throws {
    let events = try run([.window(span: 10)], samples([(9, 1), (10, 2), (20, 3)]))
    #expect(events.map(\.time) == [10, 20])
    #expect(events.map(\.count) == [1, 1])
  }

  @Test func aLateValueIsCountedInTheNextWindow() throws {
    // 100 closes the window that ends at 10 … 5 is older than what was told, 95 than what is open.
    let events = try run(
      [.window(span: 10)], samples([(5, 1), (100, 2), (5, 3), (95, 4), (110, 5)]), until: 200)
    #expect(events.map(\.time) == [10, 110, 120])
    #expect(events.map(\.count) == [1, 3, 1])
    #expect(events.map(\.maximum) == [1, 4, 5])
  }

  @Test func aLateValueAfterTheClockOpensTheEarliestWindowLeft() throws {
    let layout = Layout(
      try makePlan([[.window(span: 10)]]), inputCount: 1, inputCapacity: 8, outputCapacity: 8)
    let surroundings = Surroundings(layout)
    var pipeline = try surroundings.makePipeline()
    for (time, now) in [(5, 20), (7, 21), (8, 40)] as [(Int64, Int64)] {
      #expect(try surroundings.push(Reading(time: time, sequence: 0, value: 1, channel: 0)))
      _ = pipeline.step(now: now)
    }
    let events = try surroundings.takeEvents()
    #expect(events.map(\.time) == [10, 20])
    #expect(events.map(\.count) == [1, 2])
  }

  @Test func windowsOfWindowsAreWideWindows() throws {
    var random = SeededRandom(seed: testSeed("nested windows"))
    let values = (0..<500).map { index in
      (Int64(index) * 100 * millisecond + 7, Double(Int.random(in: 0...1000, using: &random)))
    }
    let end = values[499].0 + 100 * second
    let wide = try run([.window(span: 10 * second)], samples(values), until: end)
    let nested = try run(
      [.window(span: second), .window(span: 10 * second)], samples(values), until: end)
    #expect(wide.count == 5)
    #expect(nested.map(\.time) == wide.map(\.time))
    #expect(nested.map(\.count) == wide.map(\.count))
    #expect(nested.map(\.minimum) == wide.map(\.minimum))
    #expect(nested.map(\.maximum) == wide.map(\.maximum))
    for (a, b) in zip(nested, wide) { #expect((a.value - b.value).magnitude < 1e-9) }
  }

  @Test func aFullCountStaysFull() {
    var state = WindowState()
    var event = Event(kind: .value, channel: 0, time: 0, value: 8)
    #expect(state.apply(&event, span: 10) == .absorbed)
    state.sum *= Double(UInt32.max)
    state.count = .max
    event.value = 9
    #expect(state.apply(&event, span: 10) == .absorbed)
    let window = state.close(channel: 0, span: 10)
    #expect(window.count == .max && window.maximum == 9 && window.minimum == 8)
    #expect(window.value == 8)
  }
}

#if arch(x86_64)
  typealias Accurate = Float80
#else
  typealias Accurate = Double
#endif

extension WindowState {
  init() {
    self.init(
      start: 0, earliest: 0, sum: 0, compensation: 0, minimum: 0, maximum: 0, lastSequence: 0,
      count: 0, factor: 0)
  }
}
