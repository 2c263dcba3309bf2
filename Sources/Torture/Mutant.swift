import Journal

/// A journal with a fault built in, at the seam to its disk: each must be caught by a campaign, or
/// the campaign proves nothing.
public enum Mutant: String, CaseIterable, Sendable {
  case none
  /// `fdatasync` is left out; to the journal the same as a disk whose sync lies.
  case dropsSync
  /// `fdatasync` is asked again when it failed, and believed, as the kernel then says yes.
  case ignoresFailedSync
  /// The block that is being filled is written over itself.
  case overwritesTail
  /// Every block's checksum is taken as right.
  case skipsChecksum
  /// Events are reported durable when they are written, before the sync.
  case reportsEarly
  /// Each start seals with the same salt, so that nonces come again.
  case repeatsSalt

  /// Makes the checksum of every block right, whatever it holds.
  func forgeChecksums(_ bytes: Bytes) {
    for start in stride(from: 0, to: bytes.count, by: tortureBlockByteCount)
    where start + tortureBlockByteCount <= bytes.count {
      let block = bytes.slice(start, tortureBlockByteCount)
      block.store(checksum(block.slice(8, block.count - 8)), at: 4)
    }
  }
}

/// The blocks of all campaigns: two sectors, so that they can be torn.
let tortureBlockByteCount = 1024

/// Which block it is, wherever it lies.
struct BlockName: Hashable {
  var lane: UInt8
  var segment: UInt64
  var block: UInt64
}

extension DiskContents {
  /// Writes each block over its first form, if that lies in the same segment.
  func overwrite(_ bytes: Bytes, at offset: Int, put: (Bytes, Int) -> Void) {
    guard bytes.count % tortureBlockByteCount == 0, offset >= Int(Geometry.dataOffset) else {
      return put(bytes, offset)
    }
    for start in stride(from: 0, to: bytes.count, by: tortureBlockByteCount) {
      let block = bytes.slice(start, tortureBlockByteCount)
      let name = BlockName(
        lane: block[9], segment: block.load(UInt64.self, at: 24),
        block: block.load(UInt64.self, at: 32))
      let place = firstPlaces[name] ?? offset + start
      firstPlaces[name] = place
      put(block, place)
    }
  }
}
