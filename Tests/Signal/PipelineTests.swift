// Invariants checked:
// - bad, not finite, unknown and gap readings make exactly the documented event, and leave the
//   stages as they are;
// - no reading and no time, however absurd, makes the pipeline trap, and no reading makes more than
//   `eventsPerReadingMax` events;
// - sequence numbers have no hole; what the output had no room for is told exactly, once;
// - a batch is bounded, inputs are served fairly, deadlines are not starved;
// - how readings are cut into batches, and restarts between batches, change nothing.

import Ring
import Seeds
import Testing

@testable import Signal

/// A pipeline over one or more inputs with plenty of room.
func makeSurroundings(
  _ channels: [[StageSpec]], inputs: Int = 1, inputCapacity: Int = 1024, outputCapacity: Int = 8192
) throws -> Surroundings {
  Surroundings(
    Layout(
      try makePlan(channels), inputCount: inputs, inputCapacity: inputCapacity,
      outputCapacity: outputCapacity))
}

@Suite struct PipelineTests {
  @Test func badReadingsGoPastTheStages() throws {
    let surroundings = try makeSurroundings([[.median(width: 3), .scale(factor: 2, offset: 0)]])
    var pipeline = try surroundings.makePipeline()
    let qualities: [Quality] = [.nack, .timeout, .busStuck, .busFault, .deviceFault, .notReady]
    var sequence: UInt64 = 0
    for quality in qualities {
      for reading in [
        Reading(time: 1, sequence: sequence, value: 5, channel: 0),
        Reading(time: 2, sequence: sequence + 1, value: 900, channel: 0, quality: quality),
      ] {
        #expect(try surroundings.push(reading))
      }
      sequence += 2
    }
    _ = pipeline.step(now: 3)
    let events = try surroundings.takeEvents()
    #expect(events.count == 12)
    for (index, event) in events.enumerated() {
      #expect(event.kind == .value && event.readingSequence == UInt64(index))
      #expect(event.quality == (index % 2 == 0 ? .good : qualities[index / 2]))
      #expect(index % 2 == 0 ? event.value == 10 : event.value.isNaN)
    }
  }

  @Test func valuesThatAreNotFiniteAreOutOfRange() throws {
    let events = try run(
      [.smooth(timeConstant: second)],
      samples([(0, 1), (1, .nan), (2, .infinity), (3, -.infinity), (4, 1)]))
    #expect(events.map(\.quality) == [.good, .outOfRange, .outOfRange, .outOfRange, .good])
    #expect(events[4].value == 1)
  }

  @Test func gapsPassAsTheyAre() throws {
    let kinds: [(ReadingKind, EventKind)] = [
      (.missedDeadlines, .missedDeadlines), (.lostEdges, .lostEdges), (.overflow, .droppedReadings),
    ]
    for (kind, expected) in kinds {
      for count in [0, 1, UInt32.max] {
        let reading = Reading(
          time: 4, sequence: 77, value: .nan, count: count, channel: 0, kind: kind)
        let events = try run([.window(span: 10)], [reading])
        #expect(events.map(\.kind) == [expected])
        #expect(events[0].readingSequence == 77 && events[0].count == count && events[0].time == 4)
      }
    }
  }

  @Test func edgesStayEdgesUntilTheyAreComputedWith() throws {
    let edge = Reading(time: 4, sequence: 1, value: 1, count: 9, channel: 0, kind: .edge)
    #expect(try run([], [edge]).map(\.kind) == [.edge])
    #expect(try run([.deadband(delta: 0, silence: 0)], [edge]).map(\.kind) == [.edge])
    #expect(try run([.median(width: 3)], [edge]).map(\.kind) == [.value])
    let pulses = Reading(time: 4, sequence: 1, value: 12, channel: 0, kind: .pulses)
    #expect(try run([.scale(factor: 0.5, offset: 0)], [pulses]).map(\.value) == [6])
  }

