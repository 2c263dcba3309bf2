/// Plausible weather from a seed: every value is a function of seed and time alone, so a run
/// replays.
///
/// It is value noise: numbers drawn for the corners of a grid in time, with smooth passages between
/// them, in three grids of 20 min, 2 min and 7 s that matter less and less.
struct Weather: Sendable {
  let seed: UInt64

  /// Degrees Celsius, 14 to 28.
  func temperature(at time: Int64) -> Double {
    21 + 6 * noise(1, time, 1_200_000_000_000) + 0.8 * noise(2, time, 120_000_000_000)
      + 0.1 * noise(3, time, 7_000_000_000)
  }

  /// Pascal, 99,000 to 103,000.
  func pressure(at time: Int64) -> Double {
    101_000 + 1_500 * noise(4, time, 1_200_000_000_000) + 60 * noise(5, time, 120_000_000_000)
      + 4 * noise(6, time, 7_000_000_000)
  }

  /// −1 to 1, of grid `kind` with corners every `grid` ns.
  private func noise(_ kind: UInt64, _ time: Int64, _ grid: Int64) -> Double {
    let cell = time / grid
    let part = Double(time % grid) / Double(grid)
    let a = corner(kind, cell)
    let b = corner(kind, cell + 1)
    return a + (b - a) * part * part * (3 - 2 * part)
  }

  private func corner(_ kind: UInt64, _ cell: Int64) -> Double {
    let bits = mixed(mixed(seed &+ kind) ^ UInt64(bitPattern: cell))
    return Double(bits >> 11) / Double(1 << 52) - 1
  }
}

/// Spreads the bits of a number over all 64 (the finalizer of splitmix64: Steele, Lea, Flood,
/// "Fast splittable pseudorandom number generators", 2014).
func mixed(_ value: UInt64) -> UInt64 {
  var bits = value &+ 0x9e37_79b9_7f4a_7c15
  bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
  bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
  return bits ^ (bits >> 31)
}

/// The largest integer that is not above `value`. The library's own rounding wants libm, which
/// Embedded objects don't ask the linker for.
func floored(_ value: Double) -> Int {
  let integer = Int(value)
  return Double(integer) > value ? integer - 1 : integer
}
