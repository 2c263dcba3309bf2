// Seeds: what random tests of all modules share. A run prints its seed, and replays with it.

import Glibc

/// The reproducible random numbers of a test (SplitMix64, Steele, Lea and Flood 2014).
public struct SeededRandom: RandomNumberGenerator {
  public var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// The seed of a random test: new in each run, printed, and replayed with WEIR_SEED=….
public func testSeed(_ name: String) -> UInt64 {
  let seed = seedToReplay() ?? UInt64.random(in: 0...999_999)
  print("\(name): seed \(seed); replay with WEIR_SEED=\(seed)")
  return seed
}

private func seedToReplay() -> UInt64? {
  // Safe: nobody changes the environment; getenv returns nil or a string.
  guard let text = unsafe getenv("WEIR_SEED") else { return nil }
  return unsafe UInt64(String(cString: text))
}
