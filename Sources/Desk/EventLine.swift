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
    let health = status.health.map { " health=\(printable($0))" } ?? ""
    return "\(timestamp(now)) \(printable(status.device)) - \(state)\(epoch)\(version)\(health)"
  case .log(let line):
    let suppressed = line.suppressedCount > 0 ? " suppressed=\(line.suppressedCount)" : ""
    let lost = line.lostCount > 0 ? " lost=\(line.lostCount)" : ""
    let start = line.start > 0 ? "#\(line.start)" : ""
    return "\(timestamp(line.time)) \(printable(line.device)) - \(printable(line.level)) "
      + "\(printable(line.task))\(start): \(printable(line.text)) epoch=\(line.epoch) "
      + "line=\(line.number)\(suppressed)\(lost)"
  case .boot(let boot):
    let detail = boot.detail.map { " detail=\(printable($0))" } ?? ""
    let safe = boot.isSafe ? " safe-mode" : ""
    return
      "\(timestamp(now)) \(printable(boot.device)) - boot cause=\(printable(boot.cause))\(detail)"
      + " unclean=\(boot.uncleanCount)\(safe) epoch=\(boot.epoch)"
  case .crash(let crash):
    let device = printable(crash.device ?? "-")
    return
      "\(timestamp(crash.time ?? now)) \(device) - crash "
      + "\(printable(crash.task))#\(crash.start): \(printable(crash.signal)) "
      + "(\(printable(crash.reason))) at 0x\(String(crash.programCounter, radix: 16))"
      + (crash.epoch.map { " epoch=\($0)" } ?? "")
  case .record(let record):
    let channel = record.channel.isEmpty ? "-" : printable(record.channel)
    let unit = record.unit.isEmpty ? "" : " \(printable(record.unit))"
    let reading = record.readingSequence.map { " rseq=\($0)" } ?? ""
    let time = record.bootTime.map { "boot+\(fixed($0, decimals: 3))s" } ?? timestamp(record.time)
    let marks =
      (record.isThinned ? " thinned" : "") + (record.isHistorical ? " historical" : "")
      + (record.isReplayed ? " replayed" : "")
    return "\(time) \(printable(record.device)) \(channel) "
      + words(record.content, unit: unit)
      + " epoch=\(record.epoch) seq=\(record.sequence)\(reading)\(marks)"
  case .checkpoint(let point):
    let acknowledged = point.acknowledged.map { " acknowledged=\($0.text)" } ?? ""
    return "\(timestamp(now)) \(printable(point.device)) - checkpoint "
      + "lowest=\(point.lowest?.text ?? "-") highest=\(point.highest?.text ?? "-")\(acknowledged)"
  case .replayed(let answer):
    let outcome =
      answer.refusal.map { "refused: \(printable($0))" }
      ?? "sent=\(answer.sentCount) missing=\(answer.missingCount)"
    return "\(timestamp(now)) - - replayed epoch=\(answer.epoch) "
      + "first=\(answer.first) last=\(answer.last) \(outcome)"
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
  case .gap(let gap):
    "gap=\(gap.kind.rawValue) first=\(gap.first) count=\(gap.count)"
      + (gap.last.map { " last=\($0)" } ?? "")
      + (gap.firstEpoch.map { " first_epoch=\($0)" } ?? "")
      + (gap.lane.map { " lane=\(printable($0))" } ?? "")
  case .overload(let level): "overload=\(level)"
  }
}
