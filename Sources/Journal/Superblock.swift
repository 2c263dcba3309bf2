/// Why a journal was not opened.
public enum JournalOpenError: Error, Equatable, Sendable {
  /// Neither copy of the superblock is one: this is no journal, or it is damaged beyond use.
  case noSuperblock
  /// A journal of another version than this program's.
  case unknownVersion(UInt32)
  /// The superblock is whole, and says what no journal can be.
  case geometry
  /// The file is shorter than its superblock says.
  case tooShort(neededByteCount: Int64, byteCount: Int64)
  /// The memory is smaller than `Journal.memoryByteCount`.
  case memory(neededByteCount: Int)
  /// Epochs are used up, or the one to go on in is not in the journal.
  case epoch
  /// It is sealed with a key of this number (`SealKeys.number`), which was not given, and the
  /// receiver still needs what it holds. Nothing was written.
  case locked(UInt64)
  /// OpenSSL, or the kernel's random numbers, refuse what sealing needs.
  case cipher
  case storage(StorageError)
}

/// "WEIRJRNL", as a big-endian number.
let superblockMagic: UInt64 = 0x5745_4952_4A52_4E4C
/// The version of the whole format: superblock, blocks and records.
let journalVersion: UInt32 = 1

/// What a journal is, in two copies of which always the older one is overwritten: one of them is
/// whole at every moment. Each is a sector, which no power cut tears.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | magic, "WEIRJRNL" as a big-endian number |
/// | 8 | 4 | version, 1 |
/// | 12 | 4 | CRC32C of bytes 16 ..< 512 |
/// | 16 | 8 | identity of the journal: random, in each of its blocks |
/// | 24 | 8 | generation: grows with each write; the copy at 4096 × (generation mod 2) |
/// | 32 | 8 | the last epoch that was begun |
/// | 40 | 8 | when it was made, ns since 1970 by the clock of that moment |
/// | 48 | 4 | bytes of a block |
/// | 52 | 4 | blocks of a segment |
/// | 56 | 4 | segments of the lane of alarms |
/// | 60 | 4 | segments of the lane of telemetry |
/// | 64 | 24 | up to where the receiver had the lane of alarms: ordinal, epoch, sequence |
/// | 88 | 24 | and the lane of telemetry |
/// | 112 | 400 | zero |
///
/// The receiver's places are zero until they are needed: each block holds them too, and newer. Only
/// where a lane that may not evict is full to the last block, or commits have failed, a commit may
/// have no place to put them but over events which the receiver has; then they are written here
/// before.
struct Superblock: Equatable, Sendable {
  var identity: UInt64
  var generation: UInt64
  var epoch: UInt64
  var creationTime: Int64
  var geometry: Geometry
  private var alarmsAcknowledged = Mark()
  private var telemetryAcknowledged = Mark()
  /// Whether the other copy could not be read: it may have been the newer one.
  var isOnlyCopy = false

  static var byteCount: Int { 512 }

  init(identity: UInt64, creationTime: Int64, geometry: Geometry) {
    self.identity = identity
    generation = 0
    epoch = 0
    self.creationTime = creationTime
    self.geometry = geometry
  }

  /// Reads one copy.
  init(_ bytes: Bytes) throws(JournalOpenError) {
    let magic = bytes.load(UInt64.self, at: 0)
    guard magic == superblockMagic.byteSwapped else { throw .noSuperblock }
    let version = bytes.load(UInt32.self, at: 8)
    guard version == journalVersion else { throw .unknownVersion(version) }
    guard bytes.load(UInt32.self, at: 12) == checksum(bytes.slice(16, Self.byteCount - 16)) else {
      throw .noSuperblock
    }
    identity = bytes.load(UInt64.self, at: 16)
    generation = bytes.load(UInt64.self, at: 24)
    epoch = bytes.load(UInt64.self, at: 32)
    creationTime = bytes.load(Int64.self, at: 40)
    guard
      let geometry = Geometry(
        blockByteCount: Int(bytes.load(UInt32.self, at: 48)),
        blocksPerSegment: Int(bytes.load(UInt32.self, at: 52)),
        alarmSegmentCount: Int(bytes.load(UInt32.self, at: 56)),
        telemetrySegmentCount: Int(bytes.load(UInt32.self, at: 60)))
    else { throw .geometry }
    guard isCount(generation), epoch == 0 || isCount(epoch) else { throw .geometry }
    self.geometry = geometry
    alarmsAcknowledged = Mark(bytes, at: 64)
    telemetryAcknowledged = Mark(bytes, at: 88)
  }

  /// Up to where the receiver had a lane, when that was last written here.
  subscript(acknowledged lane: Lane) -> Mark {
    get { lane == .alarms ? alarmsAcknowledged : telemetryAcknowledged }
    set {
      switch lane {
      case .alarms: alarmsAcknowledged = newValue
      case .telemetry: telemetryAcknowledged = newValue
      }
    }
  }

  func store(in bytes: Bytes) {
    bytes.slice(0, Self.byteCount).clear()
    bytes.store(superblockMagic.byteSwapped, at: 0)
    bytes.store(journalVersion, at: 8)
    bytes.store(identity, at: 16)
    bytes.store(generation, at: 24)
    bytes.store(epoch, at: 32)
    bytes.store(creationTime, at: 40)
    bytes.store(UInt32(geometry.blockByteCount), at: 48)
    bytes.store(UInt32(geometry.blocksPerSegment), at: 52)
    bytes.store(UInt32(geometry.alarmSegmentCount), at: 56)
    bytes.store(UInt32(geometry.telemetrySegmentCount), at: 60)
    alarmsAcknowledged.store(in: bytes, at: 64)
    telemetryAcknowledged.store(in: bytes, at: 88)
    bytes.store(checksum(bytes.slice(16, Self.byteCount - 16)), at: 12)
  }

  /// The newer of the two copies. `scratch` is at least a superblock.
  static func read<S: Storage & ~Copyable>(
    _ storage: inout S, scratch: Bytes
  ) throws(JournalOpenError) -> Superblock {
    var best: Superblock?
    var wholeCount = 0
    // What is known of a version outweighs what is not known at all.
    var reason = JournalOpenError.noSuperblock
    for copy in 0..<2 {
      let bytes = scratch.slice(0, byteCount)
      do throws(StorageError) {
        try storage.read(into: bytes, at: Int64(copy) * 4096)
      } catch {
        // A sector that can't be read is what the other copy is for. A file that ends before it is
        // just no journal.
        if case .short = error { continue }
        if reason == .noSuperblock { reason = .storage(error) }
        continue
      }
      do throws(JournalOpenError) {
        let superblock = try Superblock(bytes)
        wholeCount += 1
        if let known = best, known.generation >= superblock.generation { continue }
        best = superblock
      } catch {
        if error != .noSuperblock { reason = error }
      }
    }
    guard var best else { throw reason }
    best.isOnlyCopy = wholeCount == 1
    return best
  }

  /// Overwrites the older copy, and waits until it is on the medium. After a failure that copy is
  /// lost, perhaps, so the next attempt is at the same one again.
  mutating func write<S: Storage & ~Copyable>(
    _ storage: inout S, scratch: Bytes
  ) throws(StorageError) {
    generation += 1
    let bytes = scratch.slice(0, Self.byteCount)
    store(in: bytes)
    do throws(StorageError) {
      try storage.write(bytes, at: Int64(generation % 2) * 4096)
      try storage.synchronize()
    } catch {
      generation -= 1
      throw error
    }
  }
}
