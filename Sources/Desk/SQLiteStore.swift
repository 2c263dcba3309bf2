/// Events in an SQLite database, which several receivers may share.
///
/// A commit is one transaction. The log is a WAL, so that readers do not hold it up, with
/// `synchronous=FULL`: what is committed must survive a loss of power, because the broker forgets
/// it then. (`NORMAL` would be faster by one fsync a commit, and may lose the last commits.)
public final class SQLiteStore: EventStore {
  let database: Database
  private let insertEvent: Statement
  private let findEvent: Statement
  private let insertConflict: Statement
  let insertGap: Statement
  private let touching: Statement
  private let removeRange: Statement
  private let insertRange: Statement

  /// The tables. `covered` is what `events` has, as ranges, so that holes are found without reading
  /// all of it.
  private static let schema = """
    CREATE TABLE IF NOT EXISTS events(
      device TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
      thinned INTEGER NOT NULL, channel TEXT NOT NULL, kind TEXT NOT NULL,
      time REAL, boottime REAL, value REAL, unit TEXT, rseq INTEGER, min REAL, max REAL,
      count INTEGER, span REAL, detail TEXT, first INTEGER, last INTEGER,
      historical INTEGER NOT NULL, replayed INTEGER NOT NULL, received REAL NOT NULL,
      digest INTEGER NOT NULL,
      PRIMARY KEY(device, epoch, seq, thinned)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS covered(
      device TEXT NOT NULL, epoch INTEGER NOT NULL, first INTEGER NOT NULL,
      last INTEGER NOT NULL, PRIMARY KEY(device, epoch, first)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS gaps(
      device TEXT NOT NULL, kind TEXT NOT NULL, lane TEXT NOT NULL,
      first_epoch INTEGER NOT NULL, first INTEGER NOT NULL, epoch INTEGER NOT NULL,
      last INTEGER NOT NULL, count INTEGER NOT NULL, received REAL NOT NULL,
      PRIMARY KEY(device, kind, lane, first_epoch, first, epoch, last)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS conflicts(
      device TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
      thinned INTEGER NOT NULL, received REAL NOT NULL, content TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS checkpoints(
      device TEXT PRIMARY KEY, topic TEXT NOT NULL, epoch INTEGER NOT NULL,
      lowest_epoch INTEGER, lowest INTEGER, highest_epoch INTEGER, highest INTEGER,
      acknowledged_epoch INTEGER, acknowledged INTEGER, stored INTEGER NOT NULL,
      evicted INTEGER NOT NULL, dropped INTEGER NOT NULL, received REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS ended(
      device TEXT NOT NULL, epoch INTEGER NOT NULL, PRIMARY KEY(device, epoch)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS replays(
      device TEXT PRIMARY KEY, epoch INTEGER NOT NULL, first INTEGER NOT NULL,
      last INTEGER NOT NULL, tail INTEGER NOT NULL, attempts INTEGER NOT NULL,
      asked REAL NOT NULL, answered REAL, sent INTEGER NOT NULL, missing INTEGER NOT NULL,
      refused INTEGER NOT NULL) WITHOUT ROWID;
    PRAGMA user_version = 1;
    """

