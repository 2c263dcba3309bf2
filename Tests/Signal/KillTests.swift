// Invariants checked, with a pipeline that runs in a process of its own over shared memory, and a
// copy of that memory after each instruction that changes it (a death at one of those between
// leaves the same memory behind, so these are all deaths that there are):
// - the rings show what is committed, or less, never more;
// - whatever the sense tasks then write over what was given back, and whatever the uplink took, the
//   next pipeline gives exactly the rest: nothing lost, nothing doubled, the same bytes, the same
//   state;
// - the same for a death during the restart, and for a second death during the recovery from the
//   first;
// - mutants that publish, or give back, before the commit, or that mirror what is not committed,
//   are caught.
//
// The memory is seen in the order of the instructions, so a store that only another processor would
// see in another order is not found here: that is what the ring's own tests and the thread
// sanitizer are for.

import CTrace
import Ring
import Seeds
import Testing

@testable import Signal

/// What the traced process does with a pipeline that it has just started.
enum Behaviour: CaseIterable {
  case right
  /// The events are shown to the uplink before the commit.
  case publishesFirst
  /// The readings are given back before the commit.
  case releasesFirst
  /// The inputs' positions are committed before the output's.
  case commitsTwice
}

@Suite(.serialized) struct KillTests {
  /// The rest of the script after the step that is killed: as many readings as the inputs hold.
  private static let laterCount = 16
  private static let inputCapacity = 8

  private static let channels: [[StageSpec]] = [
    [
      .median(width: 3), .smooth(timeConstant: second),
      .alarm(above: true, threshold: 3, hysteresis: 1, hold: second),
    ],
    [.scale(factor: 2, offset: 1), .deadband(delta: 0.5, silence: 5 * second)],
    [.window(span: 2 * second), .alarm(above: true, threshold: 2, hysteresis: 0, hold: 0)],
  ]

  private static func reading(_ index: Int, _ random: inout SeededRandom) -> Reading {
    Reading(
      time: Int64(index) * 400 * millisecond, sequence: UInt64(index),
      value: Double.random(in: 0...6, using: &random), channel: UInt16(index % 3),
      quality: index % 11 == 10 ? .nack : .good)
  }

