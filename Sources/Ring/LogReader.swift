/// One line of a task's log, copied out of its ring.
public struct LogLine: BitwiseCopyable, Sendable {
  /// Counts the lines of this task since the arena was made, from 0.
  public let number: UInt64
  /// ns of CLOCK_BOOTTIME.
  public let time: Int64
  /// Which life of the task wrote it, from 1; 0 for the supervisor.
  public let generation: UInt32
  /// 0 debug, 1 info, 2 notice, 3 warning, 4 error.
  public let level: UInt8
  /// Whether the text was longer; it then ends in an ellipsis.
  public let isCut: Bool
  /// How many bytes of text there are, at most `LogRing.textByteCountMax`.
  public let byteCount: Int
  /// How many lines of the same place the rate limit kept back before this one.
  public let suppressedCount: UInt64
  var words = InlineArray<28, UInt64>(repeating: 0)

  init(
    number: UInt64, time: Int64, generation: UInt32, level: UInt8, isCut: Bool, byteCount: Int,
    suppressedCount: UInt64
  ) {
    self.number = number
    self.time = time
    self.generation = generation
    self.level = level
    self.isCut = isCut
    self.byteCount = byteCount
    self.suppressedCount = suppressedCount
  }

  /// A byte of the text; the index is below `byteCount`, or this traps. The text is UTF-8 as its
  /// writer left it, which a reader that trusts nobody checks.
  public func byte(_ index: Int) -> UInt8 {
    precondition(index >= 0 && index < byteCount)
    return UInt8(truncatingIfNeeded: words[index / 8] >> UInt64(index % 8 * 8))
  }
}

/// Reads a task's lines in their order, from any place on. Any number of readers may read at once;
/// none of them changes the ring.
///
/// What was overwritten before the reader came is counted (`lostCount`), and reading goes on at the
/// oldest line that is left. Nothing here trusts the writer: whatever a task that has run wild
/// leaves in its ring, each call ends after at most twice the ring's capacity of records.
public struct LogReader: Sendable {
  public let ring: LogRing
  /// The number of the line that is read next.
  public private(set) var position: UInt64
  /// Lines that this reader will never see, since it began.
  public private(set) var lostCount: UInt64 = 0

  /// Begins at line `position`: 0 for all that there is.
  public init(_ ring: LogRing, at position: UInt64 = 0) {
    self.ring = ring
    self.position = position
  }

  /// A reader of the last `count` lines, at most.
  public init(_ ring: LogRing, last count: UInt64) {
    let end = ring.lineCount
    self.init(ring, at: end > count ? end - count : 0)
  }

  /// The next line; nil when there is none yet.
  public mutating func next() -> LogLine? {
    for _ in 0..<2 * LogRing.capacity {
      let end = ring.lineCount
      if position > end &+ 1 {
        // The number of lines never shrinks but by damage: what is there now is all that there is.
        position = end
      } else if position < end, end - position > LogRing.capacity {
        skip(to: end - LogRing.capacity)
      }
      switch ring.content(ofLine: position) {
      case .line(let line):
        position &+= 1
        return line
      case .other:
        // Before the end it was overwritten just now, or is damaged; at the end it is not there
        // yet.
        guard position < end else { return nil }
        skip(to: position + 1)
      }
    }
    return nil
  }

  private mutating func skip(to number: UInt64) {
    lostCount &+= number &- position
    position = number
  }
}

/// How far each ring of a list was read, in the arena, so that the reader's successor goes on
/// there. Only the reader writes it.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 8 × *i* | 8 | the number of the next line of ring *i* |
@safe public struct LogCursors: Sendable {
  public let count: Int
  private let block: ArenaBlock

  /// How much memory cursors for `count` rings take, in bytes. Traps on fewer than 1.
  public static func byteCount(count: Int) -> Int {
    precondition(count >= 1)
    return roundedUpToLine(count * 8)
  }

  /// Makes cursors that all stand at 0. Traps if the block is too small or not on a line.
  public static func format(_ block: ArenaBlock, count: Int) -> LogCursors {
    let cursors = LogCursors(block, count: count)
    for index in 0..<count { block.formatWord(at: index * 8) }
    return cursors
  }

  /// The cursors that were formatted there. Traps if the block is too small or not on a line.
  public init(_ block: ArenaBlock, count: Int) {
    precondition(block.byteCount >= Self.byteCount(count: count) && block.isOnLine)
    self.block = block
    self.count = count
  }

  /// Traps on an index that is not in 0 ..< `count`.
  public subscript(index: Int) -> UInt64 {
    get { word(index).load() }
    nonmutating set { word(index).store(newValue) }
  }

  private func word(_ index: Int) -> PositionWord {
    precondition(index >= 0 && index < count)
    return block.word(at: index * 8)
  }
}