  public init(path: String) throws(StoreFailure) {
    let database = try Database(path)
    try database.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
    var version: UInt64 = 0
    try database.prepare("PRAGMA user_version").run([]) { version = $0.integer(0) }
    guard version <= 1 else {
      throw StoreFailure("\(path): made by a newer weirctl; use that one, or name another file")
    }
    if version == 0 {
      try database.transaction { () throws(StoreFailure) in try database.run(Self.schema) }
    }
    self.database = database
    insertEvent = try database.prepare(
      "INSERT OR IGNORE INTO events VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
    findEvent = try database.prepare(
      """
      SELECT digest, kind, value, detail, channel FROM events
      WHERE device = ? AND epoch = ? AND seq = ? AND thinned = ?
      """)
    insertConflict = try database.prepare("INSERT INTO conflicts VALUES(?,?,?,?,?,?)")
    insertGap = try database.prepare("INSERT OR IGNORE INTO gaps VALUES(?,?,?,?,?,?,?,?,?)")
    touching = try database.prepare(
      """
      SELECT first, last FROM covered
      WHERE device = ?1 AND epoch = ?2 AND first <= ?4 + 1 AND first >= coalesce((
        SELECT max(first) FROM covered WHERE device = ?1 AND epoch = ?2 AND first <= ?3), ?3)
      """)
    removeRange = try database.prepare(
      "DELETE FROM covered WHERE device = ? AND epoch = ? AND first = ?")
    insertRange = try database.prepare("INSERT INTO covered VALUES(?,?,?,?)")
  }

  public func commit(_ deliveries: [Delivery]) throws(StoreFailure) -> StoreTally {
    guard !deliveries.isEmpty else { return StoreTally() }
    return try database.transaction { () throws(StoreFailure) -> StoreTally in
      var tally = StoreTally()
      var arrived: [DeviceEpoch: SequenceSet] = [:]
      for delivery in deliveries {
        switch delivery.message {
        case .record(let record):
          try store(record, at: delivery.receivedAt, &tally, &arrived)
        case .checkpoint(let checkpoint):
          try store(checkpoint, topic: delivery.topic, at: delivery.receivedAt)
        case .replayed(let answer): try store(answer, at: delivery.receivedAt)
        case .status, .log, .boot, .crash: break
        }
      }
      for (place, numbers) in arrived {
        for range in numbers.ranges { try cover(range, place) }
      }
      return tally
    }
  }

  private struct DeviceEpoch: Hashable {
    var device: String
    var epoch: UInt64
  }

  private func store(
    _ record: Record, at now: Double, _ tally: inout StoreTally,
    _ arrived: inout [DeviceEpoch: SequenceSet]
  ) throws(StoreFailure) {
    if let gap = KnownGap(record) {
      if try store(gap, of: record.device, at: now) {
        tally.gapCount += 1
        tally.goneCount = cappedSum(tally.goneCount, gap.count)
      }
      if record.isPlaceholder { return }
    }
    try insertEvent.run(row(record, at: now))
    guard database.changeCount == 0 else {
      tally.note(new: record)
      guard !record.isThinned else { return }
      let place = DeviceEpoch(device: record.device, epoch: record.epoch)
      arrived[place, default: SequenceSet()].insert(record.sequence)
      return
    }
    tally.duplicateCount += 1
    let key: [Statement.Value] = [
      .text(record.device), .integer(record.epoch), .integer(record.sequence),
      .integer(record.isThinned ? 1 : 0),
    ]
    let text = canonicalText(record)
    var was: String?
    try findEvent.run(key) {
      guard $0.integer(0) != digest(text) else { return }
      was = "\($0.text(4)) \($0.text(1)) \($0.text(2)) \($0.text(3))"
    }
    guard let was else { return }
    tally.note(conflict: record, was: was)
    try insertConflict.run(key + [.real(now), .text("{" + text.dropFirst() + "}")])
  }

  private func row(_ record: Record, at now: Double) -> [Statement.Value] {
    let fields = RecordFields(record.content)
    return [
      .text(record.device), .integer(record.epoch), .integer(record.sequence),
      .integer(record.isThinned ? 1 : 0), .text(record.channel), .text(fields.kind),
      record.bootTime == nil ? .real(record.time) : .null, .optional(record.bootTime),
      .optional(fields.value), .text(record.unit), .optional(record.readingSequence),
      .optional(fields.minimum), .optional(fields.maximum), .optional(fields.count),
      .optional(fields.span), .optional(fields.detail), .optional(fields.gap?.first),
      .optional(fields.gap?.last), .integer(record.isHistorical ? 1 : 0),
      .integer(record.isReplayed ? 1 : 0), .real(now), .integer(digest(canonicalText(record))),
    ]
  }

  /// False when it was known.
  func store(_ gap: KnownGap, of device: String, at now: Double) throws(StoreFailure) -> Bool {
    try insertGap.run([
      .text(device), .text(gap.kind.rawValue), .text(gap.lane), .integer(gap.first.epoch),
      .integer(gap.first.sequence), .integer(gap.last.epoch), .integer(gap.last.sequence),
      .integer(gap.count), .real(now),
    ])
    return database.changeCount > 0
  }

  /// Adds a range to those of an epoch, as one with those that it touches.
  private func cover(
    _ range: ClosedRange<UInt64>, _ place: DeviceEpoch
  ) throws(StoreFailure) {
    var near: [ClosedRange<UInt64>] = []
    let key: [Statement.Value] = [.text(place.device), .integer(place.epoch)]
    try touching.run(key + [.integer(range.lowerBound), .integer(range.upperBound)]) {
      near.append($0.integer(0)...$0.integer(1))
    }
    var whole = SequenceSet(near)
    whole.insert(range)
    for one in near { try removeRange.run(key + [.integer(one.lowerBound)]) }
    for one in whole.ranges {
      try insertRange.run(key + [.integer(one.lowerBound), .integer(one.upperBound)])
    }
  }
}
