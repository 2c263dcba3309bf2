// Journal: the durable log between pipeline and uplink.
//
// It owns a file of fixed size and nothing else: events go in at one end, are durable when the
// `fdatasync` that covers them has returned, and stay until the receiver has acknowledged them or
// the policy of their lane lets them go. One process writes (`Journal`); any number read
// (`JournalReader`). It never allocates after it was opened, and then only what it was given; never
// overwrites a block whose records are their only durable copy; never waits but for the storage;
// never retries a failed sync without writing all that it covered again; and it knows nothing of
// networks, clocks or configuration files.

import Ring

/// Why a commit did not make anything durable. What was appended stays pending, and the next commit
/// tries again.
public enum JournalError: Error, Equatable, Sendable {
  case storage(StorageError)
  /// A block could not be sealed, and was not written.
  case cipher
  /// No segment of the lane can be written without giving up what its policy keeps.
  case full(Lane)
}

/// The epoch in which a journal is opened.
public enum EpochChoice: Equatable, Sendable {
  /// A boot: a new epoch, larger than all before and at least this one.
  case next(atLeast: UInt64)
  /// The journal's task was started again within the same boot: events go on in its epoch.
  case same(UInt64)
}

/// What became of an event that was appended.
public enum AppendResult: Equatable, Sendable {
  /// It is pending: durable after the next commit that succeeds.
  case pending
  /// It is there already (`EpochChoice.same`): nothing was done.
  case known
  /// All pending blocks are full: commit, then try again.
  case commitFirst
  /// The lane is full and its policy is to stop accepting.
  case laneFull
}

/// The writing end of a journal. There is at most one at a time.
public struct Journal<S: Storage & ~Copyable>: ~Copyable {
  var storage: S
  public let geometry: Geometry
  public let settings: JournalSettings
  /// The epoch of all that is appended now.
  public let epoch: UInt64
  var superblock: Superblock
  var commitNumber: UInt64
  var lanes: InlineArray<2, LaneWriter>
  let scratch: Bytes
  // Without the short form's own nil: init may throw before it gives this a value.
  var cipher: Optional<BlockCipher>
  /// The part of the given memory that holds nothing between two calls.
  public var idleMemory: Bytes { scratch }
  /// Whether the last commit failed: then the next one that fails retires nothing more.
  var isFailing = false
  /// What happened since the journal was opened.
  public internal(set) var counts = JournalCounts()
  /// What the scan found when it was opened.
  public let damagedBlockCount: UInt64

  /// How much memory a journal takes, in bytes, beside its own fields.
  public static func memoryByteCount(_ geometry: Geometry) -> Int {
    geometry.segmentByteCount + LaneWriter.memoryByteCount(geometry, .alarms)
      + LaneWriter.memoryByteCount(geometry, .telemetry)
  }

  /// Makes an empty journal of the storage, whatever it holds. What an earlier journal left there
  /// has another identity, and is not seen.
  public static func format(
    _ storage: inout S, geometry: Geometry, identity: UInt64, time: Int64, scratch: Bytes
  ) throws(JournalOpenError) {
    guard storage.byteCount >= geometry.byteCount else {
      throw .tooShort(neededByteCount: geometry.byteCount, byteCount: storage.byteCount)
    }
    var superblock = Superblock(identity: identity, creationTime: time, geometry: geometry)
    do throws(StorageError) {
      for _ in 0..<2 { try superblock.write(&storage, scratch: scratch) }
    } catch {
      throw .storage(error)
    }
  }

  /// The geometry of the journal that lies on the storage; `scratch` has at least 512 bytes.
  public static func inspect(
    _ storage: inout S, scratch: Bytes
  ) throws(JournalOpenError) -> Geometry {
    let geometry = try Superblock.read(&storage, scratch: scratch).geometry
    guard storage.byteCount >= geometry.byteCount else {
      throw .tooShort(neededByteCount: geometry.byteCount, byteCount: storage.byteCount)
    }
    return geometry
  }

  /// The last epoch that was begun, or one more where only one copy of the superblock can be read:
  /// the other may be the newer one. `scratch` has at least 512 bytes.
  public static func lastEpoch(
    _ storage: inout S, scratch: Bytes
  ) throws(JournalOpenError) -> UInt64 {
    let superblock = try Superblock.read(&storage, scratch: scratch)
    return superblock.epoch + (superblock.isOnlyCopy ? 1 : 0)
  }

