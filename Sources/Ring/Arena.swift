import Synchronization

/// A piece of the arena, as planned: offset and size in bytes.
public struct ArenaRegion: BitwiseCopyable, Sendable {
  public let offset: Int
  public let byteCount: Int

  public init(offset: Int, byteCount: Int) {
    self.offset = offset
    self.byteCount = byteCount
  }
}

/// The sizes of everything that will share the arena, added up before it is made. Nothing is
/// added later: sizes are decided at start, from the configuration.
public struct ArenaPlan: Sendable {
  /// What the arena needs so far, in bytes: a multiple of `lineByteCount`.
  public private(set) var byteCount = 0

  public init() {}

  /// Sets aside `byteCount` bytes (above 0) on lines of their own: neighbours in the arena never
  /// share a line. Traps when the sum is no longer an `Int`.
  public mutating func reserve(byteCount count: Int) -> ArenaRegion {
    precondition(count > 0)
    let region = ArenaRegion(offset: byteCount, byteCount: roundedUpToLine(count))
    byteCount += region.byteCount
    return region
  }

  /// Goes on at the next page: what is reserved from here on shares no page with what was reserved
  /// before, so that the two can be protected apart. `pageByteCount` is the system's, a power of
  /// two of at least a line; anything else traps.
  public mutating func beginPage(_ pageByteCount: Int) {
    precondition(pageByteCount >= lineByteCount && pageByteCount & (pageByteCount - 1) == 0)
    byteCount = (byteCount + pageByteCount - 1) & ~(pageByteCount - 1)
  }
}

/// The memory that all tasks share, made once, before the first fork, at the same address in all of
/// them. It does not own the memory: the mapping's owner outlives every view of it.
@safe public struct Arena: @unchecked Sendable {
  private let base: UnsafeMutableRawPointer
  public let byteCount: Int

  /// `base` points to `byteCount` bytes of zeroes that live as long as any view of them, on a line
  /// (every page is); a base that is not traps.
  @unsafe public init(base: UnsafeMutableRawPointer, byteCount: Int) {
    precondition(Int(bitPattern: base) % lineByteCount == 0 && byteCount >= 0)
    unsafe self.base = unsafe base
    self.byteCount = byteCount
  }

  /// The memory of a planned region. Traps if the region is not inside of the arena.
  public subscript(region: ArenaRegion) -> ArenaBlock {
    precondition(
      region.offset >= 0 && region.byteCount >= 0 && region.offset <= byteCount
        && region.byteCount <= byteCount - region.offset)
    // Safe: the region lies inside of the arena's memory.
    return unsafe ArenaBlock(base: base + region.offset, byteCount: region.byteCount)
  }
}

/// Memory of the arena in which one thing lives: a ring, a commit cell, a doorbell, a task slot.
@safe public struct ArenaBlock: @unchecked Sendable {
  public let base: UnsafeMutableRawPointer
  public let byteCount: Int

  /// `base` points to `byteCount` bytes that live as long as any view of them. The arena hands
  /// out its blocks; this form is for memory that has no plan, as in tests.
  @unsafe public init(base: UnsafeMutableRawPointer, byteCount: Int) {
    precondition(byteCount >= 0)
    unsafe self.base = unsafe base
    self.byteCount = byteCount
  }

  /// A part of the block; traps if it is not inside.
  public func part(offset: Int, byteCount count: Int) -> ArenaBlock {
    precondition(offset >= 0 && count >= 0 && offset <= byteCount && count <= byteCount - offset)
    // Safe: inside of the block.
    return unsafe ArenaBlock(base: base + offset, byteCount: count)
  }

  var isOnLine: Bool {
    // Safe: only the number of the address is used.
    unsafe Int(bitPattern: base) % lineByteCount == 0
  }

  func load<T: BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
    precondition(offset >= 0 && offset + MemoryLayout<T>.size <= byteCount)
    // Safe: inside of the block; a bitwise-copyable integer has no invalid pattern.
    return unsafe base.loadUnaligned(fromByteOffset: offset, as: T.self)
  }

  func store<T: BitwiseCopyable>(_ value: T, at offset: Int) {
    precondition(offset >= 0 && offset + MemoryLayout<T>.size <= byteCount)
    // Safe: inside of the block, and aligned: blocks lie on lines and offsets are the tables'.
    unsafe (base + offset).assumingMemoryBound(to: T.self).initialize(to: value)
  }

  /// Makes an atomic word with the value 0.
  public func formatWord(at offset: Int) {
    precondition(offset >= 0 && offset + 8 <= byteCount && offset % 8 == 0)
    // Safe: inside of the block and aligned.
    unsafe (base + offset).bindMemory(to: Atomic<UInt64>.self, capacity: 1).initialize(
      to: Atomic(0))
  }

  /// The atomic word that was formatted there.
  public func word(at offset: Int) -> PositionWord {
    precondition(offset >= 0 && offset + 8 <= byteCount && offset % 8 == 0)
    // Safe: inside of the block and aligned; only formatWord gives this memory a type.
    return unsafe PositionWord((base + offset).assumingMemoryBound(to: Atomic<UInt64>.self))
  }
}

/// A 64-bit number in the arena that one process writes and others read: a position of a ring, a
/// counter, a time.
@safe public struct PositionWord: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<Atomic<UInt64>>

  init(_ pointer: UnsafeMutablePointer<Atomic<UInt64>>) {
    unsafe self.pointer = unsafe pointer
  }

  /// The value; what its writer wrote before it is seen too (acquire).
  @inline(__always)
  public func load() -> UInt64 {
    // Safe: the word lives as long as the arena, which outlives its views.
    unsafe pointer.pointee.load(ordering: .acquiring)
  }

  /// Whoever loads this value sees all that this process wrote before (release).
  @inline(__always)
  public func store(_ value: UInt64) {
    // Safe: as above.
    unsafe pointer.pointee.store(value, ordering: .releasing)
  }

  /// The value alone, with no order to other memory.
  @inline(__always)
  func loadRelaxed() -> UInt64 {
    // Safe: as above.
    unsafe pointer.pointee.load(ordering: .relaxed)
  }

  /// The value alone, with no order to other memory.
  @inline(__always)
  func storeRelaxed(_ value: UInt64) {
    // Safe: as above.
    unsafe pointer.pointee.store(value, ordering: .relaxed)
  }
}

func roundedUpToLine(_ count: Int) -> Int {
  (count + lineByteCount - 1) / lineByteCount * lineByteCount
}
