// Torture: a disk that loses power, and campaigns that cut a journal's power at every moment and
// then hold what is left against what was promised. It owns no files. For the desk and the tests;
// ordinary Swift, and never part of the product.

import Journal

/// The unit that a power cut leaves whole.
let sectorByteCount = 512

/// What happened to a disk, in order: after each of these the power may be cut.
enum DiskEvent {
  case write(offset: Int, bytes: [UInt8])
  /// All writes before it are on the medium.
  case sync
  /// The sync failed: each write before it is on the medium or will never be, by this seed.
  case failedSync(seed: UInt64)
}

/// Which faults a disk shows, each with so many chances in 1,000 per call. A slow disk is none to a
/// journal that waits for it and looks at no clock; one whose sync lies is what nothing can
/// survive, and is a mutant here (`dropsSync`).
struct DiskFaults {
  var writeFailure = 0
  var shortWrite = 0
  var noSpace = 0
  var readOnly = 0
  var syncFailure = 0
  /// Where nothing can be read.
  var unreadable = 0..<0
}

/// A disk as the process sees it: what was written is read back, synced or not. It remembers each
/// write and sync, so that any cut can be made of it afterwards. Used by one thread.
final class DiskContents: @unchecked Sendable {
  var bytes: [UInt8]
  var events: [DiskEvent] = []
  var faults = DiskFaults()
  var random: SplitMix
  /// Changes what is done: for the mutants, which must be caught.
  var mutant = Mutant.none
  /// Looks at each write of a journal that is sealed.
  var ledger: SealLedger?
  /// For the mutant that overwrites: where each block was written first.
  var firstPlaces: [BlockName: Int] = [:]

  init(bytes: [UInt8], seed: UInt64) {
    self.bytes = bytes
    random = SplitMix(seed: seed)
  }

  func happens(_ chances: Int) -> Bool {
    chances > 0 && random.below(1000) < chances
  }
}

/// The disk as the journal's storage.
struct SimulatedDisk: Storage {
  let contents: DiskContents

  var byteCount: Int64 { Int64(contents.bytes.count) }

  func read(into bytes: Bytes, at offset: Int64) throws(StorageError) {
    let start = Int(offset)
    guard start + bytes.count <= contents.bytes.count else {
      throw .short(byteCount: max(0, contents.bytes.count - start))
    }
    if contents.faults.unreadable.overlaps(start..<start + bytes.count) { throw .failed }
    unsafe contents.bytes.withUnsafeBytes {
      // Safe: the range was checked; both outlive the copy.
      unsafe bytes.base.copyMemory(
        from: $0.baseAddress.unsafelyUnwrapped + start, byteCount: bytes.count)
    }
    if contents.mutant == .skipsChecksum { contents.mutant.forgeChecksums(bytes) }
  }

  func write(_ bytes: Bytes, at offset: Int64) throws(StorageError) {
    let faults = contents.faults
    if contents.happens(faults.noSpace) { throw .noSpace }
    if contents.happens(faults.readOnly) { throw .readOnly }
    if contents.happens(faults.shortWrite) {
      let count = contents.random.below(bytes.count / sectorByteCount) * sectorByteCount
      put(bytes.slice(0, count), at: Int(offset))
      throw .short(byteCount: count)
    }
    if contents.happens(faults.writeFailure) {
      let count = contents.random.below(bytes.count / sectorByteCount + 1) * sectorByteCount
      put(bytes.slice(0, count), at: Int(offset))
      throw .failed
    }
    if contents.mutant == .overwritesTail {
      contents.overwrite(bytes, at: Int(offset)) { put($0, at: $1) }
    } else {
      put(bytes, at: Int(offset))
    }
  }

  func synchronize() throws(StorageError) {
    if contents.happens(contents.faults.syncFailure) {
      contents.events.append(.failedSync(seed: contents.random.next()))
      if contents.mutant == .ignoresFailedSync { return }
      throw .failed
    }
    if contents.mutant == .dropsSync { return }
    contents.events.append(.sync)
  }

  private func put(_ bytes: Bytes, at offset: Int) {
    if bytes.count == 0 { return }
    contents.ledger?.note(bytes)
    precondition(offset % sectorByteCount == 0 && bytes.count % sectorByteCount == 0)
    precondition(offset + bytes.count <= contents.bytes.count)
    // Safe: exactly this memory is read.
    let copy = unsafe [UInt8](UnsafeRawBufferPointer(start: bytes.base, count: bytes.count))
    contents.bytes.replaceSubrange(offset..<offset + copy.count, with: copy)
    contents.events.append(.write(offset: offset, bytes: copy))
  }
}

/// Reproducible random numbers (SplitMix64; Steele, Lea and Flood 2014).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number from 0 to `limit` - 1; 0 for a limit of 0. The small bias does not matter here.
  mutating func below(_ limit: Int) -> Int {
    limit <= 0 ? 0 : Int(truncatingIfNeeded: next() % UInt64(limit))
  }
}
