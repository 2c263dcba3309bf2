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

/// Memory of this process.
public enum ProcessMemory {
  /// What it can write and shares with nobody, its stack included, in bytes (/proc/self/statm,
  /// proc_pid_statm(5)); 0 where that can't be known.
  public static var dataByteCount: UInt64 {
    guard let text = try? readFile("/proc/self/statm", limit: 256) else { return 0 }
    let fields = text.split(separator: UInt8(ascii: " "))
    guard fields.count > 5, let pages = decimalNumber(Array(fields[5]), digitCountMax: 12) else {
      return 0
    }
    return pages * UInt64(System.pageByteCount)
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
