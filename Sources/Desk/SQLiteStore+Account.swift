extension SQLiteStore {
  func store(
    _ point: Checkpoint, topic: String, at now: Double
  ) throws(StoreFailure) {
    // Of two receivers one may be late with an older one.
    try database.prepare(
      """
      INSERT INTO checkpoints VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(device) DO UPDATE SET
        topic = excluded.topic, epoch = excluded.epoch, lowest_epoch = excluded.lowest_epoch,
        lowest = excluded.lowest, highest_epoch = excluded.highest_epoch,
        highest = excluded.highest, acknowledged_epoch = excluded.acknowledged_epoch,
        acknowledged = excluded.acknowledged, stored = excluded.stored,
        evicted = excluded.evicted, dropped = excluded.dropped, received = excluded.received
      WHERE excluded.epoch > epoch OR excluded.epoch = epoch AND excluded.stored >= stored
      """
    ).run([
      .text(point.device), .text(topic), .integer(point.epoch), .optional(point.lowest?.epoch),
      .optional(point.lowest?.sequence), .optional(point.highest?.epoch),
      .optional(point.highest?.sequence), .optional(point.acknowledged?.epoch),
      .optional(point.acknowledged?.sequence), .integer(point.storedCount),
      .integer(point.evictedCount), .integer(point.droppedCount), .real(now),
    ])
  }

  func store(_ answer: ReplayAnswer, at now: Double) throws(StoreFailure) {
    for (device, open) in try replays() {
      var replay = open
      if replay.take(answer, from: device, now: now) { try set(replay, of: device) }
    }
  }

  public func accounts() throws(StoreFailure) -> [DeviceAccount] {
    var all: [String: DeviceAccount] = [:]
    func change(_ device: String, _ body: (inout DeviceAccount) -> Void) {
      body(&all[device, default: DeviceAccount(device: device)])
    }
    try database.prepare("SELECT device, epoch, first, last FROM covered").run([]) { row in
      change(row.text(0)) {
        $0.covered[row.integer(1), default: SequenceSet()].insert(row.integer(2)...row.integer(3))
      }
    }
    try database.prepare(
      "SELECT device, kind, lane, first_epoch, first, epoch, last, count FROM gaps"
    ).run([]) { row in
      guard let kind = KnownGap.Kind(rawValue: row.text(1)) else { return }
      let gap = KnownGap(
        kind: kind, lane: row.text(2),
        first: Place(epoch: row.integer(3), sequence: row.integer(4)),
        last: Place(epoch: row.integer(5), sequence: row.integer(6)), count: row.integer(7))
      change(row.text(0)) { $0.gaps.insert(gap) }
    }
    try database.prepare("SELECT device, epoch FROM ended").run([]) { row in
      change(row.text(0)) { $0.ended.insert(row.integer(1)) }
    }
    try database.prepare(
      """
      SELECT device, topic, epoch, lowest_epoch, lowest, highest_epoch, highest,
        acknowledged_epoch, acknowledged, stored, evicted, dropped FROM checkpoints
      """
    ).run([]) { row in
      let point = Checkpoint(
        device: row.text(0), epoch: row.integer(2), lowest: place(row, 3),
        highest: place(row, 5), acknowledged: place(row, 7), storedCount: row.integer(9),
        evictedCount: row.integer(10), droppedCount: row.integer(11))
      change(row.text(0)) {
        $0.checkpoint = point
        $0.checkpointTopic = row.text(1)
      }
    }
    for (device, replay) in try replays() { change(device) { $0.replay = replay } }
    return all.values.sorted { $0.device < $1.device }
  }

  public func take(_ step: ReplayStep) throws(StoreFailure) -> Bool {
    try database.transaction { () throws(StoreFailure) -> Bool in
      // Another receiver may have been faster.
      let found = try replays().first { $0.device == step.device }?.replay
      guard found == step.before else { return false }
      let now = step.after?.askedAt ?? step.before?.answeredAt ?? 0
      for gap in step.lost { _ = try store(gap, of: step.device, at: now) }
      for epoch in step.ended {
        try database.prepare("INSERT OR IGNORE INTO ended VALUES(?,?)").run(
          [.text(step.device), .integer(epoch)])
      }
      if let after = step.after {
        try set(after, of: step.device)
      } else {
        try database.prepare("DELETE FROM replays WHERE device = ?").run([.text(step.device)])
      }
      return true
    }
  }

  private func place(_ row: Statement, _ column: Int32) -> Place? {
    guard !row.isNull(column) else { return nil }
    return Place(epoch: row.integer(column), sequence: row.integer(column + 1))
  }

  private func replays() throws(StoreFailure) -> [(device: String, replay: Replay)] {
    var result: [(device: String, replay: Replay)] = []
    try database.prepare(
      """
      SELECT device, epoch, first, last, tail, attempts, asked, answered, sent, missing, refused
      FROM replays
      """
    ).run([]) { row in
      let replay = Replay(
        epoch: row.integer(1), range: row.integer(2)...row.integer(3),
        isTail: row.integer(4) != 0, attemptCount: Int(row.integer(5)), askedAt: row.real(6),
        answeredAt: row.isNull(7) ? nil : row.real(7), sentCount: row.integer(8),
        missingCount: row.integer(9), isRefused: row.integer(10) != 0)
      result.append((row.text(0), replay))
    }
    return result
  }

  private func set(_ replay: Replay, of device: String) throws(StoreFailure) {
    try database.prepare("INSERT OR REPLACE INTO replays VALUES(?,?,?,?,?,?,?,?,?,?,?)").run([
      .text(device), .integer(replay.epoch), .integer(replay.range.lowerBound),
      .integer(replay.range.upperBound), .integer(replay.isTail ? 1 : 0),
      .integer(UInt64(replay.attemptCount)), .real(replay.askedAt),
      .optional(replay.answeredAt), .integer(replay.sentCount), .integer(replay.missingCount),
      .integer(replay.isRefused ? 1 : 0),
    ])
  }
}
