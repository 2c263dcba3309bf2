import Journal

/// Which events the journal holds, and how many it ever took, evicted and lost: what a receiver
/// must know to tell what it lacks.
///
/// | member | value | when |
/// | --- | --- | --- |
/// | `device`, `epoch` | of the gateway; the boot that this was sent in | always |
/// | `t` | seconds since 1970 | the clock is right |
/// | `lowest`, `highest` | `epoch` and `seq` of the first and the last event that it holds | not empty |
/// | `acknowledged` | the last event before which the broker has all; 0 and 0 for none | not empty |
/// | `stored`, `evicted` | events since the gateway started: stored; evicted before the broker had them | always |
/// | `dropped` | the same: lost before they could be stored, or refused for ever | always |
struct JournalCheckpoint: Equatable {
  var lowest: EventPlace?
  var highest: EventPlace?
  var acknowledged: EventPlace?
  var storedCount: UInt64 = 0
  var evictedCount: UInt64 = 0
  var droppedCount: UInt64 = 0

  /// As a JSON object. `offset` is what makes ns since 1970 of `now`.
  func payload(device: String, epoch: UInt64, offset: Int64?, now: Int64) -> [UInt8] {
    // A device's name of 64 bytes, all escaped, and all numbers at their longest take less.
    var text = ByteBuffer(capacity: 1024)
    text.append("{\"device\":")
    text.append(jsonString(device))
    text.append(",\"epoch\":")
    text.append(epoch)
    if let offset {
      text.append(",\"t\":")
      text.append(secondsOf: now &+ offset)
    }
    Self.append(",\"lowest\":", lowest, to: &text)
    Self.append(",\"highest\":", highest, to: &text)
    Self.append(",\"acknowledged\":", acknowledged, to: &text)
    text.append(",\"stored\":")
    text.append(storedCount)
    text.append(",\"evicted\":")
    text.append(evictedCount)
    text.append(",\"dropped\":")
    text.append(droppedCount)
    text.append("}")
    precondition(!text.hasOverflowed)
    // Safe: the bytes are copied.
    return unsafe text.withBytes { unsafe Array($0) }
  }

  private static func append(
    _ label: StaticString, _ place: EventPlace?, to text: inout ByteBuffer
  ) {
    guard let place else { return }
    text.append(label)
    text.append("{\"epoch\":")
    text.append(place.epoch)
    text.append(",\"seq\":")
    text.append(place.sequence)
    text.append("}")
  }
}
