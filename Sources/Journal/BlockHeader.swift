/// "WJBK", as a big-endian number.
let blockMagic: UInt32 = 0x574A_424B

/// What stands before the records of a block. A block is written as a whole, and never again while
/// its records are the only copy: a block that grows is written elsewhere, with a higher commit,
/// and only then is its old place free.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 4 | magic, "WJBK" as a big-endian number |
/// | 4 | 4 | CRC32C of everything from byte 8 to the end of the block |
/// | 8 | 1 | version, 1 |
/// | 9 | 1 | lane |
/// | 10 | 1 | flags: bit 0, the records are coded as differences (`RecordCoding`); bit 1, the block is sealed (`BlockSeal`) |
/// | 11 | 1 | zero |
/// | 12 | 4 | bytes of records; what follows them in the block is zero |
/// | 16 | 8 | identity of the journal |
/// | 24 | 8 | segment sequence: grows by one with each segment that the lane begins, from 1 |
/// | 32 | 8 | block sequence: grows by one with each block of the lane, from 1 |
/// | 40 | 8 | commit that wrote this: grows over all lanes and epochs, from 1 |
/// | 48 | 8 | epoch of all its records |
/// | 56 | 4 | number of records, which may be 0 |
/// | 60 | 4 | zero |
/// | 64 | 8 | sequence number of its last record |
/// | 72 | 24 | `Mark` before its first record: ordinal, and epoch and sequence of the one before |
/// | 96 | 24 | `Mark` up to which the receiver has acknowledged the lane |
/// | 120 | 24 | `Mark` up to which the lane was evicted |
/// | 144 | … | records; of a sealed block, before them the fields of `BlockSeal` |
///
/// A `Mark`: ordinal, epoch, sequence; 8 bytes each.
struct BlockHeader: Equatable, Sendable {
  var lane: Lane
  var isDelta: Bool
  var isSealed: Bool
  var payloadByteCount: UInt32
  var segmentSequence: UInt64
  var blockSequence: UInt64
  var commit: UInt64
  var epoch: UInt64
  var recordCount: UInt32
  var lastSequence: UInt64
  var before: Mark
  var acknowledged: Mark
  var evicted: Mark

  static var byteCount: Int { 144 }

  /// Where the records begin, in a block that is sealed or not.
  static func payloadOffset(isSealed: Bool) -> Int {
    isSealed ? BlockSeal.endOffset : byteCount
  }

  /// The ordinals that its records have.
  var ordinals: Range<UInt64> { before.ordinal..<before.ordinal + UInt64(recordCount) }

  /// The place behind its last record.
  var after: Mark {
    recordCount == 0
      ? before : Mark(ordinal: ordinals.upperBound, epoch: epoch, sequence: lastSequence)
  }

  /// What is found where a block may lie.
  enum Finding: Equatable {
    case whole(BlockHeader)
    /// Nothing was ever written there.
    case blank
    /// A whole block of another journal: the file's room was used before.
    case foreign
    /// A version that this program does not know.
    case unknownVersion(UInt8)
    /// No block at all, or one whose beginning is lost.
    case damaged
    /// A block of this journal that is torn, or was changed on the medium.
    case torn
  }

  /// From where on the checksum is made.
  static var checkedOffset: Int { 8 }

  /// Examines a block of the journal `identity`, of which this is the checksum, unless it begins
  /// as none.
  static func examine(
    _ block: Bytes, lane: Lane, identity: UInt64, checksum: UInt32
  ) -> Finding {
    guard block.load(UInt32.self, at: 0) == blockMagic.byteSwapped else {
      return block.isBlank ? .blank : .damaged
    }
    guard block.load(UInt32.self, at: 4) == checksum else {
      return block.load(UInt64.self, at: 16) == identity ? .torn : .damaged
    }
    guard block[8] == journalVersion else { return .unknownVersion(block[8]) }
    guard block.load(UInt64.self, at: 16) == identity else { return .foreign }
    guard block[9] == lane.rawValue else { return .foreign }
    let header = BlockHeader(block, lane: lane)
    // A block with a right checksum that says this was not written by this program.
    guard Int(header.payloadByteCount) <= block.count - payloadOffset(isSealed: header.isSealed),
      block[10] <= 3,
      header.recordCount <= header.payloadByteCount,
      header.before.ordinal < 1 << 62, header.acknowledged.ordinal < 1 << 62,
      header.evicted.ordinal < 1 << 62, isCount(header.segmentSequence),
      isCount(header.blockSequence), isCount(header.commit), isCount(header.epoch)
    else { return .damaged }
    return .whole(header)
  }

  /// The fields of a block that is known to be whole.
  init(_ block: Bytes, lane: Lane) {
    self.lane = lane
    isDelta = block[10] & 1 != 0
    isSealed = block[10] & 2 != 0
    payloadByteCount = block.load(UInt32.self, at: 12)
    segmentSequence = block.load(UInt64.self, at: 24)
    blockSequence = block.load(UInt64.self, at: 32)
    commit = block.load(UInt64.self, at: 40)
    epoch = block.load(UInt64.self, at: 48)
    recordCount = block.load(UInt32.self, at: 56)
    lastSequence = block.load(UInt64.self, at: 64)
    before = Mark(block, at: 72)
    acknowledged = Mark(block, at: 96)
    evicted = Mark(block, at: 120)
  }

  init(
    lane: Lane, isDelta: Bool, isSealed: Bool = false, payloadByteCount: UInt32,
    segmentSequence: UInt64, blockSequence: UInt64, commit: UInt64, epoch: UInt64,
    recordCount: UInt32,
    lastSequence: UInt64, before: Mark, acknowledged: Mark, evicted: Mark
  ) {
    self.lane = lane
    self.isDelta = isDelta
    self.isSealed = isSealed
    self.payloadByteCount = payloadByteCount
    self.segmentSequence = segmentSequence
    self.blockSequence = blockSequence
    self.commit = commit
    self.epoch = epoch
    self.recordCount = recordCount
    self.lastSequence = lastSequence
    self.before = before
    self.acknowledged = acknowledged
    self.evicted = evicted
  }

  /// Puts the header before the records that lie in the block already; `storeChecksums` completes
  /// it.
  func store(in block: Bytes, identity: UInt64) {
    let offset = Self.payloadOffset(isSealed: isSealed)
    precondition(Int(payloadByteCount) <= block.count - offset)
    block.store(blockMagic.byteSwapped, at: 0)
    block[8] = UInt8(journalVersion)
    block[9] = lane.rawValue
    block[10] = (isDelta ? 1 : 0) | (isSealed ? 2 : 0)
    block[11] = 0
    block.store(payloadByteCount, at: 12)
    block.store(identity, at: 16)
    block.store(segmentSequence, at: 24)
    block.store(blockSequence, at: 32)
    block.store(commit, at: 40)
    block.store(epoch, at: 48)
    block.store(recordCount, at: 56)
    block.store(UInt32(0), at: 60)
    block.store(lastSequence, at: 64)
    before.store(in: block, at: 72)
    acknowledged.store(in: block, at: 96)
    evicted.store(in: block, at: 120)
  }
}

/// Whether a number that grows by one each time may be what it is: adding to it never overflows.
func isCount(_ number: UInt64) -> Bool { number > 0 && number < 1 << 62 }
