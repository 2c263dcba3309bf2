/// Accounts for a series of sequence numbers: which came twice, which are missing, and which of the
/// missing ones were explained by the sender.
///
/// Numbers may come in any order, and an explanation before or after the hole that it explains.
public struct SequenceTracker: Sendable {
  /// Numbers that came again.
  public private(set) var duplicateCount: UInt64 = 0
  /// Numbers that came for the first time.
  public private(set) var receivedCount: UInt64 = 0
  /// One more than the highest number seen; nil before the first.
  public private(set) var next: UInt64?
  /// Missing and not explained, ascending and disjoint.
  public private(set) var holes: [Range<UInt64>] = []
  /// Explained by the sender and not received, ascending and disjoint.
  private var explained: [Range<UInt64>] = []

  /// How many ranges either list keeps. Beyond it the lowest are forgotten: their numbers stay
  /// counted in `forgottenCount`.
  static let rangeCountMax = 4096
  /// Missing numbers whose place was forgotten.
  public private(set) var forgottenCount: UInt64 = 0

  /// - Parameter start: the number that the series begins with; nil accepts any, for a receiver
  ///   that came late.
  public init(start: UInt64? = nil) { next = start }

  /// How many numbers are missing without a word of the sender.
  public var missingCount: UInt64 {
    holes.reduce(forgottenCount) { $0 + ($1.upperBound - $1.lowerBound) }
  }

  /// Takes note of a number. False when it was a duplicate, or the greatest of all, which has no
  /// next and which no sender reaches.
  @discardableResult
  public mutating func receive(_ number: UInt64) -> Bool {
    guard number < .max else { return false }
    receivedCount += 1
    let expected = next ?? number
    if number >= expected {
      if number > expected { open(expected..<number) }
      next = number + 1
      return true
    }
    if Self.remove(number..<number + 1, from: &holes) > 0 { return true }
    // A sender may give up on a number and send it after all: no duplicate.
    if Self.remove(number..<number + 1, from: &explained) > 0 { return true }
    receivedCount -= 1
    duplicateCount += 1
    return false
  }

  /// Takes note that the sender itself says that these numbers will never come.
  public mutating func explain(first: UInt64, count: UInt64) {
    guard count > 0 else { return }
    let (end, overflow) = first.addingReportingOverflow(count)
    let range = first..<(overflow ? .max : end)
    Self.remove(range, from: &holes)
    Self.remove(range, from: &explained)
    let index = explained.firstIndex { $0.lowerBound > range.lowerBound } ?? explained.count
    explained.insert(range, at: index)
    if explained.count > Self.rangeCountMax { explained.removeFirst() }
  }

  /// The receiver itself was away: what is missing until the next number says nothing.
  public mutating func resume() { next = nil }

  /// Adds a hole, less what was explained before.
  private mutating func open(_ range: Range<UInt64>) {
    var rest = [range]
    for known in explained where known.overlaps(range) {
      Self.remove(known, from: &rest)
    }
    holes += rest
    while holes.count > Self.rangeCountMax {
      let lost = holes.removeFirst()
      forgottenCount += lost.upperBound - lost.lowerBound
    }
  }

  /// Takes a range out of a list of ranges; returns how many numbers that removed.
  @discardableResult
  private static func remove(
    _ range: Range<UInt64>, from list: inout [Range<UInt64>]
  ) -> UInt64 {
    guard list.contains(where: { $0.overlaps(range) }) else { return 0 }
    var removed: UInt64 = 0
    var rest: [Range<UInt64>] = []
    for one in list {
      guard one.overlaps(range) else {
        rest.append(one)
        continue
      }
      let cut = one.clamped(to: range)
      removed += cut.upperBound - cut.lowerBound
      if one.lowerBound < cut.lowerBound { rest.append(one.lowerBound..<cut.lowerBound) }
      if cut.upperBound < one.upperBound { rest.append(cut.upperBound..<one.upperBound) }
    }
    list = rest
    return removed
  }
}
