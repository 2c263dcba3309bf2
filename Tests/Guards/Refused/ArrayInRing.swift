// module: Ring
// refused: error: cannot use allocating (type|operation) .* in -no-allocations mode

/// An array lives on the heap: no reading may be stored in one.
public func guardProbe(_ value: Int64) -> Int64 {
  var values: [Int64] = []
  values.append(value)
  return values.reduce(0, &+)
}
