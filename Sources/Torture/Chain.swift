import Journal
import Ring

/// One journal's life: workloads, each ended by a power cut, one after the other on the same disk.
/// Every moment of each workload at which a write or a sync ended is cut, in several ways, and
/// recovered from; one of these images is where life goes on.
struct Chain {
  let seed: UInt64
  let mutant: Mutant
  var random: SplitMix
  var disk: DiskContents
  var settings = JournalSettings()
  let geometry: Geometry
  var lanes = [LaneChronicle(), LaneChronicle()]
  var promises: [Promise] = []
  /// The last promise of the life before this workload.
  var before: Promise
  var sequence: UInt64 = 0
  /// Up to where a commit that failed may have evicted events, although that is not durable. 0
  /// after a commit that succeeded.
  var overwritten: [UInt64] = [0, 0]
  let memory: TortureMemory
  var figures = TortureFigures()
  /// Whether this life has faults beside the cuts.
  let hasFaults: Bool
  /// Whether lives are short, and cut in every way that there is.
  let isExhaustive: Bool
  /// Of a chain that is sealed: what it has sealed so far.
  let ledger: SealLedger?
  /// Of the present life.
  var keys: SealKeys?

  init(
    seed: UInt64, mutant: Mutant, isExhaustive: Bool, isSealed: Bool, memory: TortureMemory
  ) throws {
    ledger = isSealed ? SealLedger() : nil
    self.isExhaustive = isExhaustive
    self.seed = seed
    self.mutant = mutant
    self.memory = memory
    random = SplitMix(seed: seed)
    guard
      let geometry = Geometry(
        blockByteCount: tortureBlockByteCount, blocksPerSegment: 4 + random.below(3),
        alarmSegmentCount: 3 + random.below(2), telemetrySegmentCount: 3 + random.below(4))
    else { throw Violation("no such geometry") }
    self.geometry = geometry
    let policies = [Retention.dropOldest, .dropOldest, .stopAccepting, .thin]
    settings.alarmRetention = policies[random.below(4)]
    settings.telemetryRetention = policies[random.below(4)]
    settings.isDelta = random.below(2) == 0
    settings.commit.blockCount = 1
    let isFaulty = random.below(4) == 0
    hasFaults = mutant == .none && isFaulty && !isExhaustive
    // What the file's room held before: nothing, or anything.
    var bytes = [UInt8](repeating: 0, count: Int(geometry.byteCount))
    let isUsed = random.below(4) == 0
    if isUsed { for index in bytes.indices { bytes[index] = UInt8(index & 255) } }
    let diskSeed = random.next()
    disk = DiskContents(bytes: bytes, seed: diskSeed)
    disk.mutant = mutant
    disk.ledger = ledger
    before = Promise(
      eventCount: 0, epoch: 0, durable: [0, 0], acknowledged: [0, 0], evicted: [0, 0])
    var storage = SimulatedDisk(contents: disk)
    try Journal.format(
      &storage, geometry: geometry, identity: random.next() | 1, time: 0,
      scratch: memory.journal)
  }

  /// One workload and all its cuts.
  mutating func live() throws {
    let medium = disk.bytes
    disk.events.removeAll(keepingCapacity: true)
    promises = [before]
    overwritten = [0, 0]
    chooseKeys()
    do throws(JournalOpenError) {
      var journal = try Journal(
        SimulatedDisk(contents: disk), memory: memory.journal, settings: settings, keys: keys,
        epoch: .next(atLeast: 0))
      guard journal.epoch > before.epoch else { throw JournalOpenError.epoch }
      sequence = 0
      if hasFaults { setFaults() }
      if mutant == .ignoresFailedSync { disk.faults.syncFailure = 100 }
      for lane in 0..<2 where lanes[lane].entries.count != Int(journal.end(laneOf(lane)).ordinal) {
        throw JournalOpenError.geometry
      }
      promise(journal)
      work(&journal)
      disk.faults = DiskFaults()
    } catch {
      disk.faults = DiskFaults()
      throw Violation("the journal did not open: \(error)")
    }
    if let violation = ledger?.violation { throw Violation(violation) }
    try cut(medium)
    if let ledger { figures.sealedBlockCount = ledger.blockCount }
  }

  /// Each life seals with one of two keys, or not at all, and can open what both have sealed.
  private mutating func chooseKeys() {
    guard ledger != nil else { return }
    let choice = random.below(5)
    keys = SealKeys(choice < 2 ? memory.keys : memory.otherKeys, seals: choice < 4)
    settings.simulatedSalt = mutant == .repeatsSalt ? 7 : random.next()
  }

  private mutating func setFaults() {
    let fault = random.below(6)
    let chances = 20 + random.below(200)
    switch fault {
    case 0: disk.faults.writeFailure = chances
    case 1: disk.faults.shortWrite = chances
    case 2: disk.faults.noSpace = chances
    case 3: disk.faults.readOnly = chances
    case 4: disk.faults.syncFailure = chances
    default:
      disk.faults.syncFailure = chances / 2
      disk.faults.writeFailure = chances / 2
    }
  }

  func laneOf(_ index: Int) -> Lane { index == 0 ? .alarms : .telemetry }

  /// Remembers what is promised from this moment on.
  private mutating func promise(_ journal: borrowing Journal<SimulatedDisk>) {
    promises.append(
      Promise(
        eventCount: disk.events.count, epoch: journal.epoch,
        durable: (0..<2).map { journal.durable(laneOf($0)).ordinal },
        acknowledged: (0..<2).map { journal.acknowledged(laneOf($0)).ordinal },
        evicted: (0..<2).map { max(journal.evicted(laneOf($0)).ordinal, overwritten[$0]) }))
  }

