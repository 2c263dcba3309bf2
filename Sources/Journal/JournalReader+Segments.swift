/// What a reader knows of one segment of its lane, for people.
public struct SegmentSummary: Equatable, Sendable {
  /// Its place in the lane, from 0.
  public var index: Int
  /// Grows with each segment that the lane begins.
  public var sequence: UInt64
  /// The ordinals of its records.
  public var ordinals: Range<UInt64>
  /// The identity of its last record.
  public var lastEpoch: UInt64
  public var lastSequence: UInt64
}

extension JournalReader where S: ~Copyable {
  public var segmentCount: Int { table.count }

  /// A segment of the lane by its place, from 0; nil if it holds nothing of this journal. Of one
  /// without records the range is empty.
  public func segment(_ index: Int) -> SegmentSummary? {
    let entry = table[index]
    guard entry.sequence > 0 else { return nil }
    let end = entry.after.ordinal
    return SegmentSummary(
      index: index, sequence: entry.sequence, ordinals: min(entry.first, end)..<end,
      lastEpoch: entry.after.epoch, lastSequence: entry.after.sequence)
  }

  /// The ordinal of the oldest record that is still there, also of those that were acknowledged; of
  /// the next record, if there is none.
  public var oldest: UInt64 {
    var oldest = scan.end.ordinal
    for index in 0..<table.count {
      guard let segment = segment(index), !segment.ordinals.isEmpty else { continue }
      oldest = min(oldest, segment.ordinals.lowerBound)
    }
    return oldest
  }
}
