import FoundationEssentials

/// Why a payload is not a message of Weir.
public enum DecodingFailure: Error, Equatable, Sendable {
  case tooBig(byteCount: Int)
  /// Declared as zstd or beginning as such, and not readable as such, with the reason.
  case notZstd(String)
  case notJSON
  /// Neither a list of records nor a status.
  case unknownShape
  /// A record lacks the label.
  case missing(String)
  /// A label has a value that it cannot have.
  case wrong(String)

  public var text: String {
    switch self {
    case .tooBig(let count): "\(count) bytes are more than a message has"
    case .notZstd(let reason): "not zstd: \(reason)"
    case .notJSON: "not JSON"
    case .unknownShape: "neither SenML records nor a status"
    case .missing(let label): "a record without \"\(label)\""
    case .wrong(let label): "a record whose \"\(label)\" is wrong"
    }
  }
}

/// Decodes a payload: SenML JSON (RFC 8428) with Weir's labels, one record or several, compressed
/// or not; or one of the objects that a gateway sends beside its events.
///
/// - Parameters:
///   - contentType: what MQTT 5 says that it is; without it, compression is seen by its magic
///     number.
///   - receivedAt: seconds since 1970 UTC, to resolve relative times (§4.5.3).
public func decode(
  _ payload: [UInt8], contentType: String? = nil, receivedAt: Double
) throws(DecodingFailure) -> [Message] {
  guard payload.count <= payloadByteCountMax else { throw .tooBig(byteCount: payload.count) }
  let isDeclared = contentType == compressedContentType
  guard isDeclared || isCompressed(payload) else {
    return try decode(plain: payload, receivedAt: receivedAt)
  }
  return try decode(plain: try decompress(payload), receivedAt: receivedAt)
}

private func decode(
  plain payload: [UInt8], receivedAt: Double
) throws(DecodingFailure) -> [Message] {
  let data = Data(payload)
  guard let first = payload.first(where: { !$0.isJSONSpace }) else { throw .notJSON }
  if first == UInt8(ascii: "{") {
    guard let raw: RawObject = parse(data) else { throw .notJSON }
    if raw.signal != nil { return [.crash(try crash(raw, receivedAt: receivedAt))] }
    if raw.task != nil { return [.log(try log(raw, receivedAt: receivedAt))] }
    if raw.cause != nil { return [.boot(try boot(raw))] }
    // Of an empty journal a checkpoint has neither of the two places.
    if raw.lowest != nil || raw.highest != nil || raw.stored != nil {
      return [.checkpoint(try checkpoint(raw))]
    }
    // What another receiver asks of the gateway says nothing to this one.
    if raw.id != nil, raw.status == nil, raw.first != nil, raw.last != nil { return [] }
    if raw.id != nil { return [.replayed(try replayAnswer(raw))] }
    return [.status(try status(raw))]
  }
  guard first == UInt8(ascii: "[") else { throw .notJSON }
  guard let raw: [RawRecord] = parse(data) else { throw .unknownShape }
  guard !raw.isEmpty else { throw .unknownShape }
  return try records(raw, receivedAt: receivedAt)
}

private func parse<T: Decodable>(_ data: Data) -> T? {
  try? JSONDecoder().decode(T.self, from: data)
}

extension UInt8 {
  /// The four characters of RFC 8259 §2.
  fileprivate var isJSONSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D }
}

/// The labels of RFC 8428 §4 that Weir uses, and Weir's own.
private struct RawRecord: Decodable {
  var bn: String?
  var bt: Double?
  var bu: String?
  var bv: Double?
  var n: String?
  var u: String?
  var v: Double?
  var vs: String?
  var vb: Bool?
  var t: Double?
  var epoch: UInt64?
  var seq: UInt64?
  var rseq: UInt64?
  var min: Double?
  var max: Double?
  var count: UInt64?
  var span: Double?
  var alarm: String?
  var edge: String?
  var quality: String?
  var gap: String?
  var first: UInt64?
  var last: UInt64?
  var overload: UInt64?
  var first_epoch: UInt64?
  var lane: String?
  var boottime: Double?
  var historical: Bool?
  var thinned: Bool?
  var replayed: Bool?
}

