import Linux
import Ring

/// The file `crashes` of the state folder: the last crashes of all tasks, at most 16, the oldest
/// first. Each takes 512 bytes:
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | magic, "WEIRCRSH" as a big-endian number |
/// | 8 | 4 | version, 1 |
/// | 12 | 4 | CRC-32C of bytes 16 to 511 |
/// | 16 | 456 | `CrashEntry` |
/// | 472 | 40 | zero |
///
/// The file is replaced as a whole (`replaceFile`), so that a cut leaves the one before it.
public struct CrashFile: Sendable {
  static let entryByteCount = 512
  /// "WEIRCRSH".
  static let magic: UInt64 = 0x5745_4952_4352_5348
  static let version: UInt32 = 1

  public let path: String

  public init(_ path: String) { self.path = path }

  /// What a file held.
  public struct Content {
    public var entries: [CrashEntry] = []
    /// Entries, or pieces of one, that are none.
    public var damageCount = 0
    /// Why it can't be read at all.
    public var problem: String?
  }

  /// The crashes in the order of their numbers. A file that is not there holds none.
  public func read() -> Content {
    var content = Content()
    let bytes: [UInt8]
    do {
      bytes = try readFile(path, limit: 2 * CrashLog.capacity * Self.entryByteCount)
    } catch {
      if error.number != .notFound { content.problem = "\(error.call): \(error.text)" }
      return content
    }
    var start = 0
    while start < bytes.count {
      let end = min(start + Self.entryByteCount, bytes.count)
      if let entry = Self.entry(bytes[start..<end]), content.entries.count < CrashLog.capacity,
        entry.number < .max, content.entries.last.map({ $0.number < entry.number }) ?? true
      {
        content.entries.append(entry)
      } else {
        content.damageCount += 1
      }
      start = end
    }
    return content
  }

  /// Replaces the file.
  public func write(_ entries: [CrashEntry]) throws(SystemError) {
    var bytes: [UInt8] = []
    for entry in entries { bytes += Self.bytes(of: entry) }
    try replaceFile(path, with: bytes)
  }

  static func bytes(of entry: CrashEntry) -> [UInt8] {
    var body: [UInt8] = []
    for index in 0..<CrashEntry.wordCount { append(entry.words[index], 8, to: &body) }
    body += [UInt8](repeating: 0, count: entryByteCount - 16 - body.count)
    var bytes: [UInt8] = []
    append(magic.byteSwapped, 8, to: &bytes)
    append(UInt64(version), 4, to: &bytes)
    append(UInt64(crc32c(body[...])), 4, to: &bytes)
    return bytes + body
  }

  private static func entry(_ bytes: ArraySlice<UInt8>) -> CrashEntry? {
    let start = bytes.startIndex
    guard bytes.count == entryByteCount,
      number(bytes[start..<start + 8]) == magic.byteSwapped,
      number(bytes[start + 8..<start + 12]) == UInt64(version),
      number(bytes[start + 12..<start + 16]) == UInt64(crc32c(bytes[(start + 16)...]))
    else { return nil }
    var words = InlineArray<57, UInt64>(repeating: 0)
    for index in 0..<CrashEntry.wordCount {
      let place = start + 16 + index * 8
      words[index] = number(bytes[place..<place + 8])
    }
    return CrashEntry(words: words)
  }

  private static func append(_ number: UInt64, _ count: Int, to bytes: inout [UInt8]) {
    for place in 0..<count {
      bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(place * 8)))
    }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    var number: UInt64 = 0
    for (place, byte) in bytes.enumerated() { number |= UInt64(byte) << UInt64(place * 8) }
    return number
  }
}

extension CrashEntry {
  public init(_ record: CrashRecord, of title: String, epoch: UInt64) {
    let bytes = Array(title.utf8)
    self.init(record, of: bytes.span, epoch: epoch, realTime: Clock.real())
  }

  /// The task's title.
  public var title: String {
    String(decoding: (0..<titleByteCount).map { titleByte($0) }, as: UTF8.self)
  }
}
