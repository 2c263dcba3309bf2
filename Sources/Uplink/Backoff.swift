/// How long to wait before the next attempt: a ceiling that starts at 0.5 s and doubles up to a
/// maximum, and a random pause below it ("full jitter"), so that a thousand gateways do not come
/// back at the same moment to a broker that was restarted.
public struct Backoff {
  /// Nanoseconds.
  public static let ceilingFirst: Int64 = 500_000_000
  /// No pause is shorter than this: even a lucky number must not hammer. Nanoseconds.
  public static let pauseMin: Int64 = 50_000_000

  private var ceiling: Int64 = Backoff.ceilingFirst
  private let ceilingMax: Int64
  private var random: UInt64

  /// `ceilingMax` in nanoseconds; `seed` may be anything.
  public init(ceilingMax: Int64, seed: UInt64) {
    self.ceilingMax = max(ceilingMax, Backoff.pauseMin)
    random = seed == 0 ? 1 : seed
  }

  /// The pause before the next attempt, in nanoseconds, at most `limit`.
  public mutating func next(limit: Int64 = .max) -> Int64 {
    // xorshift64: spreads pauses, nothing more.
    random ^= random << 13
    random ^= random >> 7
    random ^= random << 17
    let bound = max(min(ceiling, ceilingMax, limit), Backoff.pauseMin)
    ceiling = min(ceiling * 2, ceilingMax)
    return Backoff.pauseMin + Int64(random % UInt64(bound - Backoff.pauseMin + 1))
  }

  /// After an attempt that worked.
  public mutating func reset() { ceiling = Backoff.ceilingFirst }
}