/// Everything that a gateway sends beside its events.
struct RawObject: Decodable {
  var status: String?
  var device: String?
  var epoch: UInt64?
  var version: String?
  var health: String?
  var tasks: [String: String]?
  var task: String?
  var start: UInt64?
  var line: UInt64?
  var level: String?
  var t: Double?
  var text: String?
  var suppressed: UInt64?
  var lost: UInt64?
  var cause: String?
  var detail: String?
  /// Of a boot whole seconds, of a crash with milliseconds.
  var uptime: Double?
  var step: UInt64?
  var unclean: UInt64?
  var safe_mode: Bool?
  var last_crash: String?
  var crash: UInt64?
  var signal: String?
  var reason: String?
  var pc: String?
  var from: [String]?
  var arch: String?
  var build: String?
  var lowest: RawPlace?
  var highest: RawPlace?
  var acknowledged: RawPlace?
  var stored: UInt64?
  var evicted: UInt64?
  var dropped: UInt64?
  var id: String?
  var first: UInt64?
  var last: UInt64?
  var sent: UInt64?
  var missing: UInt64?
}

/// A place in a gateway's journal.
struct RawPlace: Decodable {
  var epoch: UInt64
  var seq: UInt64
}

private func crash(
  _ raw: RawObject, receivedAt: Double
) throws(DecodingFailure) -> CrashReport {
  guard let signal = raw.signal else { throw .missing("signal") }
  guard let task = raw.task else { throw .missing("task") }
  guard let start = raw.start else { throw .missing("start") }
  guard let text = raw.pc else { throw .missing("pc") }
  guard let programCounter = address(text) else { throw .wrong("pc") }
  var report = CrashReport(
    task: task, start: start, signal: signal, reason: raw.reason ?? "",
    programCounter: programCounter)
  for text in raw.from ?? [] {
    guard let address = address(text) else { throw .wrong("from") }
    report.callers.append(address)
  }
  report.device = raw.device
  report.epoch = raw.epoch
  report.number = raw.crash
  report.time = raw.t.map { absolute($0, receivedAt: receivedAt) }
  report.step = raw.step
  report.uptime = raw.uptime
  report.architecture = raw.arch
  report.buildID = raw.build
  return report
}

/// `0x4d6565`.
func address(_ text: some StringProtocol) -> UInt64? {
  guard text.hasPrefix("0x") else { return nil }
  return UInt64(text.dropFirst(2), radix: 16)
}

private func log(
  _ raw: RawObject, receivedAt: Double
) throws(DecodingFailure) -> LogRecord {
  guard let device = raw.device else { throw .missing("device") }
  guard let epoch = raw.epoch else { throw .missing("epoch") }
  guard let task = raw.task else { throw .missing("task") }
  guard let start = raw.start else { throw .missing("start") }
  guard let number = raw.line else { throw .missing("line") }
  guard let level = raw.level else { throw .missing("level") }
  guard let time = raw.t else { throw .missing("t") }
  guard let text = raw.text else { throw .missing("text") }
  return LogRecord(
    device: device, epoch: epoch, task: task, start: start, number: number, level: level,
    time: absolute(time, receivedAt: receivedAt), text: text,
    suppressedCount: raw.suppressed ?? 0, lostCount: raw.lost ?? 0)
}

private func status(_ raw: RawObject) throws(DecodingFailure) -> Status {
  guard let state = raw.status else { throw .missing("status") }
  guard state == "online" || state == "offline" else { throw .wrong("status") }
  guard let device = raw.device else { throw .missing("device") }
  return Status(
    device: device, isOnline: state == "online", epoch: raw.epoch, version: raw.version,
    health: raw.health, tasks: raw.tasks ?? [:])
}

private func boot(_ raw: RawObject) throws(DecodingFailure) -> BootNotice {
  guard let cause = raw.cause else { throw .missing("cause") }
  guard let device = raw.device else { throw .missing("device") }
  guard let epoch = raw.epoch else { throw .missing("epoch") }
  guard let version = raw.version else { throw .missing("version") }
  guard let unclean = raw.unclean else { throw .missing("unclean") }
  guard let isSafe = raw.safe_mode else { throw .missing("safe_mode") }
  return BootNotice(
    device: device, epoch: epoch, version: version, cause: cause, detail: raw.detail,
    lastCrash: raw.last_crash, uptime: raw.uptime.flatMap { UInt64(exactly: $0) },
    uncleanCount: unclean, isSafe: isSafe)
}

