// Invariants checked, of the level:
// - over every series of fills: it moves by one at a time, never sooner than the policy's times
//   after the last move or turn, and only where the policy says; at a constant fill it comes to
//   rest;
// - in the band between a level's begin and its end it stays for ever;
// - it is told, each time once, also when the pipeline is killed and made again.
//
// Of what it does:
// - windows of low and normal channels are wider at their levels, aligned, and say their span; no
//   value is lost or counted twice; a window before an alarm, and one of a high channel, stays;
// - only alarms use the reserve; sequence numbers stay whole, and gaps are told exactly;
// - deadlines that were left out are told with their exact count, in few events, and never dropped.

import Ring
import Seeds
import Testing

@testable import Signal

private let policy = OverloadPolicy(
  begins: (50, 75, 90), margin: 20, beginAfter: 2, endAfter: 3, widen: 2, reserve: 4)

@Suite struct OverloadTests {
  /// Every series of six fills out of those around each bound, with every even spacing.
  @Test func everySeriesOfFills() {
    let fills = [0, 30, 31, 49, 50, 70, 75, 90, 100]
    var code = [Int](repeating: 0, count: 6)
    for number in 0..<531_441 {  // 9⁶
      var rest = number
      for index in code.indices {
        code[index] = fills[rest % fills.count]
        rest /= fills.count
      }
      expectRight(code, spacing: Int64(number % 4))
    }
  }

  private func expectRight(_ fills: [Int], spacing: Int64) {
    var gauge = OverloadGauge()
    var level: UInt8 = 0
    var quiet: Int64 = .min
    for (index, fill) in fills.enumerated() {
      let now = Int64(index) * spacing
      let next = gauge.level(after: level, fill: fill, now: now, policy: policy)
      if next != level {
        let rises = next > level
        let isRight =
          rises
          ? next == level + 1 && fill >= policy.begin(of: next)
          : next == level - 1 && fill <= policy.begin(of: level) - 20
        #expect(isRight, "\(fills) \(spacing): \(level) to \(next) at \(fill)")
        let wait = rises ? policy.beginAfter : policy.endAfter
        let isPatient = quiet == .min ? now >= wait : now - quiet >= wait
        #expect(isPatient, "\(fills) \(spacing): too soon")
        quiet = now
        level = next
      }
    }
  }

  @Test(arguments: 0...100) func aConstantFillComesToRest(fill: Int) {
    for start in UInt8(0)...3 {
      var gauge = OverloadGauge()
      var level = start
      var changes = 0
      for now in Int64(0)..<60 {
        let next = gauge.level(after: level, fill: fill, now: now, policy: policy)
        changes += next == level ? 0 : 1
        level = next
      }
      #expect(changes <= 3)
      #expect(level == 3 || fill < policy.begin(of: level + 1))
      #expect(level == 0 || fill > policy.begin(of: level) - 20)
      // In its band it did not move at all.
      let stays =
        (start == 3 || fill < policy.begin(of: start + 1))
        && (start == 0 || fill > policy.begin(of: start) - 20)
      #expect(changes == 0 || !stays)
    }
  }

  @Test func aClockThatGoesBackOnlyDelays() {
    var gauge = OverloadGauge()
    #expect(gauge.level(after: 0, fill: 100, now: 1000, policy: policy) == 0)
    #expect(gauge.level(after: 0, fill: 100, now: 5, policy: policy) == 0)
    #expect(gauge.level(after: 0, fill: 100, now: 6, policy: policy) == 0)
    #expect(gauge.level(after: 0, fill: 100, now: 7, policy: policy) == 1)
  }

  @Test func factors() {
    let factors = ([.low, .normal, .high] as [ChannelPriority]).map { priority in
      (UInt8(0)...3).map { policy.windowFactor(priority, level: $0) }
    }
    #expect(factors == [[1, 2, 4, 8], [1, 1, 4, 8], [1, 1, 1, 1]])
    #expect(power(of: 10, 3) == 1000 && power(of: 1, 3) == 1 && power(of: 7, 0) == 1)
    #expect(OverloadPolicy.off.windowFactor(.low, level: 3) == 1)
  }
}

/// A pipeline over an output that nobody empties, by the clock of the test.
private func makeOverloaded(
  _ channels: [[StageSpec]], _ priorities: [ChannelPriority] = [], capacity: Int = 32,
  reserve: UInt32 = 4
) throws -> Surroundings {
  let policy = OverloadPolicy(
    begins: (50, 75, 90), margin: 20, beginAfter: 0, endAfter: 0, widen: 2, reserve: reserve)
  let plan = try makePlan(channels, priorities: priorities, overload: policy)
  return Surroundings(
    Layout(plan, inputCount: 1, inputCapacity: 64, outputCapacity: capacity))
}

