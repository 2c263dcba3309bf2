/// What a task that died left of itself: a copy of its record in the arena.
///
/// A record is 46 words of 8 bytes, each in the order of the machine, which is little-endian
/// wherever Weir runs:
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | generation: which life of the task it was, from 1; 0 for no record. Written last |
/// | 8 | 4 | signal that ended it (signal(7)) |
/// | 12 | 4 | the signal's code (sigaction(2), `si_code`), signed |
/// | 16 | 8 | address that it was about; of SIGSYS the number of the system call; 0 for none |
/// | 24 | 8 | program counter |
/// | 32 | 8 | stack pointer |
/// | 40 | 8 | link register, where the processor has one |
/// | 48 | 8 | code of the step that the task was in (`TaskSlot.step`) |
/// | 56 | 8 | when it died, ns of CLOCK_BOOTTIME |
/// | 64 | 8 | when it was started, ns of CLOCK_BOOTTIME |
/// | 72 | 8 | how many return addresses follow, at most 32 |
/// | 80 | 32 × 8 | return addresses, the innermost first |
/// | 336 | 20 | build id of the program; zero where it has none |
/// | 356 | 4 | zero |
/// | 360 | 8 | where the program lay besides where it was linked to lie |
public struct CrashRecord: BitwiseCopyable, Sendable {
  /// The most return addresses that a record holds.
  public static var frameCountMax: Int { 32 }
  /// How many words a record has.
  public static var wordCount: Int { Field.bias + 1 }

  private enum Field {
    static var generation: Int { 0 }
    static var signal: Int { 1 }
    static var address: Int { 2 }
    static var programCounter: Int { 3 }
    static var stackPointer: Int { 4 }
    static var link: Int { 5 }
    static var step: Int { 6 }
    static var time: Int { 7 }
    static var startTime: Int { 8 }
    static var frameCount: Int { 9 }
    static var frames: Int { 10 }
    static var buildID: Int { 42 }
    static var bias: Int { 45 }
  }

  /// As in the table. What a task that had run wild left need not make sense, but nothing here
  /// traps on it.
  public var words: InlineArray<46, UInt64>

  public init(words: InlineArray<46, UInt64>) { self.words = words }

  /// Which life of the task it was.
  public var generation: UInt64 { words[Field.generation] }
  public var signal: Int32 { Int32(truncatingIfNeeded: words[Field.signal]) }
  public var code: Int32 { Int32(truncatingIfNeeded: words[Field.signal] >> 32) }
  /// The address that a fault was about, or the number of a system call that was refused.
  public var address: UInt64 { words[Field.address] }
  /// As the debug file counts: without the bias.
  public var programCounter: UInt64 { words[Field.programCounter] &- words[Field.bias] }
  public var stackPointer: UInt64 { words[Field.stackPointer] }
  public var link: UInt64 { words[Field.link] }
  public var step: UInt64 { words[Field.step] }
  /// ns of CLOCK_BOOTTIME.
  public var time: Int64 { Int64(bitPattern: words[Field.time]) }
  /// How long the task had lived, in ns; 0 where the record says nonsense.
  public var uptime: Int64 {
    max(0, Int64(bitPattern: words[Field.time] &- words[Field.startTime]))
  }
  public var frameCount: Int {
    Int(min(words[Field.frameCount], UInt64(Self.frameCountMax)))
  }

  /// A return address, without the bias; the index is below `frameCount`, or this traps.
  public func frame(_ index: Int) -> UInt64 {
    precondition(index >= 0 && index < frameCount)
    return words[Field.frames + index] &- words[Field.bias]
  }

  /// How many bytes a build id has.
  public static var buildIDByteCount: Int { 20 }
  /// Whether the program had one.
  public var hasBuildID: Bool { words[Field.buildID] != 0 }
  /// A byte of it; the index is below `buildIDByteCount`, or this traps.
  public func buildIDByte(_ index: Int) -> UInt8 {
    precondition(index >= 0 && index < Self.buildIDByteCount)
    return UInt8(
      truncatingIfNeeded: words[Field.buildID + index / 8] >> UInt64(index % 8 * 8))
  }
}

/// Where a task leaves the record of its death, in the arena. The crash handler writes it
/// (CLinux/Crash.c), in the task's last moments; whoever has the arena reads it. It stands until
/// the next death of the same task.
///
/// The layout is that of `CrashRecord`.
@safe public struct CrashSlot: Sendable {
  /// How much memory a slot takes, in bytes: 384.
  public static var byteCount: Int { roundedUpToLine(CrashRecord.wordCount * 8) }

  private let block: ArenaBlock

  /// Makes a slot without a record. Traps if the block is too small or not on a line.
  public static func format(_ block: ArenaBlock) -> CrashSlot {
    let slot = CrashSlot(block)
    for index in 0..<CrashRecord.wordCount { block.formatWord(at: index * 8) }
    return slot
  }

  /// The slot that was formatted there. Traps if the block is too small or not on a line.
  public init(_ block: ArenaBlock) {
    precondition(block.byteCount >= Self.byteCount && block.isOnLine)
    self.block = block
  }

  /// Where the handler writes.
  public var handlerBlock: ArenaBlock { block }

  /// The record of this life of the task; nil when it left none. Called when that life is over.
  public func record(ofGeneration generation: UInt64) -> CrashRecord? {
    guard generation > 0, word(0).load() == generation else { return nil }
    var words = InlineArray<46, UInt64>(repeating: 0)
    for index in 0..<CrashRecord.wordCount { words[index] = word(index).loadRelaxed() }
    return CrashRecord(words: words)
  }

  private func word(_ index: Int) -> PositionWord { block.word(at: index * 8) }
}
