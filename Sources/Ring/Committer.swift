import Synchronization

/// The task's hand on its commit cell. There is at most one at a time; after its process died, the
/// next one goes on with what was committed.
///
/// A task starts, and restarts, in this order:
/// 1. `Committer(cell)`,
/// 2. `consumer(of:position:)` for each input and `producer(of:position:)` for each output, which
///    first *mirror* the committed position into the ring: the predecessor may have died between
///    its commit and its mirroring.
///
/// Then for each batch: take elements with `next`, change the state, `stage` what comes out,
/// `setPosition` for each ring that moved, and `commit()`. The rings' neighbours read the rings'
/// own head and tail, and nothing of the cell: they may see a position late, never early.
///
/// `commit` costs O(changed granules) and a scan of one bit per 128 bytes of state, not a copy of
/// the state; starting costs one copy of it. Nothing allocates, waits or can fail.
@safe public struct Committer: ~Copyable {
  public let cell: CommitCell
  /// Of the committed slot; the spare one is the other.
  private var commitCount: UInt64
  private let commits: PositionWord
  private let bits: UnsafeMutablePointer<UInt64>
  private let slots: UnsafeMutableRawPointer
  private let slotByteCount: Int
  private let stateOffset: Int
  private var mirrors = InlineArray<32, PositionWord?>(repeating: nil)

  /// Makes the spare slot the same as the committed one. O(size of the state).
  public init(_ cell: CommitCell) {
    self.cell = cell
    commits = cell.commits
    commitCount = commits.load()
    slotByteCount = CommitCell.slotByteCount(cell.positionCount, cell.stateByteCount)
    stateOffset = roundedUpToLine(cell.positionCount * 8)
    // Safe: the cell's parts lie inside of its block, which was checked when it was attached, and
    // on lines.
    unsafe bits = (cell.block.base + CommitCell.bitsOffset).assumingMemoryBound(to: UInt64.self)
    unsafe slots =
      cell.block.base + CommitCell.bitsOffset + CommitCell.bitsByteCount(slotByteCount)
    cell.committers.store(cell.committers.load() &+ 1)
    for index in 0..<bitWordCount {
      // Safe: inside of the bits.
      unsafe bits[index] = 0
    }
    // Safe: two slots that do not overlap.
    unsafe spare.copyMemory(from: committed, byteCount: slotByteCount)
  }

  /// The consumer of an input whose position the cell keeps at `index`. Mirrors it first.
  public mutating func consumer<Element>(
    of ring: Ring<Element>, position index: Int
  ) -> Consumer<Element> {
    bind(index, to: ring.tail)
    return Consumer(ring)
  }

  /// The producer of an output whose position the cell keeps at `index`. Mirrors it first. Never
  /// call `publish`, `push` or `write` of it: the committer publishes.
  public mutating func producer<Element>(
    of ring: Ring<Element>, position index: Int
  ) -> Producer<Element> {
    bind(index, to: ring.head)
    return Producer(ring)
  }

  /// Mirrors position `index` into the word, now and after each commit. Traps on an index that is
  /// taken or that the cell does not have.
  private mutating func bind(_ index: Int, to word: PositionWord) {
    precondition(index >= 0 && index < cell.positionCount && mirrors[index] == nil)
    mirrors[index] = word
    word.store(position(index))
  }

  /// A position as it will be committed.
  public func position(_ index: Int) -> UInt64 {
    precondition(index >= 0 && index < cell.positionCount)
    // Safe: inside of the slot and aligned.
    return unsafe spare.load(fromByteOffset: index * 8, as: UInt64.self)
  }

  /// Sets a position for the next commit. Positions only grow: a smaller one traps.
  public mutating func setPosition(_ index: Int, to position: UInt64) {
    precondition(position >= self.position(index), "a position cannot go back")
    mark(byteOffset: index * 8, byteCount: 8)
    // Safe: inside of the slot and aligned; position(index) has checked the index.
    unsafe spare.storeBytes(of: position, toByteOffset: index * 8, as: UInt64.self)
  }

