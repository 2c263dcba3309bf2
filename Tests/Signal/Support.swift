import Glibc
import Ring

@testable import Signal

let second: Int64 = 1_000_000_000
let millisecond: Int64 = 1_000_000

/// A plan in memory of its own, which is never given back: tests are short.
func makePlan(
  _ channels: [[StageSpec]], priorities: [ChannelPriority] = [], overload: OverloadPolicy = .off
) throws -> PipelinePlan {
  let stageCount = channels.reduce(0) { $0 + $1.count }
  let byteCount = PipelinePlan.byteCount(channelCount: channels.count, stageCount: stageCount)
  // Safe: as many bytes as the plan asks for, for ever.
  var plan = unsafe PipelinePlan(
    memory: .allocate(byteCount: max(8, byteCount), alignment: 8), channelCount: channels.count,
    stageCount: stageCount)
  for (index, stages) in channels.enumerated() {
    try plan.appendChannel(priority: index < priorities.count ? priorities[index] : .normal)
    for stage in stages { try plan.append(stage) }
  }
  plan.overload = overload
  return plan
}

/// Rings and a commit cell in one block of memory, as the gateway lays them out in its arena.
struct Layout {
  let plan: PipelinePlan
  let inputCount: Int
  let inputCapacity: Int
  let outputCapacity: Int
  private(set) var inputs: [ArenaRegion] = []
  let output: ArenaRegion
  let cell: ArenaRegion
  let byteCount: Int

  init(_ plan: PipelinePlan, inputCount: Int, inputCapacity: Int, outputCapacity: Int) {
    self.plan = plan
    self.inputCount = inputCount
    self.inputCapacity = inputCapacity
    self.outputCapacity = outputCapacity
    var arena = ArenaPlan()
    for _ in 0..<inputCount {
      inputs.append(arena.reserve(byteCount: Ring<Reading>.byteCount(capacity: inputCapacity)))
    }
    output = arena.reserve(byteCount: Ring<Event>.byteCount(capacity: outputCapacity))
    cell = arena.reserve(
      byteCount: CommitCell.byteCount(
        positionCount: Pipeline.positionCount(inputCount: inputCount),
        stateByteCount: plan.stateByteCount))
    byteCount = arena.byteCount
  }
}

/// A pipeline's surroundings over some memory: what the sense tasks and the uplink do.
@safe final class Surroundings {
  let layout: Layout
  let memory: UnsafeMutableRawPointer
  private let owns: Bool
  let arena: Arena

  /// Over memory of its own, formatted.
  convenience init(_ layout: Layout) {
    // Safe: freed in deinit, which is after the last use.
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: layout.byteCount, alignment: lineByteCount)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: layout.byteCount)
    unsafe self.init(layout, memory: memory, owns: true)
    format()
  }

  /// Over memory of somebody else, of `layout.byteCount` bytes.
  init(_ layout: Layout, memory: UnsafeMutableRawPointer, owns: Bool = false) {
    self.layout = layout
    unsafe self.memory = memory
    self.owns = owns
    unsafe arena = Arena(base: memory, byteCount: layout.byteCount)
  }

  /// A copy, byte by byte: what a restarted pipeline would find.
  convenience init(copying bytes: UnsafeRawPointer, _ layout: Layout) {
    self.init(layout)
    // Safe: both have as many bytes.
    unsafe memory.copyMemory(from: bytes, byteCount: layout.byteCount)
  }

  deinit { if owns { unsafe memory.deallocate() } }

  func format() {
    for region in layout.inputs {
      _ = Ring<Reading>.format(arena[region], capacity: layout.inputCapacity)
    }
    _ = Ring<Event>.format(arena[layout.output], capacity: layout.outputCapacity)
    _ = CommitCell.format(
      arena[layout.cell],
      positionCount: Pipeline.positionCount(inputCount: layout.inputCount),
      stateByteCount: layout.plan.stateByteCount)
  }

  func input(_ index: Int) throws -> Ring<Reading> {
    try Ring<Reading>(attaching: arena[layout.inputs[index]])
  }

  func output() throws -> Ring<Event> { try Ring<Event>(attaching: arena[layout.output]) }

  /// Starts a pipeline, or goes on with the state that is there.
  func makePipeline() throws -> Pipeline {
    let inputs = try (0..<layout.inputCount).map { try input($0) }
    return Pipeline(
      plan: layout.plan, inputs: inputs.span, output: try output(),
      cell: try CommitCell(attaching: arena[layout.cell]))
  }

  /// False if the input has no room.
  func push(_ reading: Reading, to index: Int = 0) throws -> Bool {
    var producer = Producer(try input(index))
    return producer.push(reading)
  }

  /// Takes at most `limit` events out.
  func takeEvents(limit: Int = Int.max) throws -> [Event] {
    var consumer = Consumer(try output())
    var events: [Event] = []
    while events.count < limit, let event = consumer.pop() { events.append(event) }
    return events
  }
}

/// All bits of an event: what must not differ between a run that was killed and one that was not.
func bytes(_ event: Event) -> [UInt8] {
  // Safe: an event is 64 bytes without padding.
  unsafe withUnsafeBytes(of: event) { unsafe Array($0) }
}

func bytes(_ events: [Event]) -> [UInt8] { events.flatMap { bytes($0) } }

/// Runs readings of channel 0 through one chain, each in a step of its own at the reading's time.
func run(_ stages: [StageSpec], _ readings: [Reading], until end: Int64? = nil) throws -> [Event] {
  let layout = Layout(
    try makePlan([stages]), inputCount: 1, inputCapacity: 16, outputCapacity: 1024)
  let surroundings = Surroundings(layout)
  var pipeline = try surroundings.makePipeline()
  var events: [Event] = []
  for reading in readings {
    guard try surroundings.push(reading) else { throw RigError.full }
    _ = pipeline.step(now: reading.time)
    events += try surroundings.takeEvents()
  }
  if let end {
    _ = pipeline.step(now: end)
    events += try surroundings.takeEvents()
  }
  return events
}

enum RigError: Error {
  case full
}

/// Good samples at the given times.
func samples(_ values: [(time: Int64, value: Double)]) -> [Reading] {
  values.enumerated().map {
    Reading(time: $1.time, sequence: UInt64($0), value: $1.value, channel: 0)
  }
}
