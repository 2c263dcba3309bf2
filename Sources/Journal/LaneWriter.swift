/// Adjacent blocks that are written at once.
struct WriteRun {
  /// In the pending blocks.
  var firstBlock: Int
  var blockCount: Int
  /// In the file.
  var offset: Int64
}

/// The writing end of a lane: blocks that are not yet durable, and where they go.
///
/// The block that is being filled, the tail, is written again with each commit, always to another
/// place than the one where its durable form lies. That place is free once the newer form is
/// durable: so small commits alternate between two places, and the file stays dense.
struct LaneWriter {
  let lane: Lane
  let geometry: Geometry
  let identity: UInt64
  let isDelta: Bool
  /// Whether its blocks leave room for what `BlockCipher` adds when they are written.
  let isSealed: Bool
  /// False: what is full takes nothing more.
  let mayEvict: Bool
  let table: SegmentTable
  /// Half a segment of blocks: a commit then enters one segment at most, and what it says of the
  /// one after that (evicted) is durable before anything is written there.
  private let pending: Bytes
  private let previous: Bytes

  /// The segment that is being written; -1 before the first.
  private(set) var segment = -1
  private(set) var segmentSequence: UInt64 = 0
  /// The first block of the segment that holds nothing of it yet.
  private var next: Int
  /// A block before `next` whose content is obsolete; -1: none.
  private var spare = -1
  /// Where the durable form of the first pending block lies in the segment; -1: nowhere there.
  private var tail = -1

  /// The pending block that is being filled; the ones before it are full.
  private(set) var current = 0
  /// Where its records go. Kept, because a method that computes it would copy this whole value.
  private var room: Bytes
  private var isOpen = false
  private var encoder = RecordEncoder()
  private var before = Mark()
  private var nextBlockSequence: UInt64
  private var epoch: UInt64

  /// Behind the last record that was appended.
  private(set) var end: Mark
  /// Behind the last record that is durable.
  private(set) var durable: Mark
  private(set) var acknowledged: Mark
  private(set) var evicted: Mark
  /// Whether there is something that the next commit must write.
  private(set) var isDirty = false
  private(set) var hasRecords = false
  /// The segments that were given up because writing to them failed.
  private(set) var retiredCount: UInt64 = 0

  static func pendingBlockCount(_ geometry: Geometry) -> Int { geometry.blocksPerSegment / 2 }

  /// The memory of a lane: pending blocks, a record, the table.
  static func memoryByteCount(_ geometry: Geometry, _ lane: Lane) -> Int {
    pendingBlockCount(geometry) * geometry.blockByteCount + 256
      + SegmentTable.byteCount(geometry.segmentCount(lane))
  }

  /// The lane's table, in the memory that the lane is given.
  static func table(_ geometry: Geometry, _ lane: Lane, _ memory: Bytes) -> SegmentTable {
    let before = pendingBlockCount(geometry) * geometry.blockByteCount + 256
    return SegmentTable(
      memory.slice(before, memory.count - before), count: geometry.segmentCount(lane))
  }

  /// Goes on behind what the scan found.
  init(
    _ scan: LaneScan, geometry: Geometry, identity: UInt64, epoch: UInt64, isDelta: Bool,
    isSealed: Bool, mayEvict: Bool, memory: Bytes
  ) {
    lane = scan.lane
    self.geometry = geometry
    self.identity = identity
    self.isDelta = isDelta
    self.isSealed = isSealed
    self.epoch = epoch
    table = scan.table
    let blocks = Self.pendingBlockCount(geometry) * geometry.blockByteCount
    pending = memory.slice(0, blocks)
    previous = memory.slice(blocks, 256)
    room = pending.slice(0, 0)
    segment = scan.lastSegment
    segmentSequence = scan.segmentSequence
    next = scan.nextBlock
    nextBlockSequence = scan.blockSequence + 1
    end = scan.end
    durable = scan.end
    acknowledged = scan.acknowledged
    evicted = scan.evicted
    neededDurably = max(scan.acknowledged.ordinal, scan.evicted.ordinal)
    self.mayEvict = mayEvict
    // One that is torn near its end is left alone in this run.
    for index in 0..<table.count
    where table[index].firstUsable > Self.pendingBlockCount(geometry) {
      if index == segment { table.clearUsable(index) } else { table.retire(index) }
    }
  }

  private func block(_ index: Int) -> Bytes {
    pending.slice(index * geometry.blockByteCount, geometry.blockByteCount)
  }

  /// Adds a record. False if there is no room before a commit; then nothing happened.
  @inline(__always)
  mutating func append(_ record: Bytes, kind: RecordKind, sequence: UInt64) -> Bool {
    if !isOpen { open(0) }
    if !encoder.append(
      record, kind: kind, sequence: sequence, to: room, previous: previous,
      isDelta: isDelta)
    {
      // An empty block takes every record, so this is asked once.
      guard makeRoom() else { return false }
      let isIn = encoder.append(
        record, kind: kind, sequence: sequence, to: room, previous: previous,
        isDelta: isDelta)
      precondition(isIn)
    }
    end = Mark(ordinal: end.ordinal + 1, epoch: epoch, sequence: sequence)
    isDirty = true
    hasRecords = true
    return true
  }

