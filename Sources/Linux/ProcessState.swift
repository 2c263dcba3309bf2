extension ProcessID {
  /// Whether it waits in the kernel where no signal reaches it: state D of /proc/PID/stat
  /// (proc_pid_stat(5)). False for a process that is gone, and where that can't be known.
  public var waitsUninterruptibly: Bool {
    guard let text = try? readFile("/proc/\(number)/stat", limit: 1024) else { return false }
    return processState(text) == UInt8(ascii: "D")
  }
}

/// The letter behind the name, which is in parentheses and may hold some.
func processState(_ text: [UInt8]) -> UInt8? {
  guard let end = text.lastIndex(of: UInt8(ascii: ")")), end + 2 < text.count else { return nil }
  return text[end + 2]
}
