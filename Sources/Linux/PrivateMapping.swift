import CLinux

/// Zero-filled memory of this process alone (mmap(2), MAP_PRIVATE and MAP_ANONYMOUS). A page of it
/// takes memory from the moment on in which it is first written, and none any more when the mapping
/// ends: what malloc(3) gives can do neither.
@safe public struct PrivateMapping: ~Copyable {
  public let base: UnsafeMutableRawPointer
  public let byteCount: Int

  /// `byteCount` is above 0, and rounded up to whole pages.
  public init(byteCount: Int) throws(SystemError) {
    precondition(byteCount > 0)
    let page = System.pageByteCount
    let rounded = (byteCount + page - 1) & ~(page - 1)
    let memory = unsafe mmap(
      nil, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
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

  /// Gives back the whole pages inside of these bytes, which are zero from then on (madvise(2),
  /// MADV_DONTNEED). Traps on bytes outside.
  public func forget(offset: Int, byteCount: Int) {
    precondition(offset >= 0 && byteCount >= 0 && offset <= self.byteCount - byteCount)
    let page = System.pageByteCount
    let begin = (offset + page - 1) & ~(page - 1)
    let end = (offset + byteCount) & ~(page - 1)
    guard end > begin else { return }
    // Safe: inside of the mapping. A failure leaves the pages as they are.
    _ = unsafe madvise(base + begin, end - begin, MADV_DONTNEED)
  }
}