  /// The script's readings; input 0 has channels 0 and 1, input 1 has channel 2.
  private static func readings(seed: UInt64, count: Int) -> [Reading] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { reading($0, &random) }
  }

  private static func input(_ reading: Reading) -> Int { reading.channel == 2 ? 1 : 0 }

  /// Pushes what fits, from the front, as sense tasks that never skip a reading; what is left.
  private static func push(
    _ readings: [Reading], to surroundings: Surroundings
  ) throws -> [Reading] {
    var left: [Reading] = []
    var isFull = [false, false]
    for reading in readings {
      let index = input(reading)
      isFull[index] = try isFull[index] || !surroundings.push(reading, to: index)
      if isFull[index] { left.append(reading) }
    }
    return left
  }

  /// Goes on until all later readings are taken; all events from then on, and the state at the end.
  private static func finish(
    _ surroundings: Surroundings, _ later: [Reading], now: Int64
  ) throws -> (events: [Event], state: [UInt8]) {
    // What the uplink sees, and what sense writes, while no pipeline runs.
    var events = try surroundings.takeEvents()
    var left = try push(later, to: surroundings)
    var pipeline = try surroundings.makePipeline()
    for _ in 0..<100 {
      let isDone = !pipeline.step(now: now).hasCommitted && left.isEmpty
      events += try surroundings.takeEvents()
      left = try push(left, to: surroundings)
      if isDone { break }
    }
    var state = pipeline.stateBytes
    // How many batches it took is all that may differ.
    state.replaceSubrange(56..<64, with: repeatElement(0, count: 8))
    return (events, state)
  }

  /// Per channel, because readings of two inputs may take turns in another way; numbers apart.
  private static func fingerprint(_ events: [Event]) -> [[UInt8]] {
    (0..<3).map { channel in
      bytes(
        events.filter { $0.channel == channel }.map {
          var event = $0
          event.sequence = 0
          return event
        })
    }
  }

  // MARK: The enumeration

  private struct Outcome {
    var deaths = 0
    var failures = 0

    static func += (a: inout Outcome, b: Outcome) {
      a.deaths += b.deaths
      a.failures += b.failures
    }
  }

  /// Looks at each death of a process that starts a pipeline over a copy of `begin` and takes one
  /// step.
  private func enumerate(
    _ begin: Surroundings, _ later: [Reading], now: Int64, _ behaviour: Behaviour,
    secondDeathPercent: Int, _ random: inout SeededRandom
  ) throws -> Outcome {
    // Safe: all copies of the memory have as many bytes; here and below.
    let expected = try Self.finish(
      unsafe Surroundings(copying: begin.memory, begin.layout), later, now: now)
    let recording = try Recording(of: begin) { (surroundings) throws in
      try Self.live(surroundings, now: now, behaviour)
    }
    var outcome = Outcome()
    for index in 0..<recording.count {
      outcome.deaths += 1
      guard try check(recording.death(index), later, now: now, expected) else {
        outcome.failures += 1
        continue
      }
      guard Int.random(in: 0..<100, using: &random) < secondDeathPercent else { continue }
      outcome += try enumerate(
        recording.death(index), later, now: now, .right, secondDeathPercent: 0, &random)
    }
    return outcome
  }

  private func check(
    _ death: Surroundings, _ later: [Reading], now: Int64,
    _ expected: (events: [Event], state: [UInt8])
  ) throws -> Bool {
    guard try death.showsNothingEarly() else { return false }
    let found = try Self.finish(death, later, now: now)
    let first = expected.events.first?.sequence ?? 0
    let isWhole = found.events.map(\.sequence) == expected.events.indices.map { first + UInt64($0) }
    return isWhole && Self.fingerprint(found.events) == Self.fingerprint(expected.events)
      && found.state == expected.state
  }

  private static func live(
    _ surroundings: Surroundings, now: Int64, _ behaviour: Behaviour
  ) throws {
    var pipeline = try surroundings.makePipeline()
    switch behaviour {
    case .right: _ = pipeline.step(now: now)
    case .publishesFirst, .releasesFirst, .commitsTwice:
      pipeline.mutantStep(now: now, behaviour)
    }
  }

  // MARK: The tests

  /// Several moments of a script: an empty pipeline's first batch, one in the middle, one that the
  /// clock alone moves, one with full inputs.
  private func moments(seed: UInt64) throws -> [(Surroundings, [Reading], Int64)] {
    let layout = Layout(
      try makePlan(Self.channels), inputCount: 2, inputCapacity: Self.inputCapacity,
      outputCapacity: 64)
    let script = Self.readings(seed: seed, count: 40 + Self.laterCount)
    var moments: [(Surroundings, [Reading], Int64)] = []
    for (taken, waiting, now) in [(0, 6, 0), (20, 6, 0), (25, 0, 60 * second), (30, 8, 0)] {
      let surroundings = Surroundings(layout)
      var pipeline = try surroundings.makePipeline()
      for reading in script[..<taken] {
        #expect(try surroundings.push(reading, to: Self.input(reading)))
        _ = pipeline.step(now: 0)
        _ = try surroundings.takeEvents()
      }
      #expect(try Self.push(Array(script[taken..<taken + waiting]), to: surroundings).isEmpty)
      // Later readings are later than the clock, or they would be too late for what it gives away.
      let later = script[(taken + waiting)..<(taken + waiting + Self.laterCount)].map {
        var reading = $0
        reading.time += Int64(now)
        return reading
      }
      moments.append((surroundings, later, Int64(now)))
    }
    return moments
  }

  @Test func aDeathAtAnyInstructionChangesNothing() throws {
    let seed = testSeed("deaths")
    var random = SeededRandom(seed: seed)
    var total = Outcome()
    for (surroundings, later, now) in try moments(seed: seed) {
      total += try enumerate(
        surroundings, later, now: now, .right, secondDeathPercent: 10, &random)
    }
    print("deaths: \(total.deaths) different ones")
    #expect(total.failures == 0 && total.deaths > 200)
  }

  /// The tests are tested: each of these must be found.
  @Test(arguments: [Behaviour.publishesFirst, .releasesFirst, .commitsTwice])
  func mutantsAreCaught(_ mutant: Behaviour) throws {
    let seed = testSeed("mutant \(mutant)")
    var random = SeededRandom(seed: seed)
    let (surroundings, later, now) = try moments(seed: seed)[1]
    let outcome = try enumerate(
      surroundings, later, now: now, mutant, secondDeathPercent: 0, &random)
    #expect(outcome.failures > 0)
  }
}

extension Pipeline {
  /// The bytes of all state as it was committed.
  var stateBytes: [UInt8] {
    // Safe: the state has as many bytes.
    unsafe Array(UnsafeRawBufferPointer(start: committer.state, count: plan.stateByteCount))
  }

  /// A step that does one thing wrong, and all others as `step`.
  mutating func mutantStep(now present: Int64, _ behaviour: Behaviour) {
    now = present
    var count: UInt64 = 0
    for index in 0..<inputCount {
      while let reading = inputs[index]?.next() {
        process(reading)
        count += 1
      }
      if behaviour == .releasesFirst { inputs[index]?.release() }
      committer.setPosition(index, to: inputs[index]?.position ?? 0)
    }
    changeOwn { $0.readingTotal += count }
    if behaviour == .publishesFirst { output.publish() }
    if behaviour == .commitsTwice { committer.commit() }
    committer.setPosition(inputCount, to: output.stagedHead)
    committer.commit()
  }
}
