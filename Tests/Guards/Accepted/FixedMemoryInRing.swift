// module: Ring

/// The twin of the refused probes: the same sum, in memory of a fixed size.
public func guardProbe(_ value: Int64) -> Int64 {
  var values = InlineArray<8, Int64>(repeating: 0)
  values[0] = value
  var sum: Int64 = 0
  for index in values.indices { sum &+= values[index] }
  return sum
}
