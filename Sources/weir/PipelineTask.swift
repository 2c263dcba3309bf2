import Linux
import Ring
import Signal

/// What the pipeline task gets from the gateway's wiring. All views are of the arena, which was
/// made before the fork.
struct PipelineContext {
  /// What is done to each channel (`makePipelinePlan`).
  var plan: PipelinePlan
  /// One ring for each sense task, always in the same order; at most `inputCountMax`.
  var inputs: [Ring<Reading>]
  var output: Ring<Event>
  /// Has `Pipeline.positionCount(inputCount:)` positions and the plan's `stateByteCount`.
  var cell: CommitCell
  /// What the sense tasks ring. The pipeline sleeps on its word, with a futex.
  var doorbell: Doorbell
  /// What the uplink arms before it sleeps.
  var uplinkDoorbell: Doorbell
  /// Wakes the uplink: `EventCounter.signal()`.
  var wakeUplink: () -> Void
  var slot: TaskSlot
}

/// The codes that the pipeline's task slot shows as its step.
enum PipelineTaskStep: UInt64 {
  case starting = 0
  case working = 1
  case sleeping = 2
}

/// The pipeline task: steps while there is something to do, sleeps when there is not. It needs no
/// orderly end, and ends by a signal.
func runPipeline(_ context: PipelineContext) -> Never {
  var task = PipelineTask(context)
  while true { task.turn() }
}

struct PipelineTask: ~Copyable {
  /// The longest sleep, so that the task shows a sign of life at least once a second.
  static var sleepNanosecondsMax: Int64 { 1_000_000_000 }

  private let context: PipelineContext
  private var pipeline: Pipeline
  private let allocationCountAtStart: UInt64

  init(_ context: PipelineContext) {
    self.context = context
    context.slot.step = PipelineTaskStep.starting.rawValue
    pipeline = Pipeline(
      plan: context.plan, inputs: context.inputs.span, output: context.output, cell: context.cell)
    // The last pipeline may have died between its commit and the call that wakes the uplink, or
    // before it had counted.
    context.wakeUplink()
    allocationCountAtStart = allocationCount()
    showCounts()
    context.slot.beatTime = Clock.boot()
  }

  /// One batch, or one sleep. The doorbell is armed only when a step found nothing, and the rings
  /// are looked at once more after that, so no reading waits for the end of the sleep.
  mutating func turn() {
    if work().isBusy { return }
    context.doorbell.arm()
    let last = work()
    if !last.isBusy { sleep(until: last.deadline) }
    context.doorbell.disarm()
  }

  private mutating func work() -> (isBusy: Bool, deadline: Int64) {
    let now = Clock.boot()
    context.slot.step = PipelineTaskStep.working.rawValue
    let step = pipeline.step(now: now)
    context.slot.beatTime = now
    if step.hasCommitted {
      // The question comes after the commit has published the events.
      if context.uplinkDoorbell.needsRing() { context.wakeUplink() }
      context.slot.progress &+= 1
      showCounts()
    }
    return (step.hasCommitted, step.nextDeadline)
  }

  private func sleep(until deadline: Int64) {
    context.slot.step = PipelineTaskStep.sleeping.rawValue
    let left = min(deadline - Clock.boot(), Self.sleepNanosecondsMax)
    guard left > 0 else { return }
    // Safe: the word is in the arena, which outlives every task.
    unsafe Futex.wait(
      context.doorbell.word, expected: Doorbell.armedValue, timeoutNanoseconds: left)
  }

  /// Brings the slot's counters up to what was committed. They are derived from it, and not counted
  /// along, so that they are right after a death between the two.
  private func showCounts() {
    let totals = pipeline.totals
    let slot = context.slot
    slot.add(totals.readings &- slot[.readings], to: .readings)
    slot.add(totals.readingsRejected &- slot[.readingsDropped], to: .readingsDropped)
    slot.add(totals.events &- slot[.events], to: .events)
    slot.add(totals.eventsDropped &- slot[.eventsDropped], to: .eventsDropped)
    slot.allocationCount = allocationCount() &- allocationCountAtStart
  }
}
