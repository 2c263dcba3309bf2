import CLinux

/// An open file descriptor, closed at the end of its life. Every descriptor is close-on-exec.
@frozen public struct FileDescriptor: ~Copyable {
  /// The number, for calls that only borrow it.
  public let number: Int32

  /// Takes over a descriptor that somebody else opened.
  public init(owning number: Int32) {
    precondition(number >= 0)
    self.number = number
  }

  deinit {
    // A failed close leaves nothing to do: on Linux the descriptor is gone in every case.
    _ = close(number)
  }

  /// Gives the descriptor up without closing it.
  public consuming func release() -> Int32 {
    let number = self.number
    discard self
    return number
  }
}

/// How a file is opened (open(2)).
public struct OpenFlags: OptionSet, Sendable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }
  public static var readOnly: OpenFlags { OpenFlags(rawValue: O_RDONLY) }
  public static var writeOnly: OpenFlags { OpenFlags(rawValue: O_WRONLY) }
  public static var readWrite: OpenFlags { OpenFlags(rawValue: O_RDWR) }
  public static var create: OpenFlags { OpenFlags(rawValue: O_CREAT) }
  public static var exclusive: OpenFlags { OpenFlags(rawValue: O_EXCL) }
  public static var truncate: OpenFlags { OpenFlags(rawValue: O_TRUNC) }
  public static var append: OpenFlags { OpenFlags(rawValue: O_APPEND) }
  public static var nonBlocking: OpenFlags { OpenFlags(rawValue: O_NONBLOCK) }
  public static var directory: OpenFlags { OpenFlags(rawValue: O_DIRECTORY) }
  public static var noControllingTerminal: OpenFlags { OpenFlags(rawValue: O_NOCTTY) }
}

extension FileDescriptor {
  /// Opens a file; `mode` counts only with `.create`.
  public init(
    opening path: String, _ flags: OpenFlags, mode: UInt32 = 0o644
  ) throws(SystemError) {
    let number = retrying {
      // Safe: the pointer is used only during the call.
      unsafe path.withCString { unsafe weir_open($0, flags.rawValue, mode) }
    }
    guard number >= 0 else { throw .last("open") }
    self.init(owning: number)
  }

  /// Opens a file that exists in a folder that is open, whoever may reach that folder by its path.
  public init(
    opening name: String, in folder: Int32, _ flags: OpenFlags
  ) throws(SystemError) {
    let number = retrying {
      // Safe: the pointer is used only during the call.
      unsafe name.withCString { unsafe weir_open_in(folder, $0, flags.rawValue) }
    }
    guard number >= 0 else { throw .last("openat") }
    self.init(owning: number)
  }

  /// Reads at most `buffer.count` bytes; 0 means the end of the file.
  public func read(into buffer: inout [UInt8]) throws(SystemError) -> Int {
    let count = retrying {
      // Safe: the buffer outlives the call and its size is given.
      unsafe buffer.withUnsafeMutableBytes { unsafe CLinux.read(number, $0.baseAddress, $0.count) }
    }
    guard count >= 0 else { throw .last("read") }
    return count
  }

  /// Reads at most `buffer.count` bytes into raw memory.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
    // Safe: the caller's buffer outlives the call and its size is given.
    let count = retrying { unsafe CLinux.read(number, buffer.baseAddress, buffer.count) }
    guard count >= 0 else { throw .last("read") }
    return count
  }

  /// Writes all the bytes, in as many calls as the kernel wants (at most one a byte).
  public func write(all bytes: [UInt8]) throws(SystemError) {
    var start = 0
    while start < bytes.count {
      let written = retrying {
        // Safe: the slice lies inside the array, which outlives the call.
        unsafe bytes.withUnsafeBytes {
          unsafe CLinux.write(number, $0.baseAddress.unsafelyUnwrapped + start, $0.count - start)
        }
      }
      guard written >= 0 else { throw .last("write") }
      guard written > 0 else { throw SystemError("write", .io) }
      start += written
    }
  }

  /// Forces the file's data to the medium (fsync(2)). After a failure nothing is known of the data.
  public func synchronize() throws(SystemError) {
    guard retrying({ fsync(number) }) == 0 else { throw .last("fsync") }
  }
}

/// Repeats a call that a signal interrupted, at most 1,000 times: a bound that no real storm of
/// signals reaches.
func retrying<R: FixedWidthInteger & SignedInteger>(_ call: () -> R) -> R {
  var result = call()
  var attempts = 0
  while result == -1, weir_errno() == EINTR, attempts < 1000 {
    result = call()
    attempts += 1
  }
  return result
}

extension FileDescriptor {
  /// Reads exactly `count` bytes at `offset`; a shorter file fails with EIO.
  public func read(count: Int, at offset: Int64) throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let got = retrying {
      // Safe: the buffer outlives the call and its size is given.
      unsafe bytes.withUnsafeMutableBytes {
        unsafe pread(number, $0.baseAddress, $0.count, Int(offset))
      }
    }
    guard got >= 0 else { throw .last("pread") }
    guard got == count else { throw SystemError("pread", .io) }
    return bytes
  }

  /// Writes all the bytes at `offset`, in one call; a short write fails with EIO.
  public func write(_ bytes: [UInt8], at offset: Int64) throws(SystemError) {
    let written = retrying {
      // Safe: the array outlives the call and its size is given.
      unsafe bytes.withUnsafeBytes { unsafe pwrite(number, $0.baseAddress, $0.count, Int(offset)) }
    }
    guard written >= 0 else { throw .last("pwrite") }
    guard written == bytes.count else { throw SystemError("pwrite", .io) }
  }

  /// The size of a block device, in bytes.
  public func deviceSize() throws(SystemError) -> Int64 {
    let size = weir_device_size(number)
    guard size >= 0 else { throw .last("ioctl BLKGETSIZE64") }
    return size
  }

  /// Tells the kernel the new extent of a partition of this disk, in bytes.
  public func resizePartition(
    _ partition: Int32, start: Int64, byteCount: Int64
  ) throws(SystemError) {
    guard weir_partition_resize(number, partition, start, byteCount) == 0 else {
      throw .last("ioctl BLKPG")
    }
  }

  /// Grows the mounted ext4 file system that this file lies in.
  public func resizeExt4(blockCount: UInt64) throws(SystemError) {
    guard weir_ext4_resize(number, blockCount) == 0 else {
      throw .last("ioctl EXT4_IOC_RESIZE_FS")
    }
  }
}

extension FileDescriptor {
  /// Locks the file for this process and its children (flock(2)). False when another process has
  /// it.
  public func lockExclusively() throws(SystemError) -> Bool {
    if flock(number, LOCK_EX | LOCK_NB) == 0 { return true }
    if weir_errno() == EWOULDBLOCK { return false }
    throw .last("flock")
  }
}

extension FileDescriptor {
  /// Makes this file the standard input, output and error of the process.
  ///
  /// A process that was started without them may have got one of their numbers for this file: that
  /// one stays open.
  public consuming func becomeStandard() throws(SystemError) {
    for standard in 0...2 as ClosedRange<Int32> {
      guard dup2(number, standard) == standard else { throw .last("dup2") }
    }
    if number <= 2 { _ = release() }
  }
}