  @Test func aChannelThatDoesNotExistIsCounted() throws {
    let surroundings = try makeSurroundings([[], []])
    var pipeline = try surroundings.makePipeline()
    for channel in [1, 2, 65_535, 0] as [UInt16] {
      #expect(
        try surroundings.push(Reading(time: 0, sequence: 0, value: 1, channel: channel)))
    }
    #expect(pipeline.step(now: 0).readingCount == 4)
    #expect(try surroundings.takeEvents().map(\.channel) == [1, 0])
    let expected = PipelineTotals(readings: 4, readingsRejected: 2, events: 2, eventsDropped: 0)
    #expect(pipeline.totals == expected)
  }

  /// The most that one reading can do: eight alarms that are overdue, and end.
  @Test func aReadingMakesABoundedNumberOfEvents() throws {
    let alarm = StageSpec.alarm(above: true, threshold: 1, hysteresis: 0, hold: second)
    let events = try run(
      Array(repeating: alarm, count: channelStageCountMax), samples([(0, 2), (9 * second, 0)]))
    #expect(events.count == 1 + eventsPerReadingMax)
  }

  /// Every kind of reading with every kind of absurd number, through every stage in random order.
  @Test func nothingTraps() throws {
    let seed = testSeed("absurd readings")
    var random = SeededRandom(seed: seed)
    for _ in 0..<200 {
      let channels = (0..<3).map { _ in randomStages(&random) }
      let surroundings = try makeSurroundings(channels)
      var pipeline = try surroundings.makePipeline()
      for _ in 0..<40 {
        #expect(try surroundings.push(absurdReading(&random)))
        let now = absurdTime(&random)
        _ = pipeline.step(now: now)
        let events = try surroundings.takeEvents()
        // One reading, and as many deadlines as there are stages.
        #expect(events.count <= eventsPerReadingMax * (1 + 3 * channelStageCountMax))
        for event in events where event.quality == .good {
          #expect(event.value.isFinite && event.minimum.isFinite && event.maximum.isFinite)
        }
      }
    }
  }

  @Test func aBatchIsBoundedAndInputsAreServedInTurn() throws {
    let surroundings = try makeSurroundings([[], [], []], inputs: 3)
    var pipeline = try surroundings.makePipeline()
    for index in 0..<1000 {
      let reading = Reading(time: 0, sequence: UInt64(index), value: 1, channel: 0)
      #expect(try surroundings.push(reading, to: 0))
    }
    for channel in [1, 2] as [UInt16] {
      for index in 0..<90 {
        let reading = Reading(time: 0, sequence: UInt64(index), value: 1, channel: channel)
        #expect(try surroundings.push(reading, to: Int(channel)))
      }
    }
    let step = pipeline.step(now: 5)
    #expect(step.readingCount == batchReadingCountMax && step.nextDeadline <= 5)
    let events = try surroundings.takeEvents()
    for channel in 0..<3 as Range<UInt16> {
      #expect(events.filter { $0.channel == channel }.count >= 85)
    }
    // What two inputs leave the third may use: all is taken in as few steps as it can be.
    var counts: [Int] = []
    for _ in 0..<4 { counts.append(pipeline.step(now: 5).readingCount) }
    #expect(counts == [256, 256, 256, 156])
    #expect(
      pipeline.step(now: 5)
        == PipelineStep(
          readingCount: 0, hasCommitted: false, nextDeadline: .max))
  }

  /// While readings wait, the clock closes nothing, because they may belong to it; but not for
  /// ever.
  @Test func aFloodDoesNotStarveDeadlines() throws {
    let surroundings = try makeSurroundings([[.window(span: second)], []], inputs: 2)
    var pipeline = try surroundings.makePipeline()
    #expect(try surroundings.push(Reading(time: 0, sequence: 0, value: 1, channel: 0), to: 0))
    #expect(pipeline.step(now: 1).nextDeadline == second + graceMax)
    var batches = 0
    var windows: [Event] = []
    while windows.isEmpty, batches < 100 {
      while try surroundings.push(Reading(time: 9, sequence: 0, value: 1, channel: 1), to: 1) {}
      #expect(pipeline.step(now: 2 * second).readingCount == batchReadingCountMax)
      batches += 1
      windows = try surroundings.takeEvents().filter { $0.kind == .window }
    }
    #expect(batches == fullBatchCountMax)
  }

  @Test func deadlinesAreFoundAgainAfterARestart() throws {
    let alarm = StageSpec.alarm(above: true, threshold: 0, hysteresis: 0, hold: 2 * second)
    let surroundings = try makeSurroundings([[.window(span: second)], [alarm]])
    var pipeline = try surroundings.makePipeline()
    for channel in [0, 1] as [UInt16] {
      #expect(try surroundings.push(Reading(time: 0, sequence: 0, value: 1, channel: channel)))
    }
    _ = pipeline.step(now: 0)
    _ = try surroundings.takeEvents()
    pipeline = try surroundings.makePipeline()
    #expect(pipeline.step(now: 1).nextDeadline == second + graceMax)
    #expect(pipeline.step(now: second + graceMax).nextDeadline == 2 * second + graceMax)
    pipeline = try surroundings.makePipeline()
    #expect(pipeline.step(now: 2 * second + graceMax).nextDeadline == .max)
    #expect(try surroundings.takeEvents().map(\.kind) == [.window, .alarmRaised])
  }

  @Test func aDeadlineThatTheDataHasMetCommitsNothing() throws {
    let surroundings = try makeSurroundings([[.window(span: second)]])
    var pipeline = try surroundings.makePipeline()
    for time in [0, second] {
      #expect(try surroundings.push(Reading(time: time, sequence: 0, value: 1, channel: 0)))
      #expect(pipeline.step(now: time).nextDeadline == second + graceMax)
    }
    // The first window is gone; the clock finds only the second, whose time has not come.
    let idle = PipelineStep(
      readingCount: 0, hasCommitted: false, nextDeadline: 2 * second + graceMax)
    #expect(pipeline.step(now: second + graceMax) == idle)
    #expect(pipeline.step(now: second + graceMax + 1) == idle)
    #expect(pipeline.step(now: 2 * second + graceMax).hasCommitted)
    #expect(try surroundings.takeEvents().map(\.time) == [second, 2 * second])
  }

  @Test func manyDeadlinesTakeSeveralSteps() throws {
    let surroundings = try makeSurroundings(
      Array(repeating: [.window(span: second)], count: 600))
    var pipeline = try surroundings.makePipeline()
    for channel in 0..<600 as Range<UInt16> {
      #expect(try surroundings.push(Reading(time: 0, sequence: 0, value: 1, channel: channel)))
    }
    for _ in 0..<3 { _ = pipeline.step(now: 0) }
    var counts: [Int] = []
    var step = pipeline.step(now: 2 * second)
    while step.hasCommitted, counts.count < 5 {
      counts.append(try surroundings.takeEvents().count)
      step = pipeline.step(now: 2 * second)
    }
    #expect(counts == [256, 256, 88])
    #expect(step.nextDeadline == .max)
  }

  @Test func plansRefuseWhatTheyCannotHold() throws {
    #expect(throws: PlanError.tooManyStages) {
      try makePlan([Array(repeating: .scale(factor: 1, offset: 0), count: 9)])
    }
    let invalid: [StageSpec] = [
      .scale(factor: .nan, offset: 0), .scale(factor: 1, offset: .infinity), .median(width: 1),
      .median(width: 4), .median(width: 33), .smooth(timeConstant: 0),
      .deadband(delta: -1, silence: 0), .deadband(delta: 1, silence: -1), .window(span: 0),
      .window(span: .max), .alarm(above: true, threshold: 0, hysteresis: -1, hold: 0),
      .alarm(above: true, threshold: 0, hysteresis: 0, hold: -1),
    ]
    for spec in invalid {
      #expect(throws: PlanError.invalidStage) { try makePlan([[spec]]) }
    }
    // Safe: as many bytes as the plan asks for, for ever.
    var plan = unsafe PipelinePlan(
      memory: .allocate(byteCount: 64, alignment: 8), channelCount: 1, stageCount: 0)
    #expect(throws: PlanError.noChannel) { try plan.append(.window(span: 1)) }
    try plan.appendChannel()
    #expect(throws: PlanError.tooManyChannels) { try plan.appendChannel() }
    #expect(throws: PlanError.tooManyStages) { try plan.append(.window(span: 1)) }
  }

  @Test func stateIsAsLargeAsTheConfiguration() throws {
    #expect(try makePlan([[], []]).stateByteCount == 72)
    let plan = try makePlan([[.median(width: 3), .window(span: 1)], [.median(width: 31)]])
    #expect(plan.stateByteCount == 72 + 56 + 64 + 504)
    #expect(try makePlan([[], []], priorities: [.low, .high]).stateByteCount == 72 + 32)
  }

  #if os(Linux)
    @Test func aStateOfAnotherPlanTraps() async {
      await #expect(processExitsWith: .failure) {
        let surroundings = try makeSurroundings([[.window(span: 9), .smooth(timeConstant: 1)]])
        var pipeline = try surroundings.makePipeline()
        _ = try surroundings.push(Reading(time: 0, sequence: 0, value: 1, channel: 0))
        _ = pipeline.step(now: 0)
        // As many bytes of state, in another order.
        let plan = try makePlan([[.smooth(timeConstant: 1), .window(span: 9)]])
        let inputs = [try surroundings.input(0)]
        _ = Pipeline(
          plan: plan, inputs: inputs.span, output: try surroundings.output(),
          cell: try CommitCell(attaching: surroundings.arena[surroundings.layout.cell]))
      }
    }
  #endif
}

