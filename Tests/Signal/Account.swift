import Ring
import Testing

@testable import Signal

/// Takes events into an account of sequence numbers.
struct Account {
  var next: UInt64 = 0
  var delivered: [Event] = []
  var isWhole = true

  mutating func take(_ events: [Event]) {
    for event in events {
      if event.kind == .droppedEvents {
        // The gap begins where the last event ended, and its own number follows it.
        isWhole = isWhole && event.readingSequence == next && event.count > 0
        next += UInt64(event.count)
      }
      isWhole = isWhole && event.sequence == next
      next += 1
      delivered.append(event)
    }
  }
}

func expectSubsequence(_ delivered: [Event], of all: [Event], dropped: UInt64) {
  var position = 0
  var skipped: UInt64 = 0
  for event in delivered {
    if event.kind == .droppedEvents {
      skipped += UInt64(event.count)
      position += Int(event.count)
      continue
    }
    guard position < all.count else {
      Issue.record("more events than there are")
      return
    }
    var expected = all[position]
    expected.sequence = event.sequence
    #expect(bytes(event) == bytes(expected))
    position += 1
  }
  #expect(position == all.count && skipped == dropped)
}
