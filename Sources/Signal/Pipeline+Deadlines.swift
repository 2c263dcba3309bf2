import Ring

extension Pipeline {
  /// Does what is overdue by the clock, at most `batchReadingCountMax` times, a channel's earlier
  /// stages before its later ones; finds the earliest deadline that remains. Returns how many were
  /// overdue and done.
  mutating func fireDeadlines() -> Int {
    // What is given away here may open windows further down: their deadlines are noted anew.
    nextDeadline = Int64.max
    var left = batchReadingCountMax
    var toldCount = 0
    for channel in 0..<plan.channelCount {
      let stages = plan.stages(of: channel)
      for index in stages {
        guard let deadline = deadline(of: plan.stage(index)) else { continue }
        if deadline <= now, left > 0 {
          left -= 1
          fire(index, channel: UInt16(channel), later: index + 1..<stages.upperBound)
        } else {
          nextDeadline = min(nextDeadline, deadline)
        }
      }
      if fireSlowed(channel) { toldCount += 1 }
    }
    return batchReadingCountMax - left + toldCount
  }

  private mutating func fire(_ index: Int, channel: UInt16, later: Range<Int>) {
    let stage = plan.stage(index)
    switch stage.spec {
    case .scale, .median, .smooth, .deadband:
      preconditionFailure("this stage has no deadline")
    case .window(let span):
      // Safe: the plan sets the bytes aside for a state of this type.
      var event = unsafe state(stage, WindowState.self).pointee.close(channel: channel, span: span)
      run(&event, from: later)
    case .alarm(_, _, _, let hold):
      // Safe: as above.
      let alarm = unsafe state(stage, AlarmState.self)
      unsafe alarm.pointee.raise(hold: hold)
      emit(unsafe alarm.pointee.event(channel: channel))
    }
  }

  /// When the clock alone makes the stage do something.
  private func deadline(of stage: PlannedStage) -> Int64? {
    let offset = Int(stage.stateOffset)
    return switch stage.spec {
    case .scale, .median, .smooth, .deadband: nil
    case .window(let span): committer.load(WindowState.self, at: offset).deadline(span: span)
    case .alarm(_, _, _, let hold):
      committer.load(AlarmState.self, at: offset).deadline(hold: hold)
    }
  }

  func earliestDeadline() -> Int64 {
    var earliest = earliestSlowedDeadline()
    for index in 0..<plan.stageCount {
      if let deadline = deadline(of: plan.stage(index)) { earliest = min(earliest, deadline) }
    }
    return earliest
  }
}
