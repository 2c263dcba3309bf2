import Synchronization

/// One crash as it is kept: the record, and what only the supervisor knows.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | number: counts the crashes of this gateway, from 0 |
/// | 8 | 8 | boot epoch |
/// | 16 | 8 | when, as CLOCK_REALTIME said, in ns since 1970; it may have been wrong |
/// | 24 | 64 | the task's title, such as `sense@i2c-1`: UTF-8, what follows it is zero |
/// | 88 | 46 × 8 | `CrashRecord` |
public struct CrashEntry: BitwiseCopyable, Sendable {
  public static var wordCount: Int { recordField + CrashRecord.wordCount }
  /// A longer title is cut.
  public static var titleByteCountMax: Int { 64 }
  private static var titleField: Int { 3 }
  private static var recordField: Int { 11 }

  /// As in the table.
  public var words: InlineArray<57, UInt64>

  public init(words: InlineArray<57, UInt64>) { self.words = words }

  /// Its number is given by the log.
  public init(_ record: CrashRecord, of title: Span<UInt8>, epoch: UInt64, realTime: Int64) {
    words = InlineArray(repeating: 0)
    words[1] = epoch
    words[2] = UInt64(bitPattern: realTime)
    for index in 0..<min(title.count, Self.titleByteCountMax) {
      words[Self.titleField + index / 8] |= UInt64(title[index]) << UInt64(index % 8 * 8)
    }
    for index in 0..<CrashRecord.wordCount {
      words[Self.recordField + index] = record.words[index]
    }
  }

  public var number: UInt64 {
    get { words[0] }
    set { words[0] = newValue }
  }
  public var epoch: UInt64 { words[1] }
  /// ns since 1970.
  public var realTime: Int64 { Int64(bitPattern: words[2]) }

  public var titleByteCount: Int {
    var count = 0
    while count < Self.titleByteCountMax, titleByte(count) != 0 { count += 1 }
    return count
  }

  /// A byte of the title; the index is below `titleByteCountMax`, or this traps.
  public func titleByte(_ index: Int) -> UInt8 {
    precondition(index >= 0 && index < Self.titleByteCountMax)
    return UInt8(
      truncatingIfNeeded: words[Self.titleField + index / 8] >> UInt64(index % 8 * 8))
  }

  public var record: CrashRecord {
    var copy = InlineArray<46, UInt64>(repeating: 0)
    for index in 0..<CrashRecord.wordCount { copy[index] = words[Self.recordField + index] }
    return CrashRecord(words: copy)
  }
}

/// The last crashes of all tasks, in the arena: the supervisor writes, the uplink reads and sends.
///
/// There is one writer. It never waits: the oldest entry is overwritten. Entry *n* lies in place
/// *n* mod 16; one that changes under a reader shows it by its mark, and is read as overwritten.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | the number of the next entry |
/// | 8 | 8 | the number of the first entry that nobody was told of yet in this boot |
/// | 128 | 16 × 512 | entries |
///
/// An entry is 64 words: its mark (0 never used or being written, *n* + 1 for entry *n*), and
/// `CrashEntry`.
@safe public struct CrashLog: Sendable {
  /// How many entries there are at most.
  public static var capacity: Int { 16 }
  /// How much memory a log takes, in bytes: 8,320.
  public static var byteCount: Int { lineByteCount + capacity * entryByteCount }
  private static var entryByteCount: Int { 512 }

  private let block: ArenaBlock

  /// Makes an empty log. Traps if the block is too small or not on a line.
  public static func format(_ block: ArenaBlock) -> CrashLog {
    let log = CrashLog(block)
    for offset in stride(from: 0, to: byteCount, by: 8) { block.formatWord(at: offset) }
    return log
  }

  /// The log that was formatted there. Traps if the block is too small or not on a line.
  public init(_ block: ArenaBlock) {
    precondition(block.byteCount >= Self.byteCount && block.isOnLine)
    self.block = block
  }

  /// The number that the next entry gets.
  public var end: UInt64 { block.word(at: 0).load() }
  /// The oldest number that may still be there.
  public var first: UInt64 { end > UInt64(Self.capacity) ? end - UInt64(Self.capacity) : 0 }
  /// The number of the first entry that is to be told; those before it are only kept.
  public var firstToTell: UInt64 { block.word(at: 8).load() }

  /// Writes an entry over the oldest one, and returns its number. Only the supervisor does it.
  @discardableResult
  public func append(_ given: CrashEntry) -> UInt64 {
    var entry = given
    entry.number = end
    write(entry)
    return entry.number
  }

  /// Takes what was kept of earlier boots, the oldest first, with its numbers, which grow; `isTold`
  /// says that it need not be told again. Only the supervisor does it, before its first own entry.
  public func restore(_ entry: CrashEntry, isTold: Bool) {
    precondition(entry.number >= end && entry.number < .max)
    write(entry)
    if isTold { block.word(at: 8).store(entry.number + 1) }
  }

  private func write(_ entry: CrashEntry) {
    let mark = word(0, of: entry.number)
    mark.storeRelaxed(0)
    // Whoever sees one of the words below also sees that the entry is being written.
    atomicMemoryFence(ordering: .releasing)
    for index in 0..<CrashEntry.wordCount {
      word(1 + index, of: entry.number).storeRelaxed(entry.words[index])
    }
    mark.store(entry.number &+ 1)
    block.word(at: 0).store(entry.number &+ 1)
  }

  /// The entry with that number; nil when it is not there, or not any more.
  public subscript(number: UInt64) -> CrashEntry? {
    let mark = word(0, of: number)
    guard mark.load() == number &+ 1 else { return nil }
    var words = InlineArray<57, UInt64>(repeating: 0)
    for index in 0..<CrashEntry.wordCount {
      words[index] = word(1 + index, of: number).loadRelaxed()
    }
    // If any of the words above was of a later entry, its mark is seen below.
    atomicMemoryFence(ordering: .acquiring)
    guard mark.loadRelaxed() == number &+ 1 else { return nil }
    return CrashEntry(words: words)
  }

  private func word(_ index: Int, of number: UInt64) -> PositionWord {
    let place = Int(truncatingIfNeeded: number % UInt64(Self.capacity))
    return block.word(at: lineByteCount + place * Self.entryByteCount + index * 8)
  }
}