  /// The value in the state at `offset`, in bytes, as it will be committed. `T` must be valid for
  /// what is there; of a fresh cell that is zeroes. Traps outside of the state.
  @inline(__always)
  public func load<T: BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
    checkState(offset, MemoryLayout<T>.size)
    // Safe: inside of the spare slot's state.
    return unsafe (spare + stateOffset).loadUnaligned(fromByteOffset: offset, as: T.self)
  }

  /// Changes the value in the state at `offset`, in bytes, for the next commit.
  @inline(__always)
  public mutating func store<T: BitwiseCopyable>(_ value: T, at offset: Int) {
    // Safe: just checked and marked by `changing`, and as large as the value.
    unsafe changing(offset, byteCount: MemoryLayout<T>.size).storeBytes(of: value, as: T.self)
  }

  /// Reading access to all of the state as it will be committed. The pointer is good until the
  /// next `commit`: after that the other slot is the spare one.
  public var state: UnsafeRawPointer {
    // Safe: the state begins there.
    unsafe UnsafeRawPointer(spare + stateOffset)
  }

  /// Writing access to `byteCount` bytes of the state from `offset` on. Only what was asked for
  /// with this may be changed: the rest is not copied after the commit, and would be lost every
  /// other time. The pointer is good until the next `commit`. The state begins on a line, so an
  /// `offset` that is aligned for a type gives a pointer that is. Traps outside of the state.
  @inline(__always)
  public mutating func changing(_ offset: Int, byteCount: Int) -> UnsafeMutableRawPointer {
    checkState(offset, byteCount)
    mark(byteOffset: stateOffset + offset, byteCount: byteCount)
    // Safe: inside of the spare slot's state.
    return unsafe spare + stateOffset + offset
  }

  /// Makes the spare slot the truth, by one release store; then mirrors the positions into the
  /// rings; then brings the new spare slot up to date. Traps unless every position has its ring.
  public mutating func commit() {
    for index in 0..<cell.positionCount { precondition(mirrors[index] != nil) }
    commitCount &+= 1
    commits.store(commitCount)
    // From here on all has happened. The slot that is now spare is not yet used.
    for index in 0..<cell.positionCount {
      // Safe: inside of the slot and aligned.
      let position = unsafe committed.load(fromByteOffset: index * 8, as: UInt64.self)
      mirrors[index]?.store(position)
    }
    catchUp()
  }

  /// Copies what the last batch changed, so that both slots are the same again. A death in here
  /// does no harm: the next committer copies everything.
  private mutating func catchUp() {
    for wordIndex in 0..<bitWordCount {
      // Safe: inside of the bits.
      var word = unsafe bits[wordIndex]
      if word == 0 { continue }
      // At most 64 times: each turn clears a bit. Neighbouring granules are copied at once.
      while word != 0 {
        let first = word.trailingZeroBitCount
        let run = (~(word >> first)).trailingZeroBitCount
        let offset = (wordIndex * 64 + first) * lineByteCount
        // Safe: only granules inside of the slot are ever marked; the slots do not overlap.
        unsafe (spare + offset).copyMemory(
          from: committed + offset, byteCount: run * lineByteCount)
        word &= first + run == 64 ? 0 : ~UInt64(0) << (first + run)
      }
      // Safe: inside of the bits.
      unsafe bits[wordIndex] = 0
    }
  }

  /// Remembers that bytes of the spare slot change.
  @inline(__always)
  private func mark(byteOffset: Int, byteCount: Int) {
    if byteCount == 0 { return }
    let last = (byteOffset + byteCount - 1) / lineByteCount
    for granule in (byteOffset / lineByteCount)...last {
      // Safe: the callers have checked that the bytes are inside of the slot.
      unsafe bits[granule / 64] |= 1 << UInt64(granule % 64)
    }
  }

  @inline(__always)
  private func checkState(_ offset: Int, _ byteCount: Int) {
    precondition(offset >= 0 && byteCount >= 0 && offset <= cell.stateByteCount)
    precondition(byteCount <= cell.stateByteCount - offset)
  }

  private var bitWordCount: Int { (slotByteCount / lineByteCount + 63) / 64 }

  private var committed: UnsafeMutableRawPointer {
    // Safe: one of the two slots.
    unsafe slots + Int(truncatingIfNeeded: commitCount & 1) * slotByteCount
  }

  private var spare: UnsafeMutableRawPointer {
    // Safe: the other one.
    unsafe slots + Int(truncatingIfNeeded: ~commitCount & 1) * slotByteCount
  }
}
