import CLinux

extension FileDescriptor {
  /// Reads from `offset` on, at most `into.count` bytes (pread(2)): how a file of sysfs, whose
  /// content is made when it is read from its beginning, is read again and again.
  public func read(at offset: Int, into: inout MutableSpan<UInt8>) throws(SystemError) -> Int {
    let number = self.number
    // Safe: the span outlives the call and its size is given.
    let count = unsafe into.withUnsafeMutableBytes { bytes in
      retrying { unsafe pread(number, bytes.baseAddress, bytes.count, off_t(offset)) }
    }
    guard count >= 0 else { throw .last("pread") }
    return count
  }
}

/// The absolute path without links, `.` and `..` (realpath(3)).
public func resolvedPath(_ path: String) throws(SystemError) -> String {
  // Safe: realpath gives nil, or a terminated string that is ours to free.
  guard let resolved = unsafe path.withCString({ unsafe realpath($0, nil) }) else {
    throw .last("realpath")
  }
  defer { unsafe free(resolved) }
  return unsafe String(cString: resolved)
}

/// Writes to a file of sysfs or procfs: one write(2), which is one command to the kernel.
public func writeCommand(_ text: String, to path: String) throws(SystemError) {
  let file = try FileDescriptor(opening: path, .writeOnly)
  try file.write(all: Array(text.utf8))
}
