import Synchronization

/// Why a commit cell in memory was refused.
public enum CommitCellError: Error, Equatable, Sendable {
  /// The memory is smaller than the header, or than the cell that its header describes.
  case tooSmall(neededByteCount: UInt64, byteCount: UInt64)
  /// The memory does not start on a line (`lineByteCount`).
  case misaligned
  /// No magic number: this is something else, or was never formatted.
  case foreign(magic: UInt64)
  /// Another layout than this program's.
  case unknownVersion(UInt32)
  /// More positions than a cell can have (`CommitCell.positionCountMax`).
  case positionCount(UInt32)
  /// More state than a cell can have (`CommitCell.stateByteCountMax`).
  case stateByteCount(UInt64)
}

/// "WEIRCELL", as a big-endian number.
let commitCellMagic: UInt64 = 0x5745_4952_4345_4C4C
let commitCellVersion: UInt32 = 1

/// What a task that consumes and produces rings must advance together, in two slots in the arena:
/// its positions in the rings and its state. This is the view of the memory; `Committer` uses it.
///
/// The number of commits says which slot holds the truth: after *n* commits, slot *n* mod 2. The
/// task works in the other one, the spare, and one release store of *n* + 1 makes that the truth.
/// Killed before the store, nothing has happened; killed after it, everything has.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | magic, "WEIRCELL" as a big-endian number |
/// | 8 | 4 | version, 1 |
/// | 12 | 4 | number of positions |
/// | 16 | 8 | size of the state in bytes |
/// | 128 | 8 | number of commits |
/// | 136 | 8 | committers that attached so far |
/// | 256 | 8 × ⌈granules ÷ 64⌉ | which granules of the spare slot are changed, a bit each |
/// | next line | slot | slot 0 |
/// | next line | slot | slot 1 |
///
/// A slot: its positions, 8 bytes each; from the next line on the state; up to a whole line.
/// A granule is a line of the slot.
@safe public struct CommitCell: Sendable {
  /// The most positions that a cell can have: 31 inputs and an output.
  public static var positionCountMax: Int { 32 }
  /// The largest state: 16 MiB.
  public static var stateByteCountMax: Int { 1 << 24 }

  /// How many positions of rings it keeps.
  public let positionCount: Int
  /// The size of the state, in bytes.
  public let stateByteCount: Int
  let block: ArenaBlock

  /// How much memory a cell takes, in bytes: two copies of the state and little more. Traps on
  /// more than `positionCountMax` positions or `stateByteCountMax` bytes.
  public static func byteCount(positionCount: Int, stateByteCount: Int) -> Int {
    precondition(positionCount >= 0 && positionCount <= positionCountMax)
    precondition(stateByteCount >= 0 && stateByteCount <= stateByteCountMax)
    let slot = slotByteCount(positionCount, stateByteCount)
    return bitsOffset + bitsByteCount(slot) + 2 * slot
  }

  /// Makes a cell in the block, with all positions 0 and a state of zeroes, committed 0 times. Only
  /// one process may do it, before any other attaches. Traps as `byteCount` does, and if the block
  /// is too small or not on a line.
  public static func format(
    _ block: ArenaBlock, positionCount: Int, stateByteCount: Int
  ) -> CommitCell {
    let needed = byteCount(positionCount: positionCount, stateByteCount: stateByteCount)
    precondition(block.byteCount >= needed && block.isOnLine)
    block.store(commitCellVersion, at: 8)
    block.store(UInt32(positionCount), at: 12)
    block.store(UInt64(stateByteCount), at: 16)
    block.formatWord(at: commitCountOffset)
    block.formatWord(at: committerCountOffset)
    // Safe: `needed` bytes lie inside of the block.
    unsafe (block.base + bitsOffset).initializeMemory(
      as: UInt8.self, repeating: 0, count: needed - bitsOffset)
    block.store(commitCellMagic, at: 0)
    return CommitCell(block, positionCount: positionCount, stateByteCount: stateByteCount)
  }

  /// Attaches to a cell that was formatted before. Never traps; O(1).
  public init(attaching block: ArenaBlock) throws(CommitCellError) {
    guard block.byteCount >= Self.bitsOffset else {
      throw .tooSmall(
        neededByteCount: UInt64(Self.bitsOffset), byteCount: UInt64(block.byteCount))
    }
    guard block.isOnLine else { throw .misaligned }
    let magic = block.load(UInt64.self, at: 0)
    guard magic == commitCellMagic else { throw .foreign(magic: magic) }
    let version = block.load(UInt32.self, at: 8)
    guard version == commitCellVersion else { throw .unknownVersion(version) }
    let positions = block.load(UInt32.self, at: 12)
    guard positions <= Self.positionCountMax else { throw .positionCount(positions) }
    let state = block.load(UInt64.self, at: 16)
    guard state <= Self.stateByteCountMax else { throw .stateByteCount(state) }
    let needed = Self.byteCount(positionCount: Int(positions), stateByteCount: Int(state))
    guard block.byteCount >= needed else {
      throw .tooSmall(neededByteCount: UInt64(needed), byteCount: UInt64(block.byteCount))
    }
    self.init(block, positionCount: Int(positions), stateByteCount: Int(state))
  }

  private init(_ block: ArenaBlock, positionCount: Int, stateByteCount: Int) {
    self.block = block
    self.positionCount = positionCount
    self.stateByteCount = stateByteCount
  }

  /// How often the task has committed since the cell was formatted.
  public var commitCount: UInt64 { commits.load() }

  /// How many committers have attached since the cell was formatted: 1 + restarts.
  public var committerCount: UInt64 { committers.load() }

  var commits: PositionWord { block.word(at: Self.commitCountOffset) }
  var committers: PositionWord { block.word(at: Self.committerCountOffset) }

  static var commitCountOffset: Int { lineByteCount }
  static var committerCountOffset: Int { lineByteCount + 8 }
  static var bitsOffset: Int { 2 * lineByteCount }

  static func slotByteCount(_ positionCount: Int, _ stateByteCount: Int) -> Int {
    roundedUpToLine(positionCount * 8) + roundedUpToLine(stateByteCount)
  }

  /// The bits of a slot's granules, in whole words and whole lines.
  static func bitsByteCount(_ slotByteCount: Int) -> Int {
    roundedUpToLine((slotByteCount / lineByteCount + 7) / 8)
  }
}