private func sample(
  _ sequence: UInt64, at time: Int64, value: Double = 1, channel: UInt16 = 0
) -> Reading {
  Reading(time: time, sequence: sequence, value: value, channel: channel)
}

@Suite struct OverloadedPipelineTests {
  /// The output fills, the level rises and is told; it is emptied, and the level falls and is told,
  /// with restarts between all steps.
  @Test(arguments: [false, true]) func theLevelIsToldOnce(restarts: Bool) throws {
    let surroundings = try makeOverloaded([[]])
    var pipeline = try surroundings.makePipeline()
    var account = Account()
    var now: Int64 = 0
    var levels: [UInt8] = []
    func step() {
      now += overloadMeasurePeriod
      _ = pipeline.step(now: now)
      if restarts { pipeline = try! surroundings.makePipeline() }
      if levels.last != pipeline.overloadLevel { levels.append(pipeline.overloadLevel) }
    }
    for index in 0..<UInt64(26) {
      #expect(try surroundings.push(sample(index, at: now)))
      step()
    }
    #expect(levels == [0, 1, 2, 3])
    for _ in 0..<8 {
      account.take(try surroundings.takeEvents(limit: 8))
      step()
    }
    account.take(try surroundings.takeEvents())
    #expect(levels == [0, 1, 2, 3, 2, 1, 0])
    #expect(account.isWhole)
    let told = account.delivered.filter { $0.kind == .overload }.map { UInt8($0.count) }
    // What came while the ring was full up to the reserve was dropped, and told as such.
    #expect(told == [1, 2, 3, 2, 1, 0])
  }

  /// The input counts too: a pipeline that is behind its readings.
  @Test func aFullInputIsOverload() throws {
    let surroundings = try makeOverloaded([[]], capacity: 1024)
    var pipeline = try surroundings.makePipeline()
    for index in 0..<UInt64(40) { #expect(try surroundings.push(sample(index, at: 0))) }
    _ = pipeline.step(now: 1)
    #expect(pipeline.overloadLevel == 1)
    _ = pipeline.step(now: 1 + overloadMeasurePeriod)
    #expect(pipeline.overloadLevel == 0)
  }

  @Test func withoutAPolicyNothingChanges() throws {
    let surroundings = Surroundings(
      Layout(
        try makePlan([[]], priorities: [.low]), inputCount: 1, inputCapacity: 64,
        outputCapacity: 8))
    var pipeline = try surroundings.makePipeline()
    for index in 0..<UInt64(60) {
      #expect(try surroundings.push(sample(index, at: 0)))
      _ = pipeline.step(now: Int64(index) * second)
    }
    #expect(pipeline.overloadLevel == 0)
    #expect(try surroundings.takeEvents().map(\.sequence) == [0, 1, 2, 3, 4, 5, 6, 7])
  }

  /// Values, gaps and level events stop at the reserve; alarms go on until the ring is full; then
  /// they are counted too.
  @Test func onlyAlarmsUseTheReserve() throws {
    let alarm = StageSpec.alarm(above: true, threshold: 10, hysteresis: 0, hold: 0)
    let surroundings = try makeOverloaded([[], [alarm, .window(span: 3600 * second)]], [.high])
    var pipeline = try surroundings.makePipeline()
    func push(_ reading: Reading) throws {
      #expect(try surroundings.push(reading))
      _ = pipeline.step(now: 0)
    }
    for index in 0..<UInt64(40) { try push(sample(index, at: 0)) }
    let full = pipeline.totals
    #expect(full.events == 28 && full.eventsDropped > 0)
    // The first takes two places: the gap stands before it.
    try push(sample(0, at: 1, value: 11, channel: 1))
    #expect(pipeline.totals.events == 30)
    try push(sample(1, at: 2, value: 9, channel: 1))
    try push(sample(40, at: 3))
    // One place is left, but there is a gap again, which must come before it.
    let before = pipeline.totals
    try push(sample(2, at: 4, value: 11, channel: 1))
    #expect(pipeline.totals.eventsDropped == before.eventsDropped + 1)
    var account = Account()
    account.take(try surroundings.takeEvents())
    _ = pipeline.step(now: 0)
    account.take(try surroundings.takeEvents())
    #expect(account.isWhole)
    let alarms = account.delivered.filter { $0.kind.isAlarm }.map(\.kind)
    #expect(alarms == [.alarmRaised, .alarmCleared])
    let totals = pipeline.totals
    #expect(account.next == totals.events + totals.eventsDropped)
    #expect(totals.events == UInt64(account.delivered.count))
  }

  /// Random traffic with alarms through a ring that is emptied now and then: the same account as
  /// without a reserve, and no alarm is dropped while the reserve has room.
  @Test func theAccountStaysExact() throws {
    let seed = testSeed("alarm lane")
    var random = SeededRandom(seed: seed)
    let alarm = StageSpec.alarm(above: true, threshold: 0.95, hysteresis: 0.1, hold: 0)
    let surroundings = try makeOverloaded(
      [[], [alarm]], [.low, .normal], capacity: 64, reserve: 48)
    var pipeline = try surroundings.makePipeline()
    var account = Account()
    var raised = 0
    var beyond = false
    for round in 0..<2000 {
      let value = Double.random(in: 0...1, using: &random)
      let channel = UInt16.random(in: 0...1, using: &random)
      if channel == 1 {
        if value > 0.95, !beyond { raised += 1 }
        beyond = beyond ? value > 0.85 : value > 0.95
      }
      let reading = sample(UInt64(round), at: Int64(round), value: value, channel: channel)
      #expect(try surroundings.push(reading))
      _ = pipeline.step(now: Int64(round) * overloadMeasurePeriod)
      // An alarm and its gap come at most every second round: 48 places are enough for 48 rounds.
      if round % 24 == 23 { account.take(try surroundings.takeEvents()) }
      if round % 70 == 69 { pipeline = try surroundings.makePipeline() }
    }
    _ = pipeline.step(now: 2000 * overloadMeasurePeriod)
    account.take(try surroundings.takeEvents())
    let totals = pipeline.totals
    #expect(account.isWhole && totals.eventsDropped > 0, "seed \(seed)")
    #expect(account.next == totals.events + totals.eventsDropped, "seed \(seed)")
    #expect(account.delivered.count { $0.kind == .alarmRaised } == raised, "seed \(seed)")
  }
}

@Suite struct WideWindowTests {
  private final class Rig {
    let surroundings: Surroundings
    var pipeline: Pipeline
    var events: [Event] = []
    var sequence: UInt64 = 0

