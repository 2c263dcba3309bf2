// module: Sensors
// refused: error: cannot use allocating (type|operation) .* in -no-allocations mode

/// A closure that escapes keeps what it captures on the heap.
public func guardProbe(_ value: Int64) -> () -> Int64 {
  var sum = value
  return {
    sum &+= 1
    return sum
  }
}
