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
  /// What the journal arms before it sleeps.
  var journalDoorbell: Doorbell
  /// Wakes the journal: `EventCounter.signal()`.
  var wakeJournal: () -> Void
  /// Where the sense tasks read how overloaded the gateway is.
  var overload: OverloadWord
  var slot: TaskSlot
  /// Of the inputs, in their order, and of the output: how long each event took; none for nothing.
  var inputNotes: [RingNotes] = []
  var outputNotes: RingNotes?
  /// For one step of the work, in ns.
  var deadline: Int64 = 2_000_000_000
}

/// The codes that the pipeline's task slot shows as its step.
enum PipelineTaskStep: UInt64 {
  case starting = 0
  case working = 1
  case sleeping = 2

  var name: StaticString {
    switch self {
    case .starting: "starting"
    case .working: "working"
    case .sleeping: "sleeping"
    }
  }
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
  private var shownLevel: UInt8

  init(_ context: PipelineContext) {
    self.context = context
    context.slot.begin(
      step: PipelineTaskStep.starting.rawValue, now: Clock.boot(), within: context.deadline)
    shownLevel = context.overload.level
    pipeline = Pipeline(
      plan: context.plan, inputs: context.inputs.span, output: context.output, cell: context.cell)
    if let notes = context.outputNotes {
      pipeline.noteHops(in: notes, from: context.inputNotes.span)
    }
    // The last pipeline may have died between its commit and the call that wakes the journal, or
    // before it had counted.
    context.wakeJournal()
    // What only the start needed is behind it.
    releaseCodePages()
    allocationCountAtStart = allocationCount()
    showCounts()
    showOverload()
  }

  /// One batch, or one sleep. The doorbell is armed only when a step found nothing, and the rings
  /// are looked at once more after that, so no reading waits for the end of the sleep.
  mutating func turn() {
    Drills.turn()
    if work().isBusy { return }
    context.doorbell.arm()
    let last = work()
    if !last.isBusy { sleep(until: last.deadline) }
    context.doorbell.disarm()
  }

  private mutating func work() -> (isBusy: Bool, deadline: Int64) {
    let now = Clock.boot()
    context.slot.beat(
      step: PipelineTaskStep.working.rawValue, now: now, within: context.deadline)
    let step = pipeline.step(now: now)
    if step.hasCommitted {
      // The question comes after the commit has published the events.
      if context.journalDoorbell.needsRing() { context.wakeJournal() }
      context.slot.progress &+= 1
      showCounts()
      showOverload()
    }
    return (step.hasCommitted, step.nextDeadline)
  }

  /// Tells the sense tasks and the log how overloaded the gateway is, when that has changed. The
  /// policy's times bound how often it can.
  private mutating func showOverload() {
    let level = pipeline.overloadLevel
    let condition = level == 0 ? .fine : Condition(.overloaded, number: UInt32(level))
    if context.slot.condition != condition { context.slot.condition = condition }
    guard level != shownLevel else { return }
    context.overload.level = level
    if level == 0 {
      Log.notice("overload is over: all is as configured")
    } else if level > shownLevel {
      Log.warning(
        "overload level \(level) of \(OverloadWord.levelMax): more comes in than goes out; "
          + "sampling of low priority is slower, windows are wider")
    } else {
      Log.notice("overload level \(level), after \(shownLevel)")
    }
    shownLevel = level
  }

  private func sleep(until deadline: Int64) {
    Log.catchUp()
    let now = Clock.boot()
    let left = min(deadline - now, min(Self.sleepNanosecondsMax, context.deadline))
    guard left > 0 else { return }
    context.slot.beat(
      step: PipelineTaskStep.sleeping.rawValue, now: now, within: left + context.deadline)
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