    init(_ channels: [[StageSpec]], _ priorities: [ChannelPriority]) throws {
      surroundings = try makeOverloaded(channels, priorities, capacity: 4096)
      pipeline = try surroundings.makePipeline()
    }

    /// One value for each channel at every second from `start` until `end`, at a level.
    func run(_ seconds: Range<Int64>, level: UInt8) throws {
      pipeline.changeOwn { $0.overloadLevel = UInt64(level) }
      for time in seconds {
        for channel in 0..<UInt16(surroundings.layout.plan.channelCount) {
          #expect(
            try surroundings.push(
              sample(sequence, at: time * second, value: Double(time), channel: channel)))
        }
        sequence += 1
        pipeline.measureTime = .max
        _ = pipeline.step(now: time * second)
        events += try surroundings.takeEvents()
      }
    }

    func windows(_ channel: UInt16) -> [Event] {
      events.filter { $0.channel == channel && $0.kind == .window }
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt8]) func windowsWidenAndNarrowAtTheirBounds(
    level: UInt8
  ) throws {
    let span = 10 * second
    let window = StageSpec.window(span: span)
    let alarm = StageSpec.alarm(above: true, threshold: 1e9, hysteresis: 0, hold: 0)
    let priorities: [ChannelPriority] = [.low, .normal, .high, .low]
    let rig = try Rig([[window], [window], [window], [window, alarm]], priorities)
    try rig.run(0..<35, level: 0)
    try rig.run(35..<275, level: level)
    try rig.run(275..<400, level: 0)
    for channel in 0..<UInt16(4) {
      let windows = rig.windows(channel)
      let wide =
        span
        * (channel < 2 ? Int64(policy.windowFactor(priorities[Int(channel)], level: level)) : 1)
      var end: Int64 = 0
      var counted: UInt32 = 0
      for window in windows {
        // One after the other, aligned to its own span or the rest of a wide one.
        #expect(window.time - window.span == end)
        #expect(window.span <= wide && window.time % span == 0)
        #expect(window.span == span || window.time % wide == 0)
        #expect(Int64(window.count) == window.span / second)
        #expect(window.minimum == Double(end / second))
        #expect(window.maximum == Double(window.time / second - 1))
        end = window.time
        counted += window.count
      }
      #expect(Int64(counted) == end / second)
      #expect(windows.first?.span == span && windows.last?.span == span)
      #expect(windows.map(\.span).max() == wide)
    }
  }

