import Ring

/// The most sense tasks that a pipeline reads from: a commit cell has 32 positions, one of them is
/// the output's.
public let inputCountMax = 31

/// The most readings, and the most deadlines, of one commit.
public let batchReadingCountMax = 256

/// The most events that one reading, or one deadline, can make: each stage of a channel can be an
/// alarm, which is overdue and ends with the same reading, and the last one passes a value.
public let eventsPerReadingMax = 2 * channelStageCountMax + 1

/// After so many full batches the deadlines are looked at although readings are still waiting, so
/// that a flood on one channel cannot keep the windows of another open: 16,384 readings.
let fullBatchCountMax = 64

/// What one step did.
public struct PipelineStep: Equatable, Sendable {
  /// How many readings it took; `batchReadingCountMax` means that there may be more.
  public var readingCount: Int
  /// Whether something was committed, so that the consumer of the events may have to be woken.
  public var hasCommitted: Bool
  /// When `step` must be called again even if no reading comes, in ns of CLOCK_BOOTTIME;
  /// `Int64.max` for never, and not after `now` if there is more to do at once.
  public var nextDeadline: Int64
}

/// Takes the readings of all sense tasks, runs the stages of their channels, and gives the events
/// to the uplink.
///
/// One step takes at most `batchReadingCountMax` readings and then commits once: the positions in
/// all rings and the state of all stages change together, by one release store. A pipeline that is
/// killed at any instruction and made again over the same memory goes on as if nothing had
/// happened.
///
/// The inputs are served in turn: each gets an equal share of the batch, the first turn goes
/// around, and what one leaves the others may use.
///
/// Every event takes the next sequence number, also one that is dropped because the output is full.
/// As soon as there is room, an event `droppedEvents` (with a number of its own) tells which they
/// were. A gap that is followed by another event at once waits for room for both, or a ring that is
/// emptied one event at a time would carry nothing but gaps.
///
/// Alarms keep their lane: the last slots of the output, the policy's reserve, are theirs. Where a
/// gap stands before an alarm it goes out with it, so that the numbers stay in order.
@safe public struct Pipeline: ~Copyable {
  let plan: PipelinePlan
  private let layout: UInt64
  let inputCount: Int
  var inputs = InlineArray<31, Consumer<Reading>?> { _ in nil }
  var output: Producer<Event>
  /// Of the inputs: when each reading came, in ns of CLOCK_BOOTTIME.
  private var inputNotes = InlineArray<31, RingNotes?>(repeating: nil)
  /// Of the output: `HopNote`.
  var outputNotes: RingNotes?
  /// When the reading that is being processed came; 0 when there is none, or it is not known.
  var readyTime: Int64 = 0
  var committer: Committer
  /// Not after the earliest deadline of any stage. It is found again after a restart.
  var nextDeadline = Int64.max
  /// The time of this step, ns.
  var now: Int64 = 0
  var fullBatchCount = 0
  /// So many slots of the output only alarms may use.
  let reserve: Int
  var gauge = OverloadGauge()
  /// When the fill of the rings is looked at again.
  var measureTime: Int64 = 0

  /// The positions that the pipeline's commit cell must have.
  public static func positionCount(inputCount: Int) -> Int { inputCount + 1 }

  /// Starts, or goes on where the last pipeline over this memory was killed. At most
  /// `inputCountMax` inputs; the output has room for two events or more beside the reserve of the
  /// plan's policy; the cell has
  /// `positionCount(inputCount:)` positions and the plan's `stateByteCount`, and was made for a
  /// plan of the same layout. Anything else is a mistake of the program, and traps.
  public init(
    plan: PipelinePlan, inputs rings: Span<Ring<Reading>>, output ring: Ring<Event>,
    cell: CommitCell
  ) {
    reserve = Int(plan.overload.reserve)
    precondition(rings.count <= inputCountMax && ring.capacity >= UInt64(reserve) + 2)
    precondition(cell.positionCount == Self.positionCount(inputCount: rings.count))
    precondition(cell.stateByteCount == plan.stateByteCount)
    self.plan = plan
    inputCount = rings.count
    committer = Committer(cell)
    output = committer.producer(of: ring, position: rings.count)
    for index in rings.indices {
      inputs[index] = committer.consumer(of: rings[index], position: index)
    }
    // The first batch commits the layout with everything else.
    layout = plan.layout
    let committed = committer.load(UInt64.self, at: 0)
    precondition(committed == 0 || committed == layout)
    nextDeadline = earliestDeadline()
  }

  /// From here on the time that each event took is noted (`HopNote`): in the notes of the output,
  /// from those of the inputs, which are as many as the inputs, in their order. In these the sense
  /// tasks note when each reading came, in ns of CLOCK_BOOTTIME.
  public mutating func noteHops(in output: RingNotes, from inputs: Span<RingNotes>) {
    precondition(inputs.count == inputCount)
    for index in inputs.indices { inputNotes[index] = inputs[index] }
    outputNotes = output
  }

