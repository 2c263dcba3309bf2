/// A record that was read.
public struct FoundRecord: BitwiseCopyable, Sendable {
  public var kind: RecordKind
  /// The place behind it: its own ordinal is one less.
  public var after: Mark
  public var byteCount: Int
}

/// Walks through the records of a segment that lies in memory, in the order of their ordinals.
/// Sealed blocks are opened there, each when it is first needed.
struct SegmentView {
  private let memory: Bytes
  private let geometry: Geometry
  private let lane: Lane
  /// A bit for each block that is whole, of this use of the segment, and holds records.
  private var usable: UInt64 = 0
  /// A bit for each block that was sealed, and is open now.
  private var opened: UInt64 = 0
  private var block = -1
  /// Of the block that is being read; nil before the first, and behind the last.
  private(set) var header: BlockHeader?
  /// What of it each record needs: the ordinals, which are none where there is no header, the
  /// epoch, and the bytes that hold records.
  private var ordinals: Range<UInt64> = 0..<0
  private var epoch: UInt64 = 0
  private var room: Bytes
  private var decoder = RecordDecoder()
  /// The ordinal of the next record that the decoder gives.
  private var place: UInt64 = 0
  /// How many sealed blocks did not open.
  private(set) var refusedCount: UInt64 = 0

  init(_ memory: Bytes, _ geometry: Geometry, lane: Lane, identity: UInt64, sequence: UInt64) {
    var whole: UInt64 = 0
    let sums = blockChecksums(memory, geometry)
    for index in 0..<geometry.blocksPerSegment {
      let bytes = memory.slice(index * geometry.blockByteCount, geometry.blockByteCount)
      if case .whole = BlockHeader.examine(
        bytes, lane: lane, identity: identity, checksum: sums[index])
      {
        whole |= 1 << UInt64(index)
      }
    }
    self.init(memory, geometry, lane: lane, sequence: sequence, whole: whole)
  }

  /// Of a segment whose blocks were examined just now: `whole` has a bit for each that is.
  init(_ memory: Bytes, _ geometry: Geometry, lane: Lane, sequence: UInt64, whole: UInt64) {
    self.memory = memory
    self.geometry = geometry
    self.lane = lane
    room = memory
    for index in 0..<geometry.blocksPerSegment where whole & (1 << UInt64(index)) != 0 {
      let found = BlockHeader(bytes(index), lane: lane)
      if found.segmentSequence == sequence, found.recordCount > 0 {
        usable |= 1 << UInt64(index)
      }
    }
  }

  private func bytes(_ index: Int) -> Bytes {
    memory.slice(index * geometry.blockByteCount, geometry.blockByteCount)
  }

  /// The record with this ordinal, or else the first behind it in this segment, with its bytes at
  /// the front of `record` (256 bytes, which nobody else changes between calls). Nil: there is
  /// none. A sealed block that `cipher` can't open is passed over.
  @inline(__always)
  mutating func next(
    at ordinal: UInt64, into record: Bytes, _ cipher: inout BlockCipher?
  ) -> FoundRecord? {
    // Each turn reads a record, or gives up a block: there are at most 64.
    while true {
      guard place <= max(ordinal, ordinals.lowerBound), ordinal < ordinals.upperBound else {
        guard choose(ordinal, &cipher) else { return nil }
        continue
      }
      guard let found = decoder.next(room, into: record) else {
        // A whole block whose records make no sense, or are fewer than it says.
        usable &= ~(1 << UInt64(block))
        leaveBlock()
        continue
      }
      place += 1
      guard place > ordinal else { continue }
      return FoundRecord(
        kind: found.kind, after: Mark(ordinal: place, epoch: epoch, sequence: found.sequence),
        byteCount: found.byteCount)
    }
  }

  private mutating func leaveBlock() {
    header = nil
    ordinals = 0..<0
  }

  /// Opens the block that holds the ordinal, in its newest form, or else the one with the lowest
  /// ordinals behind it. False if there is none.
  private mutating func choose(_ ordinal: UInt64, _ cipher: inout BlockCipher?) -> Bool {
    // Each turn finds one, or gives up a block.
    while let found = best(ordinal) {
      if found.isSealed, opened & (1 << UInt64(block)) == 0 {
        guard cipher?.open(bytes(block)) == true else {
          usable &= ~(1 << UInt64(block))
          refusedCount += 1
          continue
        }
        opened |= 1 << UInt64(block)
      }
      header = found
      ordinals = found.ordinals
      epoch = found.epoch
      let offset = BlockHeader.payloadOffset(isSealed: found.isSealed)
      room = bytes(block).slice(offset, geometry.blockByteCount - offset)
      decoder = RecordDecoder(found)
      place = found.before.ordinal
      return true
    }
    return false
  }

  private mutating func best(_ ordinal: UInt64) -> BlockHeader? {
    leaveBlock()
    var best: BlockHeader?
    for index in 0..<geometry.blocksPerSegment where usable & (1 << UInt64(index)) != 0 {
      let found = BlockHeader(bytes(index), lane: lane)
      guard found.ordinals.upperBound > ordinal else { continue }
      if let known = best, !found.isBetter(than: known, at: ordinal) { continue }
      best = found
      block = index
    }
    return best
  }
}

extension BlockHeader {
  /// Which of two blocks that end behind the ordinal is to be read: the one that holds it, and of
  /// two the newer one; else the one that begins earlier.
  func isBetter(than other: BlockHeader, at ordinal: UInt64) -> Bool {
    let holds = before.ordinal <= ordinal
    let otherHolds = other.before.ordinal <= ordinal
    if holds != otherHolds { return holds }
    if holds || before.ordinal == other.before.ordinal {
      return (epoch, commit) > (other.epoch, other.commit)
    }
    return before.ordinal < other.before.ordinal
  }
}
