import Linux

/// How far a boot came, as the card knows.
public enum BootPhase: UInt8, CaseIterable, Sendable {
  /// It began; nothing is known of its end.
  case started = 0
  /// It stayed up for the time after which a boot counts as good; nothing is known of its end.
  case stable = 1
  /// It ended in order, to restart.
  case restarted = 2
  /// It ended in order, to be switched off.
  case poweredOff = 3
  /// The supervisor restarted the board, because it could not go on; the note says why.
  case failed = 4
  /// The supervisor stopped feeding the watchdog, so that it resets the board; the note says why.
  case gaveUp = 5

  var name: StaticString {
    switch self {
    case .started: "started"
    case .stable: "stable"
    case .restarted: "restarted"
    case .poweredOff: "powered-off"
    case .failed: "failed"
    case .gaveUp: "gave-up"
    }
  }
}

/// What is kept of a boot in the file `boots` of the state folder: eight lines of text, each a
/// name, a space, a value and a line end.
///
/// | line | value |
/// | --- | --- |
/// | `weir-boots` | `1`, the version of this layout |
/// | `epoch` | the boot's number: decimal, at most 18 digits |
/// | `phase` | `started`, `stable`, `restarted`, `powered-off`, `failed` or `gave-up` |
/// | `unclean` | how many boots in a row before it did not stay up: decimal |
/// | `safe` | `1` in safe mode, else `0` |
/// | `uptime` | seconds that it is known to have been up: decimal |
/// | `note` | why it failed: at most 160 bytes without control characters; may be empty |
/// | `crc` | CRC-32 (IEEE 802.3) of all bytes before this line: 8 lowercase hexadecimal digits |
///
/// The file is replaced as a whole (`replaceFile`), so that a cut leaves the record before it.
public struct BootRecord: Equatable, Sendable {
  public static let noteByteCountMax = 160
  /// More than that is damage.
  public static let fileByteCountMax = 512

  public var epoch: UInt64
  public var phase: BootPhase
  public var uncleanCount: UInt64
  public var isSafe: Bool
  public var uptimeSeconds: UInt64
  public private(set) var note: String

  public init(
    epoch: UInt64, phase: BootPhase = .started, uncleanCount: UInt64 = 0, isSafe: Bool = false,
    uptimeSeconds: UInt64 = 0, note: String = ""
  ) {
    self.epoch = epoch
    self.phase = phase
    self.uncleanCount = uncleanCount
    self.isSafe = isSafe
    self.uptimeSeconds = uptimeSeconds
    self.note = Self.printable(note)
  }

  /// The same boot, later.
  public func ended(_ phase: BootPhase, uptimeSeconds: UInt64, note: String = "") -> BootRecord {
    BootRecord(
      epoch: epoch, phase: phase, uncleanCount: uncleanCount, isSafe: isSafe,
      uptimeSeconds: uptimeSeconds, note: note)
  }

  /// The bytes of the file.
  public var bytes: [UInt8] {
    let text =
      "weir-boots 1\nepoch \(epoch)\nphase \(phase.name.description)\nunclean \(uncleanCount)\n"
      + "safe \(isSafe ? 1 : 0)\nuptime \(uptimeSeconds)\nnote \(note)\n"
    let body = Array(text.utf8)
    return body + Array("crc ".utf8) + hexadecimal(checksum(body)) + [0x0a]
  }

  /// Reads the bytes of the file; nil when they are not exactly what `bytes` writes.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count <= Self.fileByteCountMax else { return nil }
    let lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
    guard lines.count == 9, lines[8].isEmpty else { return nil }
    guard let version = Self.value(lines[0], "weir-boots"), version.elementsEqual("1".utf8),
      let epoch = Self.number(lines[1], "epoch"),
      let phaseName = Self.value(lines[2], "phase"),
      let uncleanCount = Self.number(lines[3], "unclean"),
      let safe = Self.number(lines[4], "safe"), safe <= 1,
      let uptime = Self.number(lines[5], "uptime"),
      let note = Self.value(lines[6], "note")
    else { return nil }
    var phase: BootPhase?
    for each in BootPhase.allCases where phaseName.elementsEqual(each.name.description.utf8) {
      phase = each
    }
    guard let phase else { return nil }
    self.init(
      epoch: epoch, phase: phase, uncleanCount: uncleanCount, isSafe: safe == 1,
      uptimeSeconds: uptime, note: String(decoding: note, as: UTF8.self))
    // All that was read must also be what would be written: the checksum, and each digit.
    guard self.bytes.elementsEqual(bytes) else { return nil }
  }

  private static func value(_ line: ArraySlice<UInt8>, _ name: String) -> ArraySlice<UInt8>? {
    let start = Array((name + " ").utf8)
    return line.starts(with: start) ? line.dropFirst(start.count) : nil
  }

  private static func number(_ line: ArraySlice<UInt8>, _ name: String) -> UInt64? {
    value(line, name).flatMap { decimalNumber(Array($0), digitCountMax: 18) }
  }

  /// One line of at most `noteByteCountMax` bytes: what would break the file is left out.
  private static func printable(_ text: String) -> String {
    var kept: [UInt8] = []
    for byte in text.utf8 where byte >= 0x20 && byte < 0x7f && kept.count < noteByteCountMax {
      kept.append(byte)
    }
    return String(decoding: kept, as: UTF8.self)
  }
}

/// CRC-32 of IEEE 802.3, a bit at a time: the file has a hundred bytes.
func checksum(_ bytes: [UInt8]) -> UInt32 {
  var remainder = UInt32.max
  for byte in bytes {
    remainder ^= UInt32(byte)
    for _ in 0..<8 {
      remainder = remainder & 1 == 1 ? remainder >> 1 ^ 0xedb8_8320 : remainder >> 1
    }
  }
  return ~remainder
}

private func hexadecimal(_ value: UInt32) -> [UInt8] {
  var digits: [UInt8] = []
  for shift in [28, 24, 20, 16, 12, 8, 4, 0] as [UInt32] {
    let digit = UInt8(value >> shift & 15)
    digits.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
  }
  return digits
}
