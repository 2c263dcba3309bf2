import Ring

/// The median of the last `width` values.
///
/// State: 8 bytes (count, index of the oldest), then `width` values in the order of arrival, then
/// the same values sorted. Until `width` values have come the median is that of those there are,
/// and of an even number the lower one of the middle two: what passes on is always a value that was
/// read.
///
/// After a window the result is a plain value: a window's minimum, maximum and count say
/// nothing of a filtered mean.
@safe struct MedianFilter {
  private let width: Int
  private let header: UnsafeMutablePointer<Header>
  private let arrivals: UnsafeMutablePointer<Double>
  private let sorted: UnsafeMutablePointer<Double>

  private struct Header: BitwiseCopyable {
    var count: UInt32
    var oldest: UInt32
  }

  static func stateByteCount(width: Int) -> Int { 8 + 2 * 8 * width }

  /// The caller gives `stateByteCount(width:)` bytes, aligned to 8, that outlive the filter.
  init(state: UnsafeMutableRawPointer, width: Int) {
    self.width = width
    // Safe: the three parts lie side by side inside the bytes that the caller gave, aligned.
    unsafe header = state.bindMemory(to: Header.self, capacity: 1)
    unsafe arrivals = (state + 8).bindMemory(to: Double.self, capacity: width)
    unsafe sorted = (state + 8 + 8 * width).bindMemory(to: Double.self, capacity: width)
  }

  /// Takes a finite value and gives the median. At most 2 × `width` steps.
  func add(_ value: Double) -> Double {
    // Safe: the counts below are at most `width`, checked here once, and each index is below them.
    var state = unsafe header.pointee
    var count = Int(state.count)
    precondition(count <= width && Int(state.oldest) < width)
    if count == width {
      unsafe remove(arrivals[Int(state.oldest)], from: count)
      count -= 1
    }
    unsafe arrivals[Int(state.oldest)] = value
    insert(value, into: count)
    count += 1
    state.count = UInt32(count)
    state.oldest = state.oldest + 1 == width ? 0 : state.oldest + 1
    unsafe header.pointee = state
    return unsafe sorted[(count - 1) / 2]
  }

  private func insert(_ value: Double, into count: Int) {
    var index = count
    // Safe: index runs from count (< width) down to 1.
    while index > 0, unsafe sorted[index - 1] > value {
      unsafe sorted[index] = sorted[index - 1]
      index -= 1
    }
    unsafe sorted[index] = value
  }

  private func remove(_ value: Double, from count: Int) {
    var index = 0
    // Safe: index stays below count - 1, and index + 1 below count (≤ width). The value is there:
    // every value in `arrivals` was inserted once.
    while index < count - 1, unsafe sorted[index] != value { index += 1 }
    while index < count - 1 {
      unsafe sorted[index] = sorted[index + 1]
      index += 1
    }
  }

  func apply(_ event: inout Event) -> StageOutcome {
    event.value = add(event.value)
    event.becomePlainValue()
    return .passed
  }
}

extension Event {
  /// Forgets what only windows and edges have: the value is now a computed one.
  mutating func becomePlainValue() {
    kind = .value
    minimum = 0
    maximum = 0
    span = 0
    count = 1
  }
}