  /// Opens a journal: finds its end, and begins or continues an epoch. `memory` (at least
  /// `memoryByteCount` of its geometry, at a multiple of 8) lives as long as the journal, and so do
  /// `keys`. Throws `locked` before anything is written. When it returns, all that can be read from
  /// the storage is on the medium, and so is the epoch.
  public init(
    _ storage: consuming S, memory: Bytes, settings: JournalSettings, keys: SealKeys? = nil,
    epoch choice: EpochChoice
  ) throws(JournalOpenError) {
    guard memory.count >= Superblock.byteCount else {
      throw .memory(neededByteCount: Superblock.byteCount)
    }
    var storage = storage
    var superblock = try Superblock.read(&storage, scratch: memory)
    let geometry = superblock.geometry
    guard storage.byteCount >= geometry.byteCount else {
      throw .tooShort(neededByteCount: geometry.byteCount, byteCount: storage.byteCount)
    }
    let needed = Self.memoryByteCount(geometry)
    guard memory.count >= needed else { throw .memory(neededByteCount: needed) }
    let scratch = memory.slice(0, geometry.segmentByteCount)
    let alarmCount = LaneWriter.memoryByteCount(geometry, .alarms)
    let alarmMemory = memory.slice(scratch.count, alarmCount)
    let telemetryMemory = memory.slice(
      scratch.count + alarmCount, LaneWriter.memoryByteCount(geometry, .telemetry))
    let cipher = try BlockCipher.made(
      keys, isWriter: true, simulatedSalt: settings.simulatedSalt)
    let alarms = LaneScan(
      .alarms, &storage, superblock: superblock,
      table: LaneWriter.table(geometry, .alarms, alarmMemory), scratch: scratch, cipher: cipher)
    let telemetry = LaneScan(
      .telemetry, &storage, superblock: superblock,
      table: LaneWriter.table(geometry, .telemetry, telemetryMemory), scratch: scratch,
      cipher: cipher)
    if let key = alarms.neededKey ?? telemetry.neededKey { throw .locked(key) }
    let isSealed = BlockCipher.seals(cipher)

    let last = max(superblock.epoch, max(alarms.epoch, telemetry.epoch))
    let epoch = try Self.begin(
      choice, last: last, superblock: &superblock, storage: &storage, scratch: scratch)
    lanes = [
      LaneWriter(
        alarms, geometry: geometry, identity: superblock.identity, epoch: epoch,
        isDelta: settings.isDelta, isSealed: isSealed,
        mayEvict: settings.alarmRetention != .stopAccepting,
        memory: alarmMemory),
      LaneWriter(
        telemetry, geometry: geometry, identity: superblock.identity, epoch: epoch,
        isDelta: settings.isDelta, isSealed: isSealed,
        mayEvict: settings.telemetryRetention != .stopAccepting,
        memory: telemetryMemory),
    ]
    self.epoch = epoch
    self.geometry = geometry
    self.settings = settings
    self.superblock = superblock
    self.scratch = scratch
    commitNumber = max(alarms.commit, telemetry.commit)
    damagedBlockCount = alarms.damagedBlockCount + telemetry.damagedBlockCount
    self.cipher = cipher
    self.storage = storage
    for index in 0..<Lane.count { makeRoom(index) }
  }

  /// Makes the epoch durable, and with it all that the scan read: it may have been in the page
  /// cache only, if the last writer was killed before its sync.
  private static func begin(
    _ choice: EpochChoice, last: UInt64, superblock: inout Superblock, storage: inout S,
    scratch: Bytes
  ) throws(JournalOpenError) -> UInt64 {
    let epoch: UInt64
    switch choice {
    case .next(let floor):
      // A copy of the superblock that can't be read may be the newer one, and have begun an epoch
      // of which there is no block.
      epoch = max(last + (superblock.isOnlyCopy ? 2 : 1), floor)
    case .same(let wanted):
      guard wanted > 0, wanted >= last else { throw .epoch }
      epoch = wanted
    }
    guard isCount(epoch) else { throw .epoch }
    do throws(StorageError) {
      // The two copies are never more than one epoch apart, so that the next number but one is new
      // whichever of them is lost.
      if superblock.isOnlyCopy || epoch > superblock.epoch + 1 {
        superblock.epoch = max(epoch, 1) - 1
        try superblock.write(&storage, scratch: scratch)
      }
      superblock.epoch = epoch
      try superblock.write(&storage, scratch: scratch)
    } catch {
      throw .storage(error)
    }
    return epoch
  }
}

/// What a journal counts since it was opened.
public struct JournalCounts: BitwiseCopyable, Sendable {
  public var commits: UInt64 = 0
  public var commitFailures: UInt64 = 0
  public var blocksWritten: UInt64 = 0
  /// Of events, as they were appended.
  public var payloadBytes: UInt64 = 0
  public var events: UInt64 = 0
  /// Events that were evicted before they were acknowledged.
  public var evicted: UInt64 = 0
  /// Windows that stand for evicted events.
  public var thinned: UInt64 = 0
  /// Segments that were given up because writing to them failed.
  public var segmentsRetired: UInt64 = 0

  public init() {}
}
