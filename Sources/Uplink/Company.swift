import Configuration
import Ring

/// When events wait for others, to be one message with them: by the number of events, by the size
/// that they are likely to have, and by their age. Alarms don't ask.
struct Company {
  private let eventCount: UInt64
  private let byteCount: Int
  private let age: Int64
  /// Of the messages so far: what a record takes, in bytes.
  private var recordByteCount = 100
  /// The first event that waits, by its number, and since when it was seen to.
  private var first: UInt64?
  private var firstTime: Int64 = 0
  /// When the first one has waited long enough; nil when none waits.
  private(set) var end: Int64?
  /// Whether nothing more is to wait: the end is near.
  var isOver = false

  init(_ batch: BatchSettings) {
    eventCount = UInt64(batch.eventCount)
    byteCount = Int(batch.byteCount)
    age = batch.age
  }

  /// Whether the event is to wait, `waitingCount` being the number of events from it on. `now` is
  /// boot time, in ns.
  mutating func isWanted(by item: EventItem, waitingCount: UInt64, now: Int64) -> Bool {
    end = nil
    guard age > 0, !isOver, case .event(let event) = item.content else { return false }
    let enough = min(eventCount, UInt64(max(1, byteCount / recordByteCount)))
    guard waitingCount < enough else { return false }
    if first != event.sequence {
      first = event.sequence
      firstTime = now
    }
    // An event that is told too late has waited already; one with a time to come waits no longer
    // than others.
    let time = min(firstTime, event.time) &+ age
    guard now < time else { return false }
    end = time
    return true
  }

  /// A message went.
  mutating func note(byteCount: Int, recordCount: Int) {
    recordByteCount = max(1, byteCount / max(1, recordCount))
  }
}
