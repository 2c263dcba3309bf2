import FoundationEssentials

/// Why a payload is not a message of Weir.
public enum DecodingFailure: Error, Equatable, Sendable {
  case tooBig(byteCount: Int)
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
    case .notJSON: "not JSON"
    case .unknownShape: "neither SenML records nor a status"
    case .missing(let label): "a record without \"\(label)\""
    case .wrong(let label): "a record whose \"\(label)\" is wrong"
    }
  }
}

/// The most that a payload may weigh. A message of Weir is some 300 bytes; a pack of other people's
/// SenML may have many records.
public let payloadByteCountMax = 65_536

/// Decodes a payload: SenML JSON (RFC 8428) with Weir's labels, or a status.
///
/// - Parameter receivedAt: seconds since 1970 UTC, to resolve relative times (§4.5.3).
public func decode(
  _ payload: [UInt8], receivedAt: Double
) throws(DecodingFailure) -> [Message] {
  guard payload.count <= payloadByteCountMax else { throw .tooBig(byteCount: payload.count) }
  let data = Data(payload)
  guard let first = payload.first(where: { !$0.isJSONSpace }) else { throw .notJSON }
  if first == UInt8(ascii: "{") {
    guard let raw: RawStatus = parse(data) else { throw .notJSON }
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
}

private struct RawStatus: Decodable {
  var status: String?
  var device: String?
  var epoch: UInt64?
  var version: String?
}

private func status(_ raw: RawStatus) throws(DecodingFailure) -> Status {
  guard let state = raw.status else { throw .missing("status") }
  guard state == "online" || state == "offline" else { throw .wrong("status") }
  guard let device = raw.device else { throw .missing("device") }
  return Status(
    device: device, isOnline: state == "online", epoch: raw.epoch, version: raw.version)
}

/// Resolves the base fields (§4.6) and reads each record.
private func records(
  _ raw: [RawRecord], receivedAt: Double
) throws(DecodingFailure) -> [Message] {
  var baseName = ""
  var baseTime = 0.0
  var baseUnit = ""
  var baseValue = 0.0
  var messages: [Message] = []
  for one in raw {
    baseName = one.bn ?? baseName
    baseTime = one.bt ?? baseTime
    baseUnit = one.bu ?? baseUnit
    baseValue = one.bv ?? baseValue
    guard baseName.hasSuffix("/") else { throw .missing("bn") }
    guard let epoch = one.epoch else { throw .missing("epoch") }
    guard let sequence = one.seq else { throw .missing("seq") }
    messages.append(
      .record(
        Record(
          device: String(baseName.dropLast()), channel: one.n ?? "", unit: one.u ?? baseUnit,
          time: absolute(baseTime + (one.t ?? 0), receivedAt: receivedAt),
          epoch: epoch, sequence: sequence, readingSequence: one.rseq,
          content: try content(one, baseValue: baseValue))))
  }
  return messages
}

/// Times below 2^28 are relative to now (RFC 8428 §4.5.3).
private func absolute(_ time: Double, receivedAt: Double) -> Double {
  time < 268_435_456 ? receivedAt + time : time
}

private func content(
  _ raw: RawRecord, baseValue: Double
) throws(DecodingFailure) -> Content {
  if let name = raw.gap {
    guard let kind = Gap.Kind(rawValue: name) else { throw .wrong("gap") }
    guard let count = raw.count else { throw .missing("count") }
    // Nobody knows the number of the first lost edge: it was never a reading.
    guard let first = raw.first ?? (kind == .lostEdges ? 0 : nil) else { throw .missing("first") }
    guard !first.addingReportingOverflow(count).overflow else { throw .wrong("count") }
    return .gap(Gap(kind: kind, first: first, count: count))
  }
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
