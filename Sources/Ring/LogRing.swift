import Synchronization

/// Why memory was refused as a ring of log lines.
public enum LogRingError: Error, Equatable, Sendable {
  /// The memory is smaller than a ring (`LogRing.byteCount`).
  case tooSmall(neededByteCount: UInt64, byteCount: UInt64)
  /// The memory does not start on a line (`lineByteCount`).
  case misaligned
  /// No magic number: this is something else, or was never formatted.
  case foreign(magic: UInt64)
  /// Another layout than this program's.
  case unknownVersion(UInt32)
  /// Records of another size, or another number of them.
  case shape(recordByteCount: UInt32, capacity: UInt64)
}

/// "WEIRLOGR", as a big-endian number.
let logRingMagic: UInt64 = 0x5745_4952_4C4F_4752
let logRingVersion: UInt32 = 1

/// The last lines of one task's log, over all its lives. They survive the task: whoever has the
/// arena can read them with a `LogReader`, while the task writes, and after it died.
///
/// There is one writer at a time. It never waits: the oldest line is overwritten. Line *n* lies in
/// record *n* mod 64. Readers only read, so they can't hold the writer up; a record that changes
/// under a reader shows it by its mark (a seqlock), and is read as overwritten.
///
/// A writer that is killed at any instruction leaves at most one record that can't be read: the one
/// that it was filling. Its successor fills the same one. A line that is whole and was not yet
/// counted can be read, and the successor counts it.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | magic, "WEIRLOGR" as a big-endian number |
/// | 8 | 4 | version, 1 |
/// | 12 | 4 | bytes from one record to the next, 256 |
/// | 16 | 8 | capacity in records, 64 |
/// | 128 | 8 | lines written so far |
/// | 136 | 8 | lines that the rate limit kept from being written, so far |
/// | 144 | 8 | lines that the console did not take, so far |
/// | 256 | 64 × 256 | records |
///
/// A record is 32 atomic words:
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | mark: 0 never used, 2 *n* + 1 while line *n* is being written, 2 *n* + 2 when it is whole |
/// | 8 | 8 | time, ns of CLOCK_BOOTTIME |
/// | 16 | 4 | generation of the task |
/// | 20 | 1 | level, 0 debug to 4 error |
/// | 21 | 1 | 1: the text was longer, and ends in an ellipsis |
/// | 22 | 2 | length of the text in bytes, at most 224 |
/// | 24 | 8 | lines of the same place that the rate limit kept back before this one |
/// | 32 | 224 | text, UTF-8; what follows it is zero |
///
/// Numbers are in the order of the machine, which is little-endian wherever Weir runs.
@safe public struct LogRing: Sendable {
  /// How many lines there are at most.
  public static var capacity: UInt64 { 64 }
  /// The longest text, in bytes; what is longer is cut.
  public static var textByteCountMax: Int { textWordCount * 8 }
  /// How much memory a ring takes, in bytes: 16,640.
  public static var byteCount: Int { headerByteCount + Int(capacity) * recordByteCount }

  static var headerByteCount: Int { 2 * lineByteCount }
  static var recordByteCount: Int { 256 }
  static var textWordCount: Int { 28 }

  private let block: ArenaBlock

  /// Makes an empty ring in the block. Only one process may do it, before any other attaches.
  /// Traps if the block is too small or not on a line.
  public static func format(_ block: ArenaBlock) -> LogRing {
    precondition(block.byteCount >= byteCount && block.isOnLine)
    block.store(logRingVersion, at: 8)
    block.store(UInt32(recordByteCount), at: 12)
    block.store(capacity, at: 16)
    for offset in stride(from: lineByteCount, to: byteCount, by: 8) {
      block.formatWord(at: offset)
    }
    // Last, so that a formatter that dies halfway leaves no ring.
    block.store(logRingMagic, at: 0)
    return LogRing(checked: block)
  }

  /// Attaches to a ring that was formatted before. Never traps; O(1).
  public init(attaching block: ArenaBlock) throws(LogRingError) {
    guard block.byteCount >= Self.byteCount else {
      throw .tooSmall(
        neededByteCount: UInt64(Self.byteCount), byteCount: UInt64(block.byteCount))
    }
    guard block.isOnLine else { throw .misaligned }
    let magic = block.load(UInt64.self, at: 0)
    guard magic == logRingMagic else { throw .foreign(magic: magic) }
    let version = block.load(UInt32.self, at: 8)
    guard version == logRingVersion else { throw .unknownVersion(version) }
    let size = block.load(UInt32.self, at: 12)
    let capacity = block.load(UInt64.self, at: 16)
    guard size == UInt32(Self.recordByteCount), capacity == Self.capacity else {
      throw .shape(recordByteCount: size, capacity: capacity)
    }
    self.init(checked: block)
  }

  private init(checked block: ArenaBlock) { self.block = block }

