// What all benchmarks share: samples with their quantiles, and the columns of a printed table.

/// The measurements of one contender.
public struct Samples {
  private var values: [Double] = []

  public init() {}

  public mutating func add(_ value: Double) { values.append(value) }

  public subscript(index: Int) -> Double { values[index] }
  public var count: Int { values.count }

  /// The value that `share` of the samples do not exceed. Traps if there are none.
  public func quantile(_ share: Double) -> Double {
    // Insertion sort: some hundreds of values at most.
    var sorted = values
    var index = 1
    while index < sorted.count {
      var place = index
      while place > 0 && sorted[place - 1] > sorted[place] {
        sorted.swapAt(place - 1, place)
        place -= 1
      }
      index += 1
    }
    return sorted[min(Int(share * Double(sorted.count)), sorted.count - 1)]
  }

  public var median: Double { quantile(0.5) }
}
