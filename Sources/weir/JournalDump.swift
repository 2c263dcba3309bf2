import Journal
import JournalFile
import Ring

/// Writes what a reader finds from its place on, a line of JSON each.
///
/// | line | labels |
/// | --- | --- |
/// | an event | `lane`, `epoch`, `seq`, `kind`, `channel` (its number), `time` (ns of CLOCK_BOOTTIME), `rseq`, `value`, `min`, `max`, `span` (ns), `count`, `quality`, by their names in `Event` |
/// | a window that stands for evicted events | the same, and `thinned` true; `epoch` is theirs |
/// | a record that is no event | `lane`, `epoch`, `seq`, `bytes` (hexadecimal) |
/// | a gap | `lane`, `gap` (`evicted` or `damaged`), `count`, and the identities of the last event before it and of its last: `after_epoch`, `after_seq`, `epoch`, `seq` |
func dump(_ reader: inout JournalReader<FileStorage>, to output: inout Output) {
  let lane = reader.lane.name
  // Each turn reads a record or a gap; a lane has an end.
  while true {
    switch reader.next() {
    case .end: return
    case .gap(let gap):
      output.write(
        "{\"lane\":\"\(lane)\",\"gap\":\"\(gap.reason.name)\",\"count\":\(gap.count),"
          + "\"after_epoch\":\(gap.after.epoch),\"after_seq\":\(gap.after.sequence),"
          + "\"epoch\":\(gap.through.epoch),\"seq\":\(gap.through.sequence)}\n")
    case .record(let found):
      output.write(line(found, reader.record, lane: lane))
    }
  }
}

private func line(_ found: FoundRecord, _ bytes: Bytes, lane: String) -> String {
  let isThinned = found.kind == .thinned && found.byteCount == Event.thinnedByteCount
  guard isThinned || found.byteCount == Event.recordByteCount, let event = Event(bytes) else {
    return "{\"lane\":\"\(lane)\",\"epoch\":\(found.after.epoch),\"seq\":\(found.after.sequence),"
      + "\"bytes\":\"\(hexadecimal(bytes.slice(0, found.byteCount)))\"}\n"
  }
  let epoch =
    isThinned ? bytes.load(UInt64.self, at: Event.recordByteCount) : found.after.epoch
  return "{\"lane\":\"\(lane)\",\"epoch\":\(epoch),\"seq\":\(event.sequence),"
    + (isThinned ? "\"thinned\":true," : "")
    + "\"kind\":\"\(event.kind.name)\",\"channel\":\(event.channel),\"time\":\(event.time),"
    + "\"rseq\":\(event.readingSequence),\"value\":\(number(event.value)),"
    + "\"min\":\(number(event.minimum)),\"max\":\(number(event.maximum)),\"span\":\(event.span),"
    + "\"count\":\(event.count),\"quality\":\(event.quality.rawValue)}\n"
}

/// JSON has no word for what is no number.
private func number(_ value: Double) -> String { value.isFinite ? "\(value)" : "null" }

private func hexadecimal(_ bytes: Bytes) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  for index in 0..<bytes.count {
    text.append(digits[Int(bytes[index] >> 4)])
    text.append(digits[Int(bytes[index] & 15)])
  }
  return String(decoding: text, as: UTF8.self)
}

extension Gap.Reason {
  var name: String {
    switch self {
    case .evicted: "evicted"
    case .damaged: "damaged"
    }
  }
}

extension EventKind {
  /// As the case is called.
  fileprivate var name: String {
    switch self {
    case .value: "value"
    case .window: "window"
    case .alarmRaised: "alarmRaised"
    case .alarmCleared: "alarmCleared"
    case .edge: "edge"
    case .missedDeadlines: "missedDeadlines"
    case .lostEdges: "lostEdges"
    case .droppedReadings: "droppedReadings"
    case .droppedEvents: "droppedEvents"
    case .slowedSampling: "slowedSampling"
    case .overload: "overload"
    }
  }
}
