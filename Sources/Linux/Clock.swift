import CLinux

/// The kernel's clocks, in nanoseconds. One second is 1_000_000_000.
public enum Clock {
  /// Since boot, also counting suspension: the time of every reading (clock_gettime(2),
  /// CLOCK_BOOTTIME).
  public static func boot() -> Int64 { read(CLOCK_BOOTTIME) }

  /// Since some start, never set back (CLOCK_MONOTONIC): GPIO edge timestamps use it, and
  /// durations.
  public static func monotonic() -> Int64 { read(CLOCK_MONOTONIC) }

  /// Since 1970-01-01 UTC (CLOCK_REALTIME); may be wrong and may jump.
  public static func real() -> Int64 { read(CLOCK_REALTIME) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    // Safe: the structure outlives the call. The call can fail only for a clock that does not
    // exist.
    let result = unsafe clock_gettime(clock, &time)
    precondition(result == 0)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
