/// Events that can't be read any more: `count` of them, behind `after` up to and with `through`.
/// An event of the same range that lies in the other lane is not one of them.
public struct Gap: BitwiseCopyable, Equatable, Sendable {
  /// Why they can't.
  public enum Reason: UInt8, BitwiseCopyable, Sendable {
    /// The lane was full, and its policy let them go.
    case evicted = 0
    /// Their blocks are missing, torn or changed.
    case damaged = 1
  }

  public var reason: Reason
  public var after: Mark
  public var through: Mark
  public var count: UInt64 { through.ordinal - after.ordinal }
}

/// What a reader finds next.
public enum JournalItem: BitwiseCopyable, Sendable {
  /// A record, whose bytes are in `JournalReader.record`.
  case record(FoundRecord)
  case gap(Gap)
  /// Nothing more, for now.
  case end
}

/// The reading end of one lane of a journal: from the place that the receiver has acknowledged, or
/// from any other, in the order in which events were appended, each once. What is missing is a gap
/// in its place.
///
/// It may belong to another process than the one that writes. Then `next` must be told how far the
/// lane is durable, and `refresh` that there is more: what is in the page cache is seen before it
/// is on the medium.
@safe public struct JournalReader<S: Storage & ~Copyable>: ~Copyable {
  private var storage: S
  public let lane: Lane
  public let geometry: Geometry
  /// When the journal was made, ns since 1970 by the clock of that moment.
  public let creationTime: Int64
  /// The last epoch that was begun.
  public let epoch: UInt64
  private let identity: UInt64
  let table: SegmentTable
  private let segmentMemory: Bytes
  /// The bytes of the record that `next` found.
  public let record: Bytes
  /// What the scan found when the reader was opened.
  public let scan: LaneScan
  /// The place behind what `next` returned last.
  public private(set) var place: Mark
  /// Up to which the lane was evicted, as far as this reader knows.
  private var evicted: Mark
  /// The end of the lane, as far as this reader knows.
  private var end: Mark
  private var view: SegmentView?
  // Without the short form's own nil: init may throw before it gives this a value.
  private var cipher: Optional<BlockCipher>
  /// How many sealed blocks had a right checksum and did not open, because somebody has changed
  /// them, or because the key of what was acknowledged long ago is not there. What they held is a
  /// gap.
  public var refusedBlockCount: UInt64 { givenUpCount + (view?.refusedCount ?? 0) }
  private var givenUpCount: UInt64 = 0

  /// How much memory a reader takes, in bytes, beside its own fields.
  public static func memoryByteCount(_ geometry: Geometry, _ lane: Lane) -> Int {
    geometry.segmentByteCount + 256 + SegmentTable.byteCount(geometry.segmentCount(lane))
  }

  /// Opens a lane at the place that the receiver has acknowledged. `memory` is at least
  /// `memoryByteCount`, starts at a multiple of 8, and lives as long as the reader; so do `keys`,
  /// without which nothing is read that is sealed and still needed.
  public init(
    _ storage: consuming S, lane: Lane, memory: Bytes, keys: SealKeys? = nil
  ) throws(JournalOpenError) {
    guard memory.count >= Superblock.byteCount else {
      throw .memory(neededByteCount: Superblock.byteCount)
    }
    var storage = storage
    let superblock = try Superblock.read(&storage, scratch: memory)
    let geometry = superblock.geometry
    guard storage.byteCount >= geometry.byteCount else {
      throw .tooShort(neededByteCount: geometry.byteCount, byteCount: storage.byteCount)
    }
    let needed = Self.memoryByteCount(geometry, lane)
    guard memory.count >= needed else { throw .memory(neededByteCount: needed) }
    let segmentMemory = memory.slice(0, geometry.segmentByteCount)
    let record = memory.slice(geometry.segmentByteCount, 256)
    let tableOffset = geometry.segmentByteCount + 256
    let table = SegmentTable(
      memory.slice(tableOffset, memory.count - tableOffset), count: geometry.segmentCount(lane))
    let cipher = try BlockCipher.made(keys, isWriter: false)
    let scan = LaneScan(
      lane, &storage, superblock: superblock, table: table, scratch: segmentMemory, cipher: cipher)
    if let key = scan.neededKey { throw .locked(key) }
    self.geometry = geometry
    self.segmentMemory = segmentMemory
    self.record = record
    self.table = table
    self.scan = scan
    self.lane = lane
    identity = superblock.identity
    creationTime = superblock.creationTime
    epoch = max(superblock.epoch, scan.epoch)
    place = scan.acknowledged
    evicted = scan.evicted
    end = scan.end
    self.cipher = cipher
    self.storage = storage
  }

  /// The part of the given memory in which a segment lies while it is read: it may be cleared
  /// before the first `next`, and after a `seek`.
  public var idleMemory: Bytes { segmentMemory }

  /// Goes to another place: what the receiver acknowledged, or asks for again.
  public mutating func seek(_ mark: Mark) {
    place = mark
    leaveSegment()
  }

  private mutating func leaveSegment() {
    givenUpCount += view?.refusedCount ?? 0
    view = nil
  }

  /// What comes next, before the ordinal `limit`.
  public mutating func next(before limit: UInt64 = UInt64.max) -> JournalItem {
    guard place.ordinal < min(limit, end.ordinal) else { return .end }
    if place.ordinal < evicted.ordinal {
      let gap = Gap(reason: .evicted, after: place, through: evicted)
      place = evicted
      return .gap(gap)
    }
    if let found = view?.next(at: place.ordinal, into: record, &cipher) {
      // Another segment may hold what is missing in this one: the tail was written again there.
      if found.after.ordinal == place.ordinal + 1 { return take(found) }
    }
    return nextElsewhere(limit)
  }

