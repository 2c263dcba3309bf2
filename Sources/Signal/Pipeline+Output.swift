import Ring

extension Pipeline {
  /// Gives the event the next sequence number and stages it; without room it becomes part of the
  /// gap.
  mutating func emit(_ event: Event) {
    if own.droppedCount > 0 {
      guard output.freeCount() > gapEventCount else { return drop() }
      tellGaps()
    }
    var numbered = event
    numbered.sequence = own.nextSequence
    guard output.stage(numbered) else { return drop() }
    changeOwn { $0.nextSequence &+= 1 }
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
      let hasRoom = output.stage(gap)
      precondition(hasRoom && count > 0)
      changeOwn {
        $0.nextSequence &+= 1
        $0.droppedFirst &+= UInt64(count)
        $0.droppedCount &-= UInt64(count)
      }
    }
  }
}
