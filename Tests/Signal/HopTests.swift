// Invariants checked, of the times that the pipeline notes beside its events:
// - a value's are those from its measurement to the sense task's note, and from there to the step
//   that made it; a window that the clock closes has none at the sense task;
// - each event's word lies at its own position, also after the ring has gone around, and behind a
//   gap;
// - a pipeline that dies before its commit leaves the same words as one that does not;
// - nonsense in the sense task's notes makes nonsense of the times, and nothing else.

import Ring
import Testing

@testable import Signal

@Suite struct HopTests {
  /// A pipeline's surroundings with notes of one input and of the output.
  private struct Noted {
    let surroundings: Surroundings
    let input: RingNotes
    let output: RingNotes
    private let memory: Surroundings

    init(_ stages: [StageSpec], outputCapacity: Int = 8) throws {
      let layout = Layout(
        try makePlan([stages]), inputCount: 1, inputCapacity: 4, outputCapacity: outputCapacity)
      surroundings = Surroundings(layout)
      // Memory enough for both notes, in a block of the same kind.
      memory = Surroundings(
        Layout(try makePlan([[]]), inputCount: 1, inputCapacity: 64, outputCapacity: 64))
      var plan = ArenaPlan()
      let first = plan.reserve(byteCount: RingNotes.byteCount(capacity: 4))
      let second = plan.reserve(byteCount: RingNotes.byteCount(capacity: outputCapacity))
      input = RingNotes.format(memory.arena[first], capacity: 4)
      output = RingNotes.format(memory.arena[second], capacity: outputCapacity)
    }

    func makePipeline() throws -> Pipeline {
      var pipeline = try surroundings.makePipeline()
      pipeline.noteHops(in: output, from: [input].span)
      return pipeline
    }

    /// A reading that came at `ready`.
    func push(time: Int64, ready: Int64, sequence: UInt64) throws {
      let position = try surroundings.input(0).head.load()
      input[position] = UInt64(bitPattern: ready)
      guard
        try surroundings.push(Reading(time: time, sequence: sequence, value: 1, channel: 0))
      else { throw RigError.full }
    }

    func note(_ position: UInt64) -> HopNote { HopNote(word: output[position]) }
  }

  @Test func valuesAndGapsAroundTheRing() throws {
    let noted = try Noted([], outputCapacity: 4)
    var pipeline = try noted.makePipeline()
    for number in 0..<20 as Range<Int64> {
      let time = number * second
      try noted.push(
        time: time, ready: time + 3 * millisecond + number * 1000, sequence: UInt64(number))
      _ = pipeline.step(now: time + 10 * millisecond)
      let note = noted.note(UInt64(number))
      #expect(note.sense == 3000 + UInt32(number))
      #expect(note.pipeline == 7000 - UInt32(number))
      _ = try noted.surroundings.takeEvents()
    }
    // Six events into a ring of four: what is left has its own words.
    for number in 20..<26 as Range<Int64> {
      let time = number * second
      try noted.push(time: time, ready: time + 1000 * number, sequence: UInt64(number))
      _ = pipeline.step(now: time + millisecond)
    }
    let head = try noted.surroundings.output().head.load()
    #expect(head == 24)
    for position in 20..<head { #expect(noted.note(position).sense == UInt32(position)) }
    _ = try noted.surroundings.takeEvents()
    _ = pipeline.step(now: 30 * second)
    #expect(noted.note(24) == HopNote(time: 0, readyTime: 0, madeTime: 0))
  }

  @Test func aWindowThatTheClockCloses() throws {
    let noted = try Noted([.window(span: second)])
    var pipeline = try noted.makePipeline()
    try noted.push(time: second / 2, ready: second / 2 + millisecond, sequence: 0)
    _ = pipeline.step(now: second / 2 + 2 * millisecond)
    // Closed half a second after its end.
    _ = pipeline.step(now: second * 3 / 2)
    let event = try #require(try noted.surroundings.takeEvents().first)
    #expect(event.kind == .window && event.time == second)
    #expect(noted.note(0).sense == 0 && noted.note(0).pipeline == 500_000)
  }

  @Test func aDeathBeforeTheCommit() throws {
    let noted = try Noted([])
    var pipeline = try noted.makePipeline()
    try noted.push(time: 0, ready: millisecond, sequence: 0)
    _ = pipeline.step(now: 2 * millisecond)
    try noted.push(time: second, ready: second + millisecond, sequence: 1)
    // The first pipeline never takes the second reading; another one does.
    var next = try noted.makePipeline()
    _ = next.step(now: second + 5 * millisecond)
    #expect(noted.note(0) == HopNote(time: 0, readyTime: millisecond, madeTime: 2 * millisecond))
    #expect(noted.note(1).sense == 1000 && noted.note(1).pipeline == 4000)
    _ = pipeline.totals
  }

  @Test func nonsenseInTheNotes() throws {
    for ready in [Int64.min, -1, 0, .max] {
      let noted = try Noted([])
      var pipeline = try noted.makePipeline()
      try noted.push(time: second, ready: ready, sequence: 0)
      _ = pipeline.step(now: 2 * second)
      let event = try #require(try noted.surroundings.takeEvents().first)
      #expect(event.value == 1 && event.time == second)
      #expect(noted.note(0).sense == (ready == .max ? .max : 0))
    }
  }
}