  /// How many lines were ever written: the number of the next one.
  public var lineCount: UInt64 { block.word(at: lineByteCount).load() }
  /// How many lines the rate limit kept from being written.
  public var suppressedCount: UInt64 { block.word(at: lineByteCount + 8).load() }
  /// How many lines the console did not take.
  public var consoleDroppedCount: UInt64 { block.word(at: lineByteCount + 16).load() }

  /// Counts lines that were not written or not shown. Only the task that owns the ring does it.
  public func count(suppressed: UInt64, consoleDropped: UInt64) {
    let first = block.word(at: lineByteCount + 8)
    first.storeRelaxed(first.loadRelaxed() &+ suppressed)
    let second = block.word(at: lineByteCount + 16)
    second.storeRelaxed(second.loadRelaxed() &+ consoleDropped)
  }

  /// Writes a line over the oldest one. Only the task that owns the ring does it. A text that is
  /// longer than `textByteCountMax` is cut between two characters and ends in an ellipsis. O(length
  /// of a record); never waits and never fails.
  public func append(
    level: UInt8, time: Int64, generation: UInt32, suppressedCount: UInt64, text: Span<UInt8>
  ) {
    let counter = block.word(at: lineByteCount)
    var number = counter.loadRelaxed()
    // The last writer may have died between finishing this line and counting it.
    if word(0, ofLine: number).loadRelaxed() == Self.whole(number) { number &+= 1 }
    let cut = LogText(text)
    let mark = word(0, ofLine: number)
    mark.storeRelaxed(Self.begun(number))
    // Whoever sees one of the words below also sees that the line is begun.
    atomicMemoryFence(ordering: .releasing)
    word(1, ofLine: number).storeRelaxed(UInt64(bitPattern: time))
    word(2, ofLine: number).storeRelaxed(
      UInt64(generation) | UInt64(level) << 32 | (cut.isCut ? 1 : 0) << 40
        | UInt64(cut.byteCount) << 48)
    word(3, ofLine: number).storeRelaxed(suppressedCount)
    for index in 0..<Self.textWordCount {
      word(4 + index, ofLine: number).storeRelaxed(cut.word(index, of: text))
    }
    mark.store(Self.whole(number))
    counter.store(number &+ 1)
  }

  /// What the record of line `number` holds now.
  enum Content {
    /// That line, whole.
    case line(LogLine)
    /// Another line, or one that is being written, or was when its writer died.
    case other
  }

  func content(ofLine number: UInt64) -> Content {
    let mark = word(0, ofLine: number)
    guard mark.load() == Self.whole(number) else { return .other }
    let packed = word(2, ofLine: number).loadRelaxed()
    var line = LogLine(
      number: number, time: Int64(bitPattern: word(1, ofLine: number).loadRelaxed()),
      generation: UInt32(truncatingIfNeeded: packed),
      level: UInt8(truncatingIfNeeded: packed >> 32), isCut: packed >> 40 & 1 == 1,
      // A neighbour that writes nonsense must not lead a reader out of the record.
      byteCount: min(Int(packed >> 48), Self.textByteCountMax),
      suppressedCount: word(3, ofLine: number).loadRelaxed())
    for index in 0..<Self.textWordCount {
      line.words[index] = word(4 + index, ofLine: number).loadRelaxed()
    }
    // If any of the words above was of a later line, its mark is seen below.
    atomicMemoryFence(ordering: .acquiring)
    return mark.loadRelaxed() == Self.whole(number) ? .line(line) : .other
  }

  static func begun(_ number: UInt64) -> UInt64 { number &* 2 &+ 1 }
  static func whole(_ number: UInt64) -> UInt64 { number &* 2 &+ 2 }

  /// A word of the record in which line `number` lies.
  private func word(_ index: Int, ofLine number: UInt64) -> PositionWord {
    let record = Int(truncatingIfNeeded: number % Self.capacity)
    return block.word(at: Self.headerByteCount + record * Self.recordByteCount + index * 8)
  }
}

/// How a text fits into a record.
private struct LogText {
  /// Bytes of the text itself that are kept.
  let keptCount: Int
  let isCut: Bool

  private static var ellipsis: InlineArray<3, UInt8> { [0xE2, 0x80, 0xA6] }

  init(_ text: Span<UInt8>) {
    isCut = text.count > LogRing.textByteCountMax
    var count = min(text.count, LogRing.textByteCountMax - (isCut ? Self.ellipsis.count : 0))
    // Never in the middle of a character, which has at most four bytes.
    if isCut {
      for _ in 0..<3 where text[count] & 0xC0 == 0x80 { count -= 1 }
    }
    keptCount = count
  }

  var byteCount: Int { isCut ? keptCount + Self.ellipsis.count : keptCount }

  /// Eight bytes of what is written; what follows the text is zero.
  func word(_ index: Int, of text: Span<UInt8>) -> UInt64 {
    var word: UInt64 = 0
    for place in 0..<8 {
      let position = index * 8 + place
      if position >= byteCount { break }
      let byte = position < keptCount ? text[position] : Self.ellipsis[position - keptCount]
      word |= UInt64(byte) << UInt64(place * 8)
    }
    return word
  }
}
