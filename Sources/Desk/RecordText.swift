/// One record as a flat list of named fields, the same for a line of JSON and for a row of a table.
///
/// | field | what |
/// | --- | --- |
/// | `channel`, `unit`, `rseq` | of the record |
/// | `kind` | `value`, `window`, `alarm`, `edge`, `bad`, `gap`, `overload` |
/// | `value` | the value, the mean of a window, the level of an edge or of overload |
/// | `min`, `max`, `span` | of a window |
/// | `count` | of a window or a gap |
/// | `detail` | `raised`, `cleared`; the edge; the quality; the kind of gap |
/// | `first`, `last`, `first_epoch`, `lane` | of a gap |
struct RecordFields {
  var kind = ""
  var value: Double?
  var minimum: Double?
  var maximum: Double?
  var span: Double?
  var count: UInt64?
  var detail: String?
  var gap: Gap?

  init(_ content: Content) {
    value = content.number
    switch content {
    case .value: kind = "value"
    case .window(let window):
      kind = "window"
      (minimum, maximum, span) = (window.minimum, window.maximum, window.span)
      count = window.count
    case .alarm(let isRaised, _):
      kind = "alarm"
      detail = isRaised ? "raised" : "cleared"
    case .edge(_, let edge):
      kind = "edge"
      detail = edge
    case .bad(let quality):
      kind = "bad"
      detail = quality
    case .gap(let gap):
      kind = "gap"
      detail = gap.kind.rawValue
      count = gap.count
      self.gap = gap
    case .overload(let level):
      kind = "overload"
      value = Double(level)
    }
  }
}

/// What may not differ between two deliveries of one event: all but its time, which a gateway
/// without the time of day tells relative to the sending, and how it came here.
func canonicalText(_ record: Record) -> String {
  var text = ""
  let fields = RecordFields(record.content)
  text += ",\"channel\":" + jsonText(record.channel) + ",\"kind\":\"" + fields.kind + "\""
  if !record.unit.isEmpty { text += ",\"unit\":" + jsonText(record.unit) }
  append(",\"value\":", fields.value, to: &text)
  append(",\"min\":", fields.minimum, to: &text)
  append(",\"max\":", fields.maximum, to: &text)
  if let count = fields.count { text += ",\"count\":\(count)" }
  append(",\"span\":", fields.span, to: &text)
  if let detail = fields.detail { text += ",\"detail\":" + jsonText(detail) }
  if let gap = fields.gap {
    text += ",\"first\":\(gap.first)"
    if let last = gap.last { text += ",\"last\":\(last)" }
    if let epoch = gap.firstEpoch { text += ",\"first_epoch\":\(epoch)" }
    if let lane = gap.lane { text += ",\"lane\":" + jsonText(lane) }
  }
  if let reading = record.readingSequence { text += ",\"rseq\":\(reading)" }
  return text
}

private func append(_ label: String, _ value: Double?, to text: inout String) {
  // JSON decoding gives no other numbers, but a sum with a base value may.
  guard let value, value.isFinite else { return }
  text += label
  text += value.description
}

/// Tells two texts apart: FNV-1a, 64 bits. Not made against somebody who wants two of the same.
func digest(_ text: String) -> UInt64 {
  var hash: UInt64 = 0xCBF2_9CE4_8422_2325
  for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
  return hash
}
