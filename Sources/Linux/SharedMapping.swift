import CLinux

/// Zero-filled memory that this process shares with all that it forks (mmap(2), MAP_SHARED and
/// MAP_ANONYMOUS), at the same address in each of them.
@safe public struct SharedMapping: ~Copyable {
  public let base: UnsafeMutableRawPointer
  public let byteCount: Int

  /// `byteCount` is rounded up to whole pages. All of it is there at once (MAP_POPULATE):
  /// what the tasks need is taken at start, and does not grow as they use it.
  public init(byteCount: Int) throws(SystemError) {
    precondition(byteCount > 0)
    let page = System.pageByteCount
    let rounded = (byteCount + page - 1) & ~(page - 1)
    let memory = unsafe mmap(
      nil, rounded, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)
    // Safe: mmap returns MAP_FAILED (all ones) or a mapping of that size.
    guard let memory = unsafe memory, Int(bitPattern: memory) != -1 else {
      throw .last("mmap")
    }
    unsafe base = memory
    self.byteCount = rounded
  }

  deinit {
    // Safe: nobody uses the memory after its owner's life.
    _ = unsafe munmap(base, byteCount)
  }
}

extension System {
  /// The size of a page of memory: 4 KiB, or 16 KiB on a Raspberry Pi 5 with its own kernel
  /// (sysconf(3), _SC_PAGESIZE).
  public static var pageByteCount: Int { sysconf(Int32(_SC_PAGESIZE)) }
}