/// Resolves the base fields (§4.6) and reads each record.
private func records(
  _ raw: [RawRecord], receivedAt: Double
) throws(DecodingFailure) -> [Message] {
  var baseName = ""
  var baseTime = 0.0
  var baseUnit = ""
  var baseValue = 0.0
  // Weir's own: the boot of the first record is that of all, and numbers that follow each other are
  // left out, of events and of each channel's readings.
  var epoch: UInt64?
  var sequence: UInt64?
  // Of each channel, the number of its last reading.
  var readings: [String: UInt64] = [:]
  var messages: [Message] = []
  for one in raw {
    baseName = one.bn ?? baseName
    baseTime = one.bt ?? baseTime
    baseUnit = one.bu ?? baseUnit
    baseValue = one.bv ?? baseValue
    guard baseName.hasSuffix("/") else { throw .missing("bn") }
    epoch = one.epoch ?? epoch
    sequence = one.seq ?? sequence.map { $0 &+ 1 }
    guard let epoch else { throw .missing("epoch") }
    guard let sequence else { throw .missing("seq") }
    let channel = one.n ?? ""
    // What has no reading behind it has no number of one.
    let hasReading = one.gap == nil && one.overload == nil
    let reading = hasReading ? one.rseq ?? readings[channel].map { $0 &+ 1 } : one.rseq
    if hasReading, let reading { readings[channel] = reading }
    messages.append(
      .record(
        Record(
          device: String(baseName.dropLast()), channel: channel, unit: one.u ?? baseUnit,
          time: one.boottime == nil
            ? absolute(baseTime + (one.t ?? 0), receivedAt: receivedAt) : 0,
          bootTime: one.boottime, epoch: epoch, sequence: sequence, readingSequence: reading,
          isThinned: one.thinned ?? false, isHistorical: one.historical ?? false,
          isReplayed: one.replayed ?? false,
          content: try content(one, baseValue: baseValue, epoch: epoch))))
  }
  return messages
}

/// Times below 2^28 are relative to now (RFC 8428 §4.5.3).
private func absolute(_ time: Double, receivedAt: Double) -> Double {
  time < 268_435_456 ? receivedAt + time : time
}

/// A gap whose labels agree with each other.
private func gap(
  _ kind: Gap.Kind, first: UInt64, count: UInt64, _ raw: RawRecord, epoch: UInt64
) throws(DecodingFailure) -> Gap {
  guard !first.addingReportingOverflow(count).overflow else { throw .wrong("count") }
  var gap = Gap(kind: kind, first: first, count: count)
  guard kind == .slowed || gap.isOfJournal else { return gap }
  guard let last = raw.last else { throw .missing("last") }
  guard last < .max, count > 0 else { throw .wrong("last") }
  gap.last = last
  if gap.isOfJournal {
    gap.lane = raw.lane
    if let firstEpoch = raw.first_epoch, firstEpoch != epoch {
      guard firstEpoch < epoch else { throw .wrong("first_epoch") }
      gap.firstEpoch = firstEpoch
      // How many numbers the first epoch had nobody says, so count can't be checked.
      return gap
    }
  }
  guard last >= first, last - first >= count - 1 else { throw .wrong("last") }
  return gap
}

private func content(
  _ raw: RawRecord, baseValue: Double, epoch: UInt64
) throws(DecodingFailure) -> Content {
  if let name = raw.gap {
    guard let kind = Gap.Kind(rawValue: name) else { throw .wrong("gap") }
    guard let count = raw.count else { throw .missing("count") }
    // Nobody knows the number of the first lost edge: it was never a reading.
    guard let first = raw.first ?? (kind == .lostEdges ? 0 : nil) else { throw .missing("first") }
    return .gap(try gap(kind, first: first, count: count, raw, epoch: epoch))
  }
  if let level = raw.overload { return .overload(level: level) }
  if let quality = raw.quality { return .bad(quality: quality) }
  if let edge = raw.edge {
    guard let level = raw.vb else { throw .missing("vb") }
    return .edge(level: level, edge: edge)
  }
  guard let value = raw.v.map({ $0 + baseValue }) else {
    guard let level = raw.vb else { throw .missing("v") }
    return .value(level ? 1 : 0)
  }
  if let alarm = raw.alarm {
    guard alarm == "raised" || alarm == "cleared" else { throw .wrong("alarm") }
    return .alarm(raised: alarm == "raised", value: value)
  }
  if let minimum = raw.min, let maximum = raw.max {
    return .window(
      Window(
        mean: value, minimum: minimum, maximum: maximum, count: raw.count ?? 0,
        span: raw.span ?? 0))
  }
  return .value(value)
}