  private mutating func work(_ journal: inout Journal<SimulatedDisk>) {
    if isExhaustive {
      // So few that a commit writes two blocks of each lane at most, eight sectors.
      for _ in 0..<(1 + random.below(3)) {
        for _ in 0..<random.below(5) { append(&journal) }
        if random.below(4) == 0 { acknowledge(&journal) }
        commit(&journal)
      }
      return
    }
    for _ in 0..<(1 + random.below(12)) {
      let count = random.below(3) == 0 ? random.below(60) : random.below(6)
      for _ in 0..<count { append(&journal) }
      if random.below(4) == 0 { acknowledge(&journal) }
      if random.below(6) > 0 { commit(&journal) }
    }
  }

  private mutating func append(_ journal: inout Journal<SimulatedDisk>) {
    let lane = random.below(5) == 0 ? 0 : 1
    let byteCount = random.below(3) > 0 ? Event.recordByteCount : 1 + random.below(90)
    let bytes = memory.record.slice(0, byteCount)
    if byteCount == Event.recordByteCount {
      Event(
        kind: .value, channel: UInt16(random.below(3)), time: Int64(sequence) * 1_000_000,
        sequence: sequence, value: Double(random.below(400)) / 16
      ).store(in: bytes)
    } else {
      for index in 0..<byteCount { bytes[index] = UInt8(truncatingIfNeeded: random.next()) }
    }
    // At most one commit makes room; then the event is dropped, as a full ring drops it.
    for attempt in 0..<2 {
      switch journal.append(bytes, sequence: sequence, lane: laneOf(lane)) {
      case .pending:
        lanes[lane].append(
          LaneChronicle.Entry(
            epoch: journal.epoch, sequence: sequence,
            payload: (0..<byteCount).map { bytes[$0] }))
        sequence += 1
        return
      case .commitFirst where attempt == 0: commit(&journal)
      case .known, .commitFirst, .laneFull: break
      }
    }
    sequence += 1
  }

  private mutating func acknowledge(_ journal: inout Journal<SimulatedDisk>) {
    for lane in 0..<2 {
      let durable = Int(journal.durable(laneOf(lane)).ordinal)
      let known = Int(journal.acknowledged(laneOf(lane)).ordinal)
      let target = known + random.below(durable - known + 1)
      journal.acknowledge(lanes[lane].mark(target), lane: laneOf(lane))
    }
    promise(journal)
  }

  private mutating func commit(_ journal: inout Journal<SimulatedDisk>) {
    let started = disk.events.count
    let ends = (0..<2).map { journal.end(laneOf($0)).ordinal }
    do throws(JournalError) {
      try journal.commit()
      overwritten = [0, 0]
    } catch {
      figures.failedCommitCount += 1
      overwritten = (0..<2).map { journal.evicted(laneOf($0)).ordinal }
    }
    figures.commitCount += 1
    for lane in 0..<2 {
      // What thinning appended.
      let end = journal.end(laneOf(lane))
      for _ in lanes[lane].entries.count..<max(Int(end.ordinal), lanes[lane].entries.count) {
        lanes[lane].append(
          LaneChronicle.Entry(
            epoch: journal.epoch,
            sequence: end.sequence, payload: [], isThinned: true))
      }
    }
    promise(journal)
    if mutant == .reportsEarly {
      for lane in 0..<2 { promises[promises.count - 1].durable[lane] = ends[lane] }
      promises[promises.count - 1].eventCount = min(started + 1, disk.events.count)
    }
    // A cut in the middle of it finds what it has evicted so far.
    if hasFaults, promises.count > 1 {
      let now = promises[promises.count - 1]
      promises[promises.count - 2].evicted = now.evicted
    }
  }
}

/// What a campaign counts.
public struct TortureFigures: Sendable {
  public var cutCount = 0
  /// Of these, in the middle of the recovery from another cut.
  public var secondCutCount = 0
  /// Of these, with bits flipped or blocks moved.
  public var damageCount = 0
  public var commitCount = 0
  public var failedCommitCount = 0
  public var eventCount = 0
  public var gapCount = 0
  public var lifeCount = 0
  public var sealedBlockCount = 0

  public init() {}

  public mutating func add(_ other: TortureFigures) {
    cutCount += other.cutCount
    secondCutCount += other.secondCutCount
    damageCount += other.damageCount
    commitCount += other.commitCount
    failedCommitCount += other.failedCommitCount
    eventCount += other.eventCount
    gapCount += other.gapCount
    lifeCount += other.lifeCount
    sealedBlockCount += other.sealedBlockCount
  }
}

/// Memory for journals and readers, one after the other.
@safe final class TortureMemory {
  let journal: Bytes
  let reader: Bytes
  let record: Bytes
  /// Two keys, and the same two the other way round.
  let keys: Bytes
  let otherKeys: Bytes
  private let base: UnsafeMutableRawPointer

  init() {
    let size = 1 << 16
    unsafe base = UnsafeMutableRawPointer.allocate(byteCount: 2 * size + 384, alignment: 128)
    // Safe: five pieces of what was just allocated, which the object keeps.
    unsafe journal = Bytes(base: base, count: size)
    unsafe reader = Bytes(base: base + size, count: size)
    unsafe record = Bytes(base: base + 2 * size, count: 256)
    unsafe keys = Bytes(base: base + 2 * size + 256, count: 64)
    unsafe otherKeys = Bytes(base: base + 2 * size + 320, count: 64)
    for bytes in [journal, reader, record] { bytes.clear() }
    for index in 0..<64 {
      keys[index] = UInt8(index * 3 + 1)
      otherKeys[(index + 32) % 64] = keys[index]
    }
  }

  deinit {
    // Safe: nobody uses the pieces after the object's life.
    unsafe base.deallocate()
  }
}