  /// What is wider than a window can be stays as it is.
  @Test func aWindowOfYearsIsNotWidened() throws {
    let span = StageSpec.spanMax / 2 + 1
    var state = WindowState(
      start: 0, earliest: 0, sum: 0, compensation: 0, minimum: 0, maximum: 0, lastSequence: 0,
      count: 0, factor: 0)
    var event = Event(kind: .value, channel: 0, time: timeMax, value: 1)
    #expect(state.apply(&event, span: span, factor: 1000) == .absorbed)
    #expect((state.deadline(span: span) ?? 0) > timeMax)
    #expect(state.close(channel: 0, span: span).span == span)
  }
}

@Suite struct SlowedSamplingTests {
  private func left(_ sequence: UInt64, _ count: UInt32, at time: Int64) -> Reading {
    Reading(
      time: time, sequence: sequence, value: .nan, count: count, channel: 0, kind: .slowed)
  }

  /// A channel at 1/4 for a minute: the gaps cover all that has no reading, in one event each ten
  /// seconds.
  @Test(arguments: [false, true]) func gapsAreCollected(restarts: Bool) throws {
    let surroundings = try makeOverloaded([[]], [.low], capacity: 4096)
    var pipeline = try surroundings.makePipeline()
    var events: [Event] = []
    for tick in 0..<60 as Range<Int64> {
      let sequence = UInt64(tick) * 4
      #expect(try surroundings.push(sample(sequence, at: tick * second)))
      #expect(try surroundings.push(left(sequence + 1, 3, at: tick * second)))
      _ = pipeline.step(now: tick * second)
      if restarts { pipeline = try surroundings.makePipeline() }
      events += try surroundings.takeEvents()
    }
    // No reading comes any more: the clock tells the rest.
    let last = pipeline.step(now: 59 * second + 1)
    #expect(last.nextDeadline <= 70 * second)
    _ = pipeline.step(now: last.nextDeadline)
    events += try surroundings.takeEvents()
    let gaps = events.filter { $0.kind == .slowedSampling }
    #expect(gaps.count <= 7)
    #expect(gaps.reduce(0) { $0 + $1.count } == 180)
    var next: UInt64 = 1
    for gap in gaps {
      #expect(gap.readingSequence == next)
      let end = gap.readingSequence + UInt64(gap.span)
      // Every fourth number in it came.
      #expect(UInt64(gap.count) == UInt64(gap.span) - (end - next) / 4)
      next = end + 1
    }
    #expect(events.count { $0.kind == .value } == 60)
  }

  /// While nothing but alarms has room the account waits, without spinning, and is not dropped.
  @Test func theAccountWaitsForRoom() throws {
    let surroundings = try makeOverloaded([[], []], [.low, .high])
    var pipeline = try surroundings.makePipeline()
    for index in 0..<UInt64(40) {
      #expect(try surroundings.push(sample(index, at: 0, channel: 1)))
      _ = pipeline.step(now: 0)
    }
    #expect(try surroundings.push(left(1, 7, at: 1)))
    _ = pipeline.step(now: 1)
    #expect(try surroundings.push(left(20, 5, at: 2)))
    pipeline.measureTime = .max
    let waiting = pipeline.step(now: 30 * second)
    #expect(waiting.nextDeadline == 31 * second)
    #expect(
      pipeline.step(now: 30 * second + 1)
        == PipelineStep(
          readingCount: 0, hasCommitted: false, nextDeadline: 31 * second))
    _ = try surroundings.takeEvents()
    _ = pipeline.step(now: 31 * second)
    let gap = try surroundings.takeEvents().last { $0.kind == .slowedSampling }
    #expect(gap?.readingSequence == 1 && gap?.count == 12 && gap?.span == 24)
  }

  /// A count that no event can carry is told in parts; a channel that is not low is told at once.
  @Test func hugeCountsAndOtherChannels() throws {
    let surroundings = try makeOverloaded([[], []], [.low, .normal], capacity: 64)
    var pipeline = try surroundings.makePipeline()
    for part in 0..<3 as Range<UInt64> {
      #expect(try surroundings.push(left(part << 32, .max, at: 0)))
    }
    var other = left(5, 2, at: 0)
    other.channel = 1
    #expect(try surroundings.push(other))
    _ = pipeline.step(now: 0)
    _ = pipeline.step(now: 11 * second)
    let gaps = try surroundings.takeEvents().filter { $0.kind == .slowedSampling }
    #expect(gaps.map(\.count) == [.max, .max, 2, .max])
    #expect(gaps.map(\.readingSequence) == [0, 1 << 32, 5, 2 << 32])
    #expect(gaps.map(\.channel) == [0, 0, 1, 0])
  }
}
