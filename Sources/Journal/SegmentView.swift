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
  private(set) var header: BlockHeader?
  /// How many sealed blocks did not open.
  private(set) var refusedCount: UInt64 = 0
  private var decoder: RecordDecoder?
  /// The ordinal of the next record that the decoder gives.
  private var place: UInt64 = 0

  init(_ memory: Bytes, _ geometry: Geometry, lane: Lane, identity: UInt64, sequence: UInt64) {
    self.memory = memory
    self.geometry = geometry
    self.lane = lane
    for index in 0..<geometry.blocksPerSegment {
      guard
        case .whole(let found) = BlockHeader.examine(bytes(index), lane: lane, identity: identity),
        found.segmentSequence == sequence, found.recordCount > 0
      else { continue }
      usable |= 1 << UInt64(index)
    }
  }

  private func bytes(_ index: Int) -> Bytes {
    memory.slice(index * geometry.blockByteCount, geometry.blockByteCount)
  }

  /// The record with this ordinal, or else the first behind it in this segment, with its bytes at
  /// the front of `record` (256 bytes, which nobody else changes between calls). Nil: there is
  /// none. A sealed block that `cipher` can't open is passed over.
  mutating func next(
    at ordinal: UInt64, into record: Bytes, _ cipher: inout BlockCipher?
  ) -> FoundRecord? {
    // Each turn reads a record, or gives up a block: there are at most 64.
    while true {
      guard let header, place <= max(ordinal, header.before.ordinal),
        ordinal < header.ordinals.upperBound
      else {
        guard choose(ordinal, &cipher) else { return nil }
        continue
      }
      let offset = BlockHeader.payloadOffset(isSealed: header.isSealed)
      let room = bytes(block).slice(offset, geometry.blockByteCount - offset)
      guard let found = decoder?.next(room, into: record) else {
        // A whole block whose records make no sense, or are fewer than it says.
        usable &= ~(1 << UInt64(block))
        self.header = nil
        continue
      }
      place += 1
      guard place > ordinal else { continue }
      return FoundRecord(
        kind: found.kind,
        after: Mark(ordinal: place, epoch: header.epoch, sequence: found.sequence),
        byteCount: found.byteCount)
    }
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
      decoder = RecordDecoder(found)
      place = found.before.ordinal
      return true
    }
    return false
  }

  private mutating func best(_ ordinal: UInt64) -> BlockHeader? {
    header = nil
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
