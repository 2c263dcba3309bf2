import Ring

extension Pipeline {
  /// Gives the event the next sequence number and stages it; without room it becomes part of the
  /// gap. Only an alarm may use the reserve, with the gap before it.
  mutating func emit(_ event: Event) {
    let reserve = event.kind.isAlarm ? 0 : reserve
    if own.droppedCount > 0 {
      guard output.freeCount() > gapEventCount + reserve else { return drop() }
      tellGaps()
    }
    var numbered = event
    numbered.sequence = own.nextSequence
    let position = output.stagedHead
    guard output.stage(numbered, leaving: reserve) else { return drop() }
    noteHops(numbered, at: position)
    changeOwn { $0.nextSequence &+= 1 }
  }

  private func noteHops(_ event: Event, at position: UInt64) {
    outputNotes?[position] =
      HopNote(time: event.time, readyTime: readyTime, madeTime: now).word
  }

  private mutating func drop() {
    changeOwn {
      if $0.droppedCount == 0 { $0.droppedFirst = $0.nextSequence }
      $0.nextSequence &+= 1
      $0.droppedCount &+= 1
      $0.droppedTotal &+= 1
    }
  }

  /// How many events it takes to tell of the gap: the count of one is at most 2³² − 1.
  var gapEventCount: Int {
    let limit = UInt64(UInt32.max)
    return Int(clamping: own.droppedCount / limit + (own.droppedCount % limit == 0 ? 0 : 1))
  }

  /// Tells the receiver which events were dropped. There must be room for `gapEventCount` events.
  mutating func tellGaps() {
    for _ in 0..<gapEventCount {
      let count = UInt32(clamping: own.droppedCount)
      let gap = Event(
        kind: .droppedEvents, channel: 0, time: now, sequence: own.nextSequence,
        readingSequence: own.droppedFirst, count: count)
      let position = output.stagedHead
      let hasRoom = output.stage(gap)
      precondition(hasRoom && count > 0)
      noteHops(gap, at: position)
      changeOwn {
        $0.nextSequence &+= 1
        $0.droppedFirst &+= UInt64(count)
        $0.droppedCount &-= UInt64(count)
      }
    }
  }
}

extension EventKind {
  /// Whether the event goes by the alarms' lane.
  var isAlarm: Bool {
    switch self {
    case .alarmRaised, .alarmCleared: true
    case .value, .window, .edge, .missedDeadlines, .lostEdges, .droppedReadings, .droppedEvents,
      .slowedSampling, .overload:
      false
    }
  }
}
