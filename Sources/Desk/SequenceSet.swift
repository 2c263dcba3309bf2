/// A set of sequence numbers as ascending ranges, none of which touches the next. A series without
/// holes is one range, however long it is.
public struct SequenceSet: Equatable, Sendable {
  /// Ascending, disjoint, with a hole between any two.
  public private(set) var ranges: [ClosedRange<UInt64>] = []

  public init() {}

  /// The set of ranges in any order, overlapping or not.
  public init(_ ranges: some Sequence<ClosedRange<UInt64>>) {
    for range in ranges { insert(range) }
  }

  public var first: UInt64? { ranges.first?.lowerBound }
  public var last: UInt64? { ranges.last?.upperBound }

  /// How many numbers there are; at most `UInt64.max`.
  public var count: UInt64 { ranges.reduce(0) { cappedSum($0, $1.numberCount) } }

  public func contains(_ number: UInt64) -> Bool {
    let index = indexOfFirst(endingFrom: number)
    return index < ranges.count && ranges[index].lowerBound <= number
  }

  /// Adds a number; false when it was there. Constant time at the end, O(log n) to find another
  /// place, O(n) when a hole opens or closes.
  @discardableResult
  public mutating func insert(_ number: UInt64) -> Bool {
    if contains(number) { return false }
    insert(number...number)
    return true
  }

  /// Adds all numbers of a range.
  public mutating func insert(_ range: ClosedRange<UInt64>) {
    // Whom it touches becomes one with it.
    let low = range.lowerBound == 0 ? 0 : range.lowerBound - 1
    let high = range.upperBound == .max ? .max : range.upperBound + 1
    let begin = indexOfFirst(endingFrom: low)
    var end = begin
    var whole = range
    while end < ranges.count, ranges[end].lowerBound <= high {
      whole =
        min(
          whole.lowerBound, ranges[end].lowerBound)...max(
          whole.upperBound, ranges[end].upperBound)
      end += 1
    }
    ranges.replaceSubrange(begin..<end, with: CollectionOfOne(whole))
  }

  /// The numbers of a range that are not in the set, as ascending ranges.
  public func missing(in range: ClosedRange<UInt64>) -> [ClosedRange<UInt64>] {
    var result: [ClosedRange<UInt64>] = []
    var next = range.lowerBound
    var index = indexOfFirst(endingFrom: next)
    while index < ranges.count, ranges[index].lowerBound <= range.upperBound {
      let one = ranges[index]
      if one.lowerBound > next { result.append(next...one.lowerBound - 1) }
      guard one.upperBound < range.upperBound else { return result }
      next = one.upperBound + 1
      index += 1
    }
    result.append(next...range.upperBound)
    return result
  }

  /// How many numbers of a range are not in the set.
  public func missingCount(in range: ClosedRange<UInt64>) -> UInt64 {
    missing(in: range).reduce(0) { cappedSum($0, $1.numberCount) }
  }

  /// Where the first range is that ends at the number or behind it.
  private func indexOfFirst(endingFrom number: UInt64) -> Int {
    if let last = ranges.last, last.upperBound < number { return ranges.count }
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < number { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension ClosedRange<UInt64> {
  /// How many numbers it has; at most `UInt64.max`.
  var numberCount: UInt64 { cappedSum(upperBound - lowerBound, 1) }
}

/// The sum of two counts, at most the greatest number: what comes from the network must not trap.
func cappedSum(_ a: UInt64, _ b: UInt64) -> UInt64 {
  let (result, overflow) = a.addingReportingOverflow(b)
  return overflow ? .max : result
}
