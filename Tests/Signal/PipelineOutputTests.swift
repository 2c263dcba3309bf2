// Invariants checked:
// - sequence numbers of events and of told gaps cover 0, 1, 2 … exactly once, however the output is
//   emptied;
// - what is delivered is what a pipeline with an endless output gives, less exactly what is told as
//   dropped;
// - a gap is told as soon as there is room, also when no reading comes;
// - cutting readings into batches and restarting between batches change nothing.

import Ring
import Seeds
import Testing

@testable import Signal

@Suite struct PipelineOutputTests {
  @Test(arguments: [2, 4, 16, 64])
  func whatIsDroppedIsToldExactly(capacity: Int) throws {
    let seed = testSeed("full output of \(capacity)")
    var random = SeededRandom(seed: seed)
    let alarm = StageSpec.alarm(above: true, threshold: 0, hysteresis: 0, hold: 0)
    let channels: [[StageSpec]] = [[], [alarm, alarm], [.median(width: 3)]]
    let narrow = try makeSurroundings(channels, outputCapacity: capacity)
    let wide = try makeSurroundings(channels)
    var account = Account()
    var all: [Event] = []
    var widePipeline = try wide.makePipeline()
    var pipeline = try narrow.makePipeline()
    for round in 0..<600 {
      for index in 0..<Int.random(in: 0...6, using: &random) {
        let reading = Reading(
          time: Int64(round * 10 + index), sequence: random.next(),
          value: Double.random(in: -1...1, using: &random),
          channel: UInt16.random(in: 0...2, using: &random))
        #expect(try narrow.push(reading) && wide.push(reading))
      }
      _ = pipeline.step(now: Int64(round * 10))
      _ = widePipeline.step(now: Int64(round * 10))
      all += try wide.takeEvents()
      account.take(try narrow.takeEvents(limit: Int.random(in: 0...6, using: &random)))
      if round % 50 == 49 { pipeline = try narrow.makePipeline() }
    }
    account.take(try narrow.takeEvents())
    _ = pipeline.step(now: 7000)  // no reading: what is left of a gap is told
    account.take(try narrow.takeEvents())
    let totals = pipeline.totals
    #expect(account.isWhole && totals.eventsDropped > 0)
    #expect(account.next == totals.events + totals.eventsDropped)
    #expect(totals.events == UInt64(account.delivered.count))
    expectSubsequence(account.delivered, of: all, dropped: totals.eventsDropped)
  }

  @Test func aGapThatIsFollowedByAnEventWaitsForRoomForBoth() throws {
    let surroundings = try makeSurroundings([[]], outputCapacity: 2)
    var pipeline = try surroundings.makePipeline()
    func push(_ count: Int) throws {
      for index in 0..<count {
        #expect(
          try surroundings.push(Reading(time: 0, sequence: UInt64(index), value: 1, channel: 0)))
      }
    }
    try push(5)
    _ = pipeline.step(now: 1)
    #expect(try surroundings.takeEvents(limit: 2).map(\.sequence) == [0, 1])
    try push(1)
    _ = pipeline.step(now: 2)
    let events = try surroundings.takeEvents()
    #expect(events.map(\.kind) == [.droppedEvents, .value])
    #expect(events[0].readingSequence == 2 && events[0].count == 3 && events[0].sequence == 5)
    #expect(events[0].time == 2 && events[1].sequence == 6)
  }

  /// More events than one gap can count.
  @Test func aHugeGapIsToldInParts() throws {
    let surroundings = try makeSurroundings([[]], outputCapacity: 8)
    var pipeline = try surroundings.makePipeline()
    let limit = UInt64(UInt32.max)
    pipeline.changeOwn {
      $0.nextSequence = 2 * limit + 8
      $0.droppedFirst = 7
      $0.droppedCount = 2 * limit + 1
    }
    _ = pipeline.step(now: 0)
    let gaps = try surroundings.takeEvents()
    #expect(gaps.map(\.kind) == [.droppedEvents, .droppedEvents, .droppedEvents])
    #expect(gaps.map(\.readingSequence) == [7, 7 + limit, 7 + 2 * limit])
    #expect(gaps.map(\.count) == [.max, .max, 1])
    #expect(gaps.map(\.sequence) == [2 * limit + 8, 2 * limit + 9, 2 * limit + 10])
  }

  /// Each reading in a step of its own, all in batches, with restarts or without: the same bytes.
  @Test func batchesAndRestartsChangeNothing() throws {
    let seed = testSeed("batches")
    for round in 0..<20 {
      var random = SeededRandom(seed: seed &+ UInt64(round))
      let channels = (0..<4).map { _ in randomStages(&random) }
      var readings: [Reading] = []
      for index in 0..<400 {
        let quality: Quality = Int.random(in: 0..<20, using: &random) == 0 ? .timeout : .good
        readings.append(
          Reading(
            time: Int64(index) * 300 * millisecond, sequence: UInt64(index),
            value: Double.random(in: 0...6, using: &random),
            channel: UInt16.random(in: 0...3, using: &random), quality: quality))
      }
      let whole = try events(channels, readings, batch: 400, restarts: false)
      #expect(try bytes(events(channels, readings, batch: 1, restarts: false)) == bytes(whole))
      #expect(try bytes(events(channels, readings, batch: 7, restarts: true)) == bytes(whole))
    }
  }

  private func events(
    _ channels: [[StageSpec]], _ readings: [Reading], batch: Int, restarts: Bool
  ) throws -> [Event] {
    let surroundings = try makeSurroundings(channels)
    var pipeline = try surroundings.makePipeline()
    var events: [Event] = []
    for start in stride(from: 0, to: readings.count, by: batch) {
      for reading in readings[start..<min(start + batch, readings.count)] {
        #expect(try surroundings.push(reading))
      }
      if restarts { pipeline = try surroundings.makePipeline() }
      // The clock stands still, so only the data decides.
      while pipeline.step(now: 0).hasCommitted {}
      events += try surroundings.takeEvents()
    }
    return events
  }
}
