import Ring

extension Pipeline {
  /// Makes the events of one reading.
  mutating func process(_ reading: Reading) {
    let channel = reading.channel
    guard Int(channel) < plan.channelCount else {
      changeOwn { $0.rejectedTotal &+= 1 }
      return
    }
    let time = clampedTime(reading.time)
    switch reading.kind {
    case .missedDeadlines: emitGap(.missedDeadlines, reading, time)
    case .lostEdges: emitGap(.lostEdges, reading, time)
    case .overflow: emitGap(.droppedReadings, reading, time)
    case .slowed: noteSlowed(reading, time)
    case .sample, .pulses, .edge:
      var event = Event(
        kind: reading.kind == .edge ? .edge : .value, channel: channel, time: time,
        readingSequence: reading.sequence, value: reading.value)
      if reading.quality != .good {
        emitBad(event, reading.quality)
      } else if !reading.value.isFinite {
        emitBad(event, .outOfRange)
      } else {
        run(&event, from: plan.stages(of: Int(channel)))
      }
    }
  }

  private mutating func emitGap(_ kind: EventKind, _ reading: Reading, _ time: Int64) {
    emit(
      Event(
        kind: kind, channel: reading.channel, time: time, readingSequence: reading.sequence,
        count: reading.count))
  }

  /// A bad reading goes past all stages, and leaves their state as it is.
  private mutating func emitBad(_ event: Event, _ quality: Quality) {
    emit(
      Event(
        kind: .value, channel: event.channel, time: event.time,
        readingSequence: event.readingSequence, value: .nan, quality: quality))
  }

  /// Lets the event flow through the stages, and out if it passes all.
  mutating func run(_ event: inout Event, from stages: Range<Int>) {
    for index in stages {
      switch apply(plan.stage(index), to: &event) {
      case .passed: continue
      case .absorbed: return
      case .outOfRange: return emitBad(event, .outOfRange)
      }
    }
    emit(event)
  }

  @inline(__always)
  private mutating func apply(_ stage: PlannedStage, to event: inout Event) -> StageOutcome {
    switch stage.spec {
    case .scale(let factor, let offset):
      return Scale.apply(&event, factor: factor, offset: offset)
    case .median(let width):
      let state = unsafe committer.changing(
        Int(stage.stateOffset), byteCount: stage.spec.stateByteCount)
      // Safe: the plan sets these bytes aside for this stage alone; used before the next commit.
      return unsafe MedianFilter(state: state, width: Int(width)).apply(&event)
    case .smooth(let timeConstant):
      // Safe: the plan sets the bytes aside for a state of this type, here and below.
      return unsafe state(stage, SmoothState.self).pointee
        .apply(&event, timeConstant: timeConstant)
    case .deadband(let delta, let silence):
      return unsafe state(stage, DeadbandState.self).pointee
        .apply(&event, delta: delta, silence: silence)
    case .window(let span):
      let window = unsafe state(stage, WindowState.self)
      let factor = windowFactor(of: stage, channel: event.channel)
      let outcome = unsafe window.pointee.apply(&event, span: span, factor: factor)
      note(deadline: unsafe window.pointee.deadline(span: span))
      return outcome
    case .alarm:
      check(stage, event)
      return .passed
    }
  }

  private mutating func check(_ stage: PlannedStage, _ event: Event) {
    guard case .alarm(let above, let threshold, let hysteresis, let hold) = stage.spec else {
      return
    }
    // Safe: as in `apply`.
    let alarm = unsafe state(stage, AlarmState.self)
    if let due = unsafe alarm.pointee.deadline(hold: hold), event.time >= due {
      unsafe alarm.pointee.raise(hold: hold)
      emit(unsafe alarm.pointee.event(channel: event.channel))
    }
    let hasChanged = unsafe alarm.pointee.add(
      event, above: above, threshold: threshold, hysteresis: hysteresis, hold: hold)
    if hasChanged { emit(unsafe alarm.pointee.event(channel: event.channel)) }
    note(deadline: unsafe alarm.pointee.deadline(hold: hold))
  }

  /// Writing access to a stage's state, until the next commit. `State` is the type that the plan
  /// sized the place for; all zero is valid for it.
  @inline(__always)
  mutating func state<State: BitwiseCopyable>(
    _ stage: PlannedStage, _ type: State.Type
  ) -> UnsafeMutablePointer<State> {
    // Safe: inside of the state, which the committer checks, and aligned to 8 by the plan.
    unsafe committer.changing(Int(stage.stateOffset), byteCount: MemoryLayout<State>.size)
      .assumingMemoryBound(to: type)
  }

  private mutating func note(deadline: Int64?) {
    if let deadline { nextDeadline = min(nextDeadline, deadline) }
  }
}