  /// What was counted since boot, as the last commit left it.
  public var totals: PipelineTotals {
    // Safe: the state begins with it, and all zero is valid.
    let own = unsafe committer.state.load(as: PipelineState.self)
    return PipelineTotals(
      readings: own.readingTotal, readingsRejected: own.rejectedTotal,
      events: own.nextSequence &- own.droppedTotal, eventsDropped: own.droppedTotal)
  }
}

/// Counts since boot; a restart does not set them back.
public struct PipelineTotals: Equatable, Sendable {
  /// Readings taken, of every kind and quality.
  public var readings: UInt64
  /// Those of them whose channel does not exist: they make no event.
  public var readingsRejected: UInt64
  /// Events given to the output, also those that tell of gaps.
  public var events: UInt64
  /// Events that had no room in the output.
  public var eventsDropped: UInt64
}

extension Pipeline {
  /// Takes what there is, up to one batch, and commits it. `now` is the present time, in ns of
  /// CLOCK_BOOTTIME. Never waits; without readings, overdue deadlines, a gap or an overload level
  /// to tell it changes nothing. At most `batchReadingCountMax` × `channelStageCountMax` stages are
  /// run twice, and twice `batchReadingCountMax` × `eventsPerReadingMax` events made.
  public mutating func step(now present: Int64) -> PipelineStep {
    now = clampedTime(present)
    let hasGap = own.droppedCount > 0 && output.freeCount() >= gapEventCount + reserve
    let level = measureOverload()
    guard hasGap || level != nil || nextDeadline <= now || hasReadings() else {
      return PipelineStep(readingCount: 0, hasCommitted: false, nextDeadline: nextDeadline)
    }
    let layout = layout
    changeOwn { $0.layout = layout }
    if hasGap { tellGaps() }
    if let level { setOverload(level) }
    let readingCount = takeReadings()
    fullBatchCount = readingCount < batchReadingCountMax ? 0 : fullBatchCount + 1
    // A window is not closed by the clock while readings of it may still wait in the inputs.
    var firedCount = 0
    if nextDeadline <= now, fullBatchCount == 0 || fullBatchCount >= fullBatchCountMax {
      firedCount = fireDeadlines()
    }
    guard hasGap || level != nil || readingCount > 0 || firedCount > 0 else {
      // The deadline was one that the data had met already.
      return PipelineStep(readingCount: 0, hasCommitted: false, nextDeadline: nextDeadline)
    }
    commit(readingCount)
    let deadline = readingCount == batchReadingCountMax ? now : nextDeadline
    return PipelineStep(readingCount: readingCount, hasCommitted: true, nextDeadline: deadline)
  }

  private mutating func hasReadings() -> Bool {
    for index in 0..<inputCount {
      if inputs[index]?.isEmpty() == false { return true }
    }
    return false
  }

  /// The inputs in turn: first an equal share for each, then what is left of the batch.
  private mutating func takeReadings() -> Int {
    guard inputCount > 0 else { return 0 }
    let share = max(1, batchReadingCountMax / inputCount)
    let first = Int(own.batchTotal % UInt64(inputCount))
    var left = batchReadingCountMax
    for turn in 0..<2 {
      for offset in 0..<inputCount {
        let limit = turn == 0 ? min(share, left) : left
        left -= takeReadings(from: (first + offset) % inputCount, limit: limit)
      }
    }
    return batchReadingCountMax - left
  }

  private mutating func takeReadings(from index: Int, limit: Int) -> Int {
    let notes = inputNotes[index]
    defer { readyTime = 0 }
    for count in 0..<limit {
      let position = inputs[index]?.position ?? 0
      guard let reading = inputs[index]?.next() else { return count }
      if let notes { readyTime = Int64(bitPattern: notes[position]) }
      process(reading)
    }
    return limit
  }

  private mutating func commit(_ readingCount: Int) {
    changeOwn {
      $0.readingTotal &+= UInt64(readingCount)
      $0.batchTotal &+= 1
    }
    for index in 0..<inputCount {
      guard let position = inputs[index]?.position else { continue }
      committer.setPosition(index, to: position)
    }
    committer.setPosition(inputCount, to: output.stagedHead)
    committer.commit()
  }

  /// The pipeline's own part of the state, as it will be committed.
  var own: PipelineState {
    // Safe: the state begins with it, aligned; all zero is valid.
    unsafe committer.state.load(as: PipelineState.self)
  }

  @inline(__always)
  mutating func changeOwn(_ change: (inout PipelineState) -> Void) {
    // Safe: the state begins with it, on a line; the pointer is used before the next commit.
    let own = unsafe committer.changing(0, byteCount: MemoryLayout<PipelineState>.size)
    unsafe change(&own.assumingMemoryBound(to: PipelineState.self).pointee)
  }
}