  /// Hands out the records that come next, before the ordinal `limit`, as long as each follows the
  /// one before and `isWanted` says so: the one that it does not want is the last that was read.
  /// Where it ends `next` goes on, which knows of gaps, other segments and the end.
  @inline(__always)
  public mutating func readRun(
    before limit: UInt64, _ isWanted: (FoundRecord, Bytes) -> Bool
  ) {
    guard place.ordinal >= evicted.ordinal else { return }
    let end = min(limit, end.ordinal)
    while place.ordinal < end,
      let found = view?.next(at: place.ordinal, into: record, &cipher)
    {
      // Another segment may hold what is missing in this one; `next` finds this record again.
      guard found.after.ordinal == place.ordinal + 1 else { return }
      place = found.after
      guard isWanted(found, record) else { return }
    }
  }

  private mutating func take(_ found: FoundRecord) -> JournalItem {
    place = found.after
    return .record(found)
  }

  /// Looks into every segment that may hold the place, the newest first; if none does, for the
  /// first record behind it.
  private mutating func nextElsewhere(_ limit: UInt64) -> JournalItem {
    var below = UInt64.max
    var nearest: Mark?
    // Each turn looks into another segment.
    while let index = newestSegment(holding: place.ordinal, below: below) {
      below = table[index].sequence
      load(index)
      guard let found = view?.next(at: place.ordinal, into: record, &cipher) else { continue }
      if found.after.ordinal == place.ordinal + 1 { return take(found) }
      note(&nearest)
    }
    if let index = nearestSegment(behind: place.ordinal) {
      load(index)
      if view?.next(at: place.ordinal, into: record, &cipher) != nil { note(&nearest) }
    }
    var through = nearest ?? end
    if through.ordinal <= place.ordinal { return .end }
    if through.ordinal > limit { through.ordinal = limit }
    let gap = Gap(reason: .damaged, after: place, through: through)
    place = through
    leaveSegment()
    return .gap(gap)
  }

  /// Remembers where a gap ends, if that is nearer than what was known.
  private func note(_ nearest: inout Mark?) {
    guard let before = view?.header?.before else { return }
    if let known = nearest, known.ordinal <= before.ordinal { return }
    nearest = before
  }

  private func newestSegment(holding ordinal: UInt64, below: UInt64) -> Int? {
    var best: Int?
    for index in 0..<table.count {
      let entry = table[index]
      guard entry.sequence > 0, entry.sequence < below, entry.first <= ordinal,
        ordinal < entry.after.ordinal
      else { continue }
      if let known = best, table[known].sequence > entry.sequence { continue }
      best = index
    }
    return best
  }

  private func nearestSegment(behind ordinal: UInt64) -> Int? {
    var best: Int?
    for index in 0..<table.count {
      let entry = table[index]
      guard entry.sequence > 0, entry.first > ordinal, entry.after.ordinal > entry.first else {
        continue
      }
      if let known = best, table[known].first <= entry.first { continue }
      best = index
    }
    return best
  }

  private mutating func load(_ index: Int) {
    leaveSegment()
    readSegment(&storage, geometry, lane, index, into: segmentMemory)
    view = SegmentView(
      segmentMemory, geometry, lane: lane, identity: identity, sequence: table[index].sequence)
  }

  /// Looks at what was written since: at the segment that was the newest, and those behind it, as
  /// far as to the ordinal `limit`, if the lane is known to be durable to there.
  public mutating func refresh(upTo limit: UInt64 = UInt64.max) {
    let newest = newestIndex
    var index = newest ?? 0
    leaveSegment()
    // Segments that were retired lie between those that are written, and do not change.
    var unchangedCount = 0
    // Each segment once.
    for _ in 0..<table.count {
      let before = table[index]
      readSegment(&storage, geometry, lane, index, into: segmentMemory)
      var entry = Segment()
      var whole: UInt64 = 0
      let sums = blockChecksums(segmentMemory, geometry)
      for block in 0..<geometry.blocksPerSegment {
        let bytes = segmentMemory.slice(
          block * geometry.blockByteCount, geometry.blockByteCount)
        guard
          case .whole(let header) = BlockHeader.examine(
            bytes, lane: lane, identity: identity, checksum: sums[block])
        else { continue }
        whole |= 1 << UInt64(block)
        entry.note(header)
        if header.evicted.ordinal > evicted.ordinal { evicted = header.evicted }
      }
      table[index] = entry
      if entry.after.ordinal > end.ordinal { end = entry.after }
      if end.ordinal >= limit {
        // What is new often lies here, in memory.
        if entry.first <= place.ordinal, place.ordinal < entry.after.ordinal {
          view = SegmentView(
            segmentMemory, geometry, lane: lane, sequence: entry.sequence, whole: whole)
        }
        return
      }
      if entry == before, index != newest {
        unchangedCount += 1
        if unchangedCount > 2 { return }
      }
      index = (index + 1) % table.count
    }
  }

  private var newestIndex: Int? {
    var best: Int?
    for index in 0..<table.count where table[index].sequence > 0 {
      if let known = best, table[known].sequence > table[index].sequence { continue }
      best = index
    }
    return best
  }

  /// Gives the storage back.
  public consuming func close() -> S { storage }
}