// MARK: - Random input

func randomStages(_ random: inout SeededRandom) -> [StageSpec] {
  (0..<Int.random(in: 0...channelStageCountMax, using: &random)).map { _ in
    switch Int.random(in: 0..<6, using: &random) {
    case 0: .scale(factor: Double.random(in: -2...2, using: &random), offset: 1)
    case 1: .median(width: UInt8(Int.random(in: 1...15, using: &random) * 2 + 1))
    case 2: .smooth(timeConstant: Int64.random(in: 1...10 * second, using: &random))
    case 3: .deadband(delta: 0.5, silence: Int64.random(in: 0...5 * second, using: &random))
    case 4: .window(span: Int64.random(in: 1...5 * second, using: &random))
    default:
      .alarm(
        above: Bool.random(using: &random), threshold: 3, hysteresis: 1,
        hold: Int64.random(in: 0...2, using: &random) * second)
    }
  }
}

func absurdTime(_ random: inout SeededRandom) -> Int64 {
  switch Int.random(in: 0..<6, using: &random) {
  case 0: .min
  case 1: .max
  case 2: -1
  case 3: 0
  default: Int64.random(in: 0...100 * second, using: &random)
  }
}

func absurdReading(_ random: inout SeededRandom) -> Reading {
  let values: [Double] = [
    .nan, .infinity, -.infinity, 0, -0.0, .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
    .leastNonzeroMagnitude, 1, 5,
  ]
  return Reading(
    time: absurdTime(&random), sequence: random.next(),
    value: values.randomElement(using: &random) ?? 0,
    count: UInt32.random(in: 0...9, using: &random),
    channel: UInt16.random(in: 0...3, using: &random),
    kind: ReadingKind(rawValue: UInt8.random(in: 0...5, using: &random)) ?? .sample,
    quality: Quality(rawValue: UInt8.random(in: 0...12, using: &random)) ?? .good)
}
