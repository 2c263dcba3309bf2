extension Journal where S: ~Copyable {
  /// Adds an event to the lane. `sequence` grows with each event of an epoch; `payload` has 1 to
  /// 255 bytes. Nothing is durable before `commit` has returned. O(1), without a system call.
  @inline(__always)
  public mutating func append(
    _ payload: Bytes, sequence: UInt64, lane: Lane
  ) -> AppendResult {
    precondition(payload.count >= 1 && payload.count <= RecordCoding.recordByteCountMax)
    let index = Int(lane.rawValue)
    if lanes[index].end.epoch == epoch, sequence <= lanes[index].end.sequence { return .known }
    if !lanes[index].mayEvict, !lanes[index].hasRoom { return .laneFull }
    guard lanes[index].append(payload, kind: .event, sequence: sequence) else {
      return .commitFirst
    }
    counts.events += 1
    counts.payloadBytes += UInt64(payload.count)
    return .pending
  }

  /// The place behind the last event that was appended: events up to it are `known`.
  public func end(_ lane: Lane) -> Mark { lanes[Int(lane.rawValue)].end }

  /// The place behind the last event that is durable: up to it, and no further, the lane may be
  /// published.
  public func durable(_ lane: Lane) -> Mark { lanes[Int(lane.rawValue)].durable }

  /// The place up to which the receiver has acknowledged the lane.
  public func acknowledged(_ lane: Lane) -> Mark { lanes[Int(lane.rawValue)].acknowledged }

  /// The place up to which the lane was evicted.
  public func evicted(_ lane: Lane) -> Mark { lanes[Int(lane.rawValue)].evicted }

  /// The receiver has acknowledged the lane up to this place, of which the mark is what the reader
  /// gave with the event. It becomes durable with the next commit: a crash before it sends again,
  /// and skips nothing. A place that is behind the last one, or that is not durable, changes
  /// nothing.
  public mutating func acknowledge(_ mark: Mark, lane: Lane) {
    lanes[Int(lane.rawValue)].acknowledge(mark)
  }

  /// Whether a commit is due by the policy, `now` being any clock that grows, in ns, and `since`
  /// its value when the first event that is not durable was appended. Alarms are due at once.
  public func isCommitDue(now: Int64, since: Int64) -> Bool {
    if lanes[0].hasRecords { return true }
    guard lanes[1].hasRecords else { return false }
    return lanes[1].current >= settings.commit.blockCount || now - since >= settings.commit.delay
  }

  /// Whether there is anything that a commit would write: events, or acknowledgements.
  public var isDirty: Bool { lanes[0].isDirty || lanes[1].isDirty }

  /// Gives the storage back; what is pending is dropped.
  public consuming func close() -> S { storage }
}