  /// Adds a window that stands for evicted events. It has no sequence number of its own, and
  /// repeats that of the last event. False if there is no room, or no event yet in this epoch:
  /// then the windows are left out.
  mutating func appendThinned(_ record: Bytes) -> Bool {
    guard end.epoch == epoch else { return false }
    return append(record, kind: .thinned, sequence: end.sequence)
  }

  /// Goes on in another block; false if all pending ones are full.
  private mutating func makeRoom() -> Bool {
    if current == 0, !hasRecords {
      // All of it is durable where it is: that stays its place.
      nextBlockSequence += 1
      tail = -1
      open(0)
      return true
    }
    guard current + 1 < Self.pendingBlockCount(geometry) else { return false }
    close()
    open(current + 1)
    return true
  }

  private mutating func open(_ index: Int) {
    fill(index)
    block(index).clear()
    encoder = RecordEncoder()
    before = end
    isOpen = true
  }

  /// The pending block that records go to from now on.
  private mutating func fill(_ index: Int) {
    current = index
    let offset = BlockHeader.payloadOffset(isSealed: isSealed)
    room = block(index).slice(offset, geometry.blockByteCount - offset)
  }

  /// Ends the current block: its header says all but where and when it is written, and its
  /// checksum.
  private mutating func close() {
    header(segmentSequence: 1, commit: 1).store(in: block(current), identity: identity)
    nextBlockSequence += 1
  }

  private func header(segmentSequence: UInt64, commit: UInt64) -> BlockHeader {
    BlockHeader(
      lane: lane, isDelta: isDelta, isSealed: isSealed,
      payloadByteCount: UInt32(encoder.byteCount), segmentSequence: segmentSequence,
      blockSequence: nextBlockSequence, commit: commit,
      epoch: epoch, recordCount: encoder.recordCount, lastSequence: encoder.lastSequence,
      before: before, acknowledged: acknowledged, evicted: evicted)
  }

  /// Whether the receiver's place has moved, or the lane was evicted, since the last commit.
  mutating func acknowledge(_ mark: Mark) {
    guard mark.ordinal > acknowledged.ordinal, mark.ordinal <= durable.ordinal else { return }
    acknowledged = mark
    isDirty = true
  }

  /// What lies before this is not needed: `neededDurably` even after a power cut.
  private var needed: UInt64 { max(acknowledged.ordinal, evicted.ordinal) }
  private var neededDurably: UInt64

  private func isFree(_ index: Int) -> Bool {
    table[index].sequence == 0 || table[index].after.ordinal <= needed
  }

  /// Whether something durable lies behind it: the newest segment is never evicted, or the place
  /// where the lane ends could be lost with it.
  private func isOld(_ index: Int) -> Bool { table[index].after.ordinal < durable.ordinal }

  /// Whether another record surely finds room without evicting anything. Two blocks are left, for
  /// acknowledgements that make room to become durable in.
  var hasRoom: Bool {
    guard segment >= 0 else { return true }
    let here = geometry.blocksPerSegment - next + (spare >= 0 ? 1 : 0)
    if current + 4 <= here { return true }
    guard let other = table.successor(of: segment) else { return false }
    return table[other].sequence == 0 || table[other].after.ordinal <= neededDurably
  }

  /// The segment that is next to be written and still holds what is needed; nil if there is none.
  var segmentToEvict: Int? {
    guard mayEvict, segment >= 0, let index = table.successor(of: segment), !isFree(index),
      isOld(index)
    else { return nil }
    return index
  }

  /// Gives up what lies in the segment, and before it. Returns how many records that were.
  mutating func evict(_ index: Int) -> UInt64 {
    let after = table[index].after
    precondition(after.ordinal > needed && after.ordinal < durable.ordinal)
    let count = after.ordinal - needed
    evicted = after
    isDirty = true
    return count
  }

  /// Decides where the pending blocks go, and completes them. Nil if no segment is left to write.
  mutating func prepare(commit: UInt64) -> InlineArray<3, WriteRun?>? {
    if !isOpen { open(0) }
    isPrepared = true
    firstPlace = (-1, -1)
    var runs = InlineArray<3, WriteRun?>(repeating: nil)
    var runCount = 0
    for index in 0...current {
      guard let position = place(index) else { return nil }
      stamp(index, commit: commit)
      let offset = geometry.offset(lane, segment: segment, block: position)
      if runCount > 0, let last = runs[runCount - 1],
        last.offset + Int64(last.blockCount * geometry.blockByteCount) == offset
      {
        runs[runCount - 1]?.blockCount += 1
      } else {
        runs[runCount] = WriteRun(firstBlock: index, blockCount: 1, offset: offset)
        runCount += 1
      }
      if index == 0 { firstPlace = (segment, position) }
      lastPlace = position
    }
    // Those of sealed blocks are made when they are sealed.
    if !isSealed {
      storeChecksums(pending, count: current + 1, blockByteCount: geometry.blockByteCount)
    }
    return runs
  }

