import CLinux

/// Sleeping on a 32-bit word in shared memory, and waking the sleeper (futex(2)).
public enum Futex {
  /// Sleeps while the word has the value `expected`, at most `timeoutNanoseconds` (negative: for
  /// ever). May return early; the caller looks at the word again.
  public static func wait(
    _ word: UnsafePointer<UInt32>, expected: UInt32, timeoutNanoseconds: Int64
  ) {
    // Safe: the caller's word lives in a mapping that outlives the call.
    _ = unsafe weir_futex_wait(word, expected, timeoutNanoseconds)
  }

  /// Wakes at most one sleeper.
  public static func wake(_ word: UnsafePointer<UInt32>) {
    // Safe: the kernel only uses the address as a key.
    _ = unsafe weir_futex_wake(word, 1)
  }
}

extension Futex {
  /// Sleeps for a while; a signal may end it early.
  public static func pause(nanoseconds: Int64) {
    var word: UInt32 = 0
    // Safe: the word outlives the call; nobody else knows it, so only the timeout ends the wait.
    unsafe wait(&word, expected: 0, timeoutNanoseconds: nanoseconds)
  }
}
