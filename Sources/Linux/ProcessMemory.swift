extension ProcessID {
  /// The memory of the process, where a page that n processes share counts one nth in each: the PSS
  /// of /proc/PID/smaps_rollup (proc_pid_smaps(5)), in KiB. Nil for a process that is gone.
  public var proportionalKibibytes: Int? {
    do {
      return proportionalSize(try readFile("/proc/\(number)/smaps_rollup", limit: 16_384))
    } catch {
      return nil
    }
  }
}

/// The number behind `Pss:` at the begin of a line.
func proportionalSize(_ text: [UInt8]) -> Int? {
  for line in text.split(separator: 0x0a) where line.starts(with: "Pss:".utf8) {
    var size = 0
    for byte in line where byte >= 0x30 && byte <= 0x39 { size = size &* 10 &+ Int(byte - 0x30) }
    return size
  }
  return nil
}