  /// Where the first and the last pending block go, since `prepare`.
  private var isPrepared = false
  private var firstPlace = (segment: -1, block: -1)
  private var lastPlace = -1

  /// The block of the file for a pending block.
  private mutating func place(_ index: Int) -> Int? {
    if index == 0, current == 0, spare >= 0 { return spare }
    if segment < 0 || next == geometry.blocksPerSegment {
      guard enterSegment() else { return nil }
    }
    next += 1
    return next - 1
  }

  /// Whether the next commit enters a segment that is free only because of what was acknowledged
  /// since the last one. A lane that may evict has always one that is free.
  var overwritesAcknowledged: Bool {
    guard acknowledged.ordinal > neededDurably, segment >= 0, current > 0 || spare < 0,
      geometry.blocksPerSegment - next <= current, let other = table.successor(of: segment)
    else { return false }
    return table[other].sequence > 0 && table[other].after.ordinal > neededDurably
  }

  /// The receiver's place is on the medium.
  mutating func noteSaved(_ mark: Mark) { neededDurably = max(neededDurably, mark.ordinal) }

  private mutating func enterSegment() -> Bool {
    let candidate =
      segment < 0 ? (table[0].isRetired ? table.successor(of: 0) : 0) : table.successor(of: segment)
    guard let candidate, candidate != segment else { return false }
    // Not free: its eviction was never committed, because commits failed. Recovery would find a
    // gap of the same range.
    if !isFree(candidate) {
      guard mayEvict, isOld(candidate) else { return false }
      evicted = table[candidate].after
    }
    segment = candidate
    segmentSequence += 1
    next = table[candidate].firstUsable
    spare = -1
    tail = -1
    table[segment] = Segment(sequence: segmentSequence, first: UInt64.max)
    return true
  }

  /// Completes the header of a pending block that will lie in the current segment.
  private func stamp(_ index: Int, commit: UInt64) {
    let block = block(index)
    var header = header(segmentSequence: segmentSequence, commit: commit)
    if index < current {
      // It was closed: only this much of it changes.
      header = BlockHeader(block, lane: lane)
      header.segmentSequence = segmentSequence
      header.commit = commit
      header.acknowledged = acknowledged
      header.evicted = evicted
    }
    header.store(in: block, identity: identity)
    var entry = table[segment]
    entry.first = min(entry.first, header.before.ordinal)
    entry.after = header.after
    table[segment] = entry
  }

  /// The memory of pending blocks, to be written.
  func bytes(_ run: WriteRun) -> Bytes {
    pending.slice(
      run.firstBlock * geometry.blockByteCount, run.blockCount * geometry.blockByteCount)
  }

  /// What `prepare` returned is on the medium.
  mutating func finish() {
    isPrepared = false
    // The tail's old place is free, now that its newer form is durable elsewhere.
    let used = firstPlace.segment == segment ? firstPlace.block : -1
    if used >= 0, used == spare { spare = -1 }
    if tail >= 0, used >= 0 { spare = tail }
    tail = lastPlace
    if current > 0 {
      pending.copy(block(current))
      fill(0)
    }
    durable = end
    neededDurably = needed
    isDirty = false
    hasRecords = false
  }

  /// What `prepare` returned may be on the medium, or not: the next attempt writes all of it
  /// again, into another segment.
  mutating func retire() {
    guard isPrepared else { return }
    isPrepared = false
    retire(segment)
    if firstPlace.segment != segment { retire(firstPlace.segment) }
    next = geometry.blocksPerSegment
    spare = -1
    tail = -1
  }

  private mutating func retire(_ index: Int) {
    guard index >= 0 else { return }
    var entry = table[index]
    entry.isRetired = true
    // What was not durable will lie in a later segment, and is not to be evicted with this one.
    if entry.after.ordinal > durable.ordinal { entry.after = durable }
    table[index] = entry
    retiredCount += 1
  }

  /// Where the lane stood before `prepare`.
  struct Place {
    fileprivate var segment: Int
    fileprivate var segmentSequence: UInt64
    fileprivate var next: Int
    fileprivate var spare: Int
    fileprivate var tail: Int
    fileprivate var entry: Segment
    fileprivate var successor: Int
    fileprivate var successorEntry: Segment
  }

  var place: Place {
    let successor = segment < 0 ? 0 : table.successor(of: segment) ?? segment
    return Place(
      segment: segment, segmentSequence: segmentSequence, next: next, spare: spare, tail: tail,
      entry: table[max(segment, 0)], successor: successor,
      successorEntry: table[successor])
  }

  /// Undoes `prepare`, whose blocks may lie in the file or not: all of them are made and written
  /// again, in the same places, where nothing lies that is durable and needed. What was evicted
  /// stays so: it may have been written over.
  mutating func undo(_ place: Place) {
    table[place.successor] = place.successorEntry
    table[max(place.segment, 0)] = place.entry
    segment = place.segment
    segmentSequence = place.segmentSequence
    next = place.next
    spare = place.spare
    tail = place.tail
  }

  /// Gives segments that were retired another chance, when no other is left.
  func forgive() {
    for index in 0..<table.count where table[index].isRetired {
      table.clearUsable(index)
    }
  }
}
