/// What a scan of a lane found. A scan reads all of the lane once: it needs nothing that could be
/// wrong but the superblock.
public struct LaneScan {
  public let lane: Lane
  let table: SegmentTable
  /// The segment that was begun last, and the block behind the last one that is whole in it.
  var lastSegment = -1
  var nextBlock: Int
  /// How many segments and blocks the lane has begun since it was made.
  public var segmentSequence: UInt64 = 0
  public var blockSequence: UInt64 = 0
  /// The newest commit and epoch that left a trace.
  public var commit: UInt64 = 0
  public var epoch: UInt64 = 0
  /// Behind the last record.
  public var end = Mark()
  public var acknowledged = Mark()
  public var evicted = Mark()
  /// Blocks that are whole, also those that are obsolete.
  public var wholeBlockCount: UInt64 = 0
  /// Blocks that are torn, changed, unreadable, or not known to this version. After a power cut
  /// those that were being written are among them, and nothing is lost with these.
  public var damagedBlockCount: UInt64 = 0
  /// Blocks that another journal, or another lane, left in the file's room.
  public var foreignBlockCount: UInt64 = 0
  /// Blocks that nothing was ever written to.
  public var blankBlockCount: UInt64 = 0
  /// Of the whole blocks, those that are sealed.
  public var sealedBlockCount: UInt64 = 0
  /// The number of a key that sealed records, and is none of the keys that were given; of several,
  /// the one of the latest records. Nil for none.
  public private(set) var unknownKey: UInt64?
  /// Behind the last record that such a key has sealed.
  private var unknownEnd: UInt64 = 0
  /// Such a key, if the receiver still needs what it sealed: then nothing may be written, or what
  /// only the key can read would be evicted, and told as lost.
  public var neededKey: UInt64? { unknownEnd > start.ordinal ? unknownKey : nil }

  /// The place from which on the receiver needs the lane.
  public var start: Mark { acknowledged.ordinal >= evicted.ordinal ? acknowledged : evicted }

  init<S: Storage & ~Copyable>(
    _ lane: Lane, _ storage: inout S, superblock: Superblock, table: SegmentTable,
    scratch: Bytes, cipher: borrowing BlockCipher?
  ) {
    let geometry = superblock.geometry
    self.lane = lane
    self.table = table
    nextBlock = geometry.blocksPerSegment
    for segment in 0..<table.count {
      readSegment(&storage, geometry, lane, segment, into: scratch)
      var entry = Segment()
      var firstUsable = 0
      let sums = blockChecksums(scratch, geometry)
      for index in 0..<geometry.blocksPerSegment {
        let block = scratch.slice(index * geometry.blockByteCount, geometry.blockByteCount)
        switch BlockHeader.examine(
          block, lane: lane, identity: superblock.identity, checksum: sums[index])
        {
        case .blank: blankBlockCount += 1
        case .foreign: foreignBlockCount += 1
        case .damaged, .unknownVersion: damagedBlockCount += 1
        case .torn:
          damagedBlockCount += 1
          firstUsable = index + 1
        case .whole(let header):
          wholeBlockCount += 1
          entry.note(header)
          note(header, segment: segment, block: index)
          if header.isSealed { noteSeal(header, block, cipher) }
        }
      }
      entry.firstUsable = firstUsable
      // The table begins with empty ones.
      if entry != Segment() { table[segment] = entry }
    }
    if lastSegment >= 0 { nextBlock = max(nextBlock, table[lastSegment].firstUsable) }
    let known = superblock[acknowledged: lane]
    if known.ordinal > acknowledged.ordinal { acknowledged = known }
    // The blocks that held them may be lost.
    if acknowledged.ordinal > end.ordinal { end = acknowledged }
    if evicted.ordinal > end.ordinal { end = evicted }
  }

  private mutating func noteSeal(
    _ header: BlockHeader, _ block: Bytes, _ cipher: borrowing BlockCipher?
  ) {
    sealedBlockCount += 1
    let number = BlockSeal.keyNumber(block)
    guard header.recordCount > 0, header.ordinals.upperBound > unknownEnd,
      !BlockCipher.knows(number, cipher)
    else { return }
    unknownKey = number
    unknownEnd = header.ordinals.upperBound
  }

  private mutating func note(_ header: BlockHeader, segment: Int, block: Int) {
    if header.segmentSequence > segmentSequence {
      segmentSequence = header.segmentSequence
      lastSegment = segment
      nextBlock = 0
    }
    if header.segmentSequence == segmentSequence { nextBlock = max(nextBlock, block + 1) }
    blockSequence = max(blockSequence, header.blockSequence)
    if (header.epoch, header.commit) > (epoch, commit) {
      acknowledged = header.acknowledged
      evicted = header.evicted
      epoch = header.epoch
    }
    commit = max(commit, header.commit)
    let after = header.after
    if after.ordinal > end.ordinal || (after.ordinal == end.ordinal && after.epoch > end.epoch) {
      end = after
    }
  }
}

extension Segment {
  /// Adds a block of the segment. What an earlier use of the segment left is not part of it.
  mutating func note(_ header: BlockHeader) {
    if header.segmentSequence < sequence { return }
    if header.segmentSequence > sequence {
      self = Segment(sequence: header.segmentSequence, first: header.before.ordinal)
      after = header.after
      return
    }
    first = min(first, header.before.ordinal)
    if header.after.ordinal > after.ordinal { after = header.after }
  }
}

/// Reads a segment; blocks that can't be read are all ones, which is no block.
func readSegment<S: Storage & ~Copyable>(
  _ storage: inout S, _ geometry: Geometry, _ lane: Lane, _ segment: Int, into scratch: Bytes
) {
  let start = geometry.offset(lane, segment: segment, block: 0)
  let all = scratch.slice(0, geometry.segmentByteCount)
  do throws(StorageError) {
    try storage.read(into: all, at: start)
    return
  } catch {
    // One bad sector fails the whole: then each block is tried by itself.
  }
  for index in 0..<geometry.blocksPerSegment {
    let block = all.slice(index * geometry.blockByteCount, geometry.blockByteCount)
    do throws(StorageError) {
      try storage.read(
        into: block, at: start + Int64(index) * Int64(geometry.blockByteCount))
    } catch {
      block.store(UInt64.max, at: 0)
    }
  }
}
