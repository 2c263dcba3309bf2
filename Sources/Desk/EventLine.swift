/// A message as one line of text, for files and other programs: time, device, channel, what it
/// says, and the numbers that order it.
///
/// `2026-01-02T03:04:05.678Z plant7 boiler.temperature 21.4375 Cel epoch=3 seq=41 rseq=17`
public func eventLine(_ message: Message, now: Double) -> String {
  switch message {
  case .status(let status):
    let epoch = status.epoch.map { " epoch=\($0)" } ?? ""
    let version = status.version.map { " version=\(printable($0))" } ?? ""
    let state = status.isOnline ? "online" : "offline"
    return "\(timestamp(now)) \(printable(status.device)) - \(state)\(epoch)\(version)"
  case .record(let record):
    let channel = record.channel.isEmpty ? "-" : printable(record.channel)
    let unit = record.unit.isEmpty ? "" : " \(printable(record.unit))"
    let reading = record.readingSequence.map { " rseq=\($0)" } ?? ""
    return "\(timestamp(record.time)) \(printable(record.device)) \(channel) "
      + words(record.content, unit: unit)
      + " epoch=\(record.epoch) seq=\(record.sequence)\(reading)"
  }
}

private func words(_ content: Content, unit: String) -> String {
  switch content {
  case .value(let value): "\(value)\(unit)"
  case .window(let window):
    "\(window.mean)\(unit) min=\(window.minimum) max=\(window.maximum) count=\(window.count) "
      + "span=\(window.span)"
  case .alarm(let raised, let value): "\(value)\(unit) alarm=\(raised ? "raised" : "cleared")"
  case .edge(let level, let edge): "\(level ? 1 : 0) edge=\(printable(edge))"
  case .bad(let quality): "bad quality=\(printable(quality))"
  case .gap(let gap): "gap=\(gap.kind.rawValue) first=\(gap.first) count=\(gap.count)"
  }
}
