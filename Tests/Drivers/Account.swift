import Desk

/// Accounts for everything that one gateway sent: what is missing without a word, what came twice,
/// and what cannot be true. Empty `faults` means that the receiver has all that was measured, or
/// knows what it has not.
public struct Account {
  /// What is wrong, one line each.
  public private(set) var faults: [String] = []
  /// Different records, by epoch and sequence.
  public private(set) var recordCount = 0
  /// Records that came again.
  public private(set) var duplicateCount = 0
  /// Readings and events that the gateway itself reported as missed or lost.
  public private(set) var reportedCount: UInt64 = 0

  /// Deadlines that the gateway says it left out, under overload.
  public private(set) var slowedCount: UInt64 = 0

  /// The counts, for a person.
  public var summary: String {
    "\(recordCount) records, \(duplicateCount) duplicates, \(reportedCount) reported as lost, "
      + "\(slowedCount) left out"
  }

  private var firsts: [Key: Record] = [:]
  private var readings: [Reading: UInt64] = [:]

  private struct Key: Hashable {
    var epoch: UInt64
    var sequence: UInt64
  }
  private struct Reading: Hashable {
    var epoch: UInt64
    var channel: String
    var sequence: UInt64
  }

  /// - Parameter channels: those in which every reading makes one record, so that their reading
  ///   sequences must be complete too.
  public init(_ records: [Record], channels: [String]) {
    for record in records { take(record) }
    let distinct = firsts.values.sorted { $0.sequence < $1.sequence }
    recordCount = distinct.count
    for epoch in Set(distinct.map(\.epoch)) {
      let inEpoch = distinct.filter { $0.epoch == epoch }
      checkSequence(inEpoch, epoch)
      let dropped = inEpoch.reduce(UInt64(0)) { sum, record in
        guard case .gap(let gap) = record.content, gap.kind == .droppedEvents else { return sum }
        return sum + gap.count
      }
      for channel in channels {
        checkReadings(
          inEpoch.filter { $0.channel == channel }, channel, droppedCount: dropped)
      }
    }
  }

  /// The same number must always mean the same.
  private mutating func take(_ record: Record) {
    let key = Key(epoch: record.epoch, sequence: record.sequence)
    if let first = firsts[key] {
      duplicateCount += 1
      if first.channel != record.channel || first.readingSequence != record.readingSequence
        || first.content != record.content
      {
        faults.append(
          "sequence \(record.sequence) came as two different records: \(first), \(record)")
      }
      return
    }
    firsts[key] = record
    if case .gap(let gap) = record.content {
      if gap.isLoss { reportedCount += gap.count } else { slowedCount += gap.count }
      return
    }
    guard let sequence = record.readingSequence else { return }
    let reading = Reading(epoch: record.epoch, channel: record.channel, sequence: sequence)
    if let other = readings.updateValue(record.sequence, forKey: reading) {
      faults.append(
        "reading \(sequence) of \(record.channel) came as records \(other) and \(record.sequence)"
      )
    }
  }

  private mutating func checkSequence(_ records: [Record], _ epoch: UInt64) {
    var tracker = SequenceTracker(start: 0)
    for record in records {
      tracker.receive(record.sequence)
      if case .gap(let gap) = record.content, gap.kind == .droppedEvents {
        tracker.explain(first: gap.first, count: gap.count)
      }
    }
    for hole in tracker.holes {
      faults.append("records \(hole) of epoch \(epoch) are missing, and nothing says so")
    }
  }

  /// Every reading of the channel came, or a gap says that it did not. Records that the gateway
  /// dropped had readings inside that nothing else tells of: so many may be missing. Of those that
  /// were left out only the range and the count are told: so many holes must be in there.
  private mutating func checkReadings(
    _ records: [Record], _ channel: String, droppedCount: UInt64
  ) {
    var tracker = SequenceTracker(start: 0)
    var slowed: [Gap] = []
    for record in records {
      if case .gap(let gap) = record.content {
        switch gap.kind {
        case .missedDeadlines, .droppedReadings:
          tracker.explain(first: gap.first, count: gap.count)
        case .slowed: slowed.append(gap)
        case .lostEdges, .droppedEvents, .evicted, .damaged: break
        }
      } else if let sequence = record.readingSequence {
        tracker.receive(sequence)
      }
    }
    for gap in slowed {
      guard let last = gap.last, let next = tracker.next else { continue }
      // What the gateway has left out may lie behind the last record that came.
      let open = last >= next ? last - max(next, gap.first) + 1 : 0
      let before = tracker.missingCount
      tracker.explain(first: gap.first, count: last - gap.first + 1)
      let found = before - tracker.missingCount
      if found + open < gap.count || found > gap.count + droppedCount {
        faults.append(
          "\(channel): \(gap.count) of \(gap.first)...\(last) were left out, but \(found) are "
            + "missing")
      }
    }
    guard tracker.missingCount > droppedCount else { return }
    for hole in tracker.holes {
      faults.append("readings \(hole) of \(channel) are missing, and nothing says so")
    }
  }
}
