import CLinux

extension PrivateMapping {
  /// For what nobody else may ever see: the pages are not swapped out, as far as the process may
  /// lock memory (mlock(2)), and are in no core dump (madvise(2), MADV_DONTDUMP). A child that is
  /// forked has them too; as long as nobody writes there they are the same pages.
  public func keepSecret() {
    // Safe: exactly the mapping. A failure leaves the memory as it was.
    _ = unsafe mlock(base, byteCount)
    _ = unsafe madvise(base, byteCount, MADV_DONTDUMP)
  }

  /// Makes these bytes zeroes, also where nobody reads them afterwards. Traps on bytes outside.
  public func wipe(offset: Int, byteCount: Int) {
    precondition(offset >= 0 && byteCount >= 0 && offset <= self.byteCount - byteCount)
    // Safe: inside of the mapping.
    unsafe explicit_bzero(base + offset, byteCount)
  }

  /// Where it lies, for what a process may do there (`MemoryAccess`).
  public var address: UInt { unsafe UInt(bitPattern: base) }
}

extension FileDescriptor {
  /// What others than the owner may do with the file: the lower six bits of its mode (fstat(2)).
  public func accessOfOthers() throws(SystemError) -> UInt32 {
    var status = stat()
    // Safe: the structure outlives the call.
    guard unsafe fstat(number, &status) == 0 else { throw .last("fstat") }
    return UInt32(status.st_mode) & 0o077
  }
}

/// Bytes that nobody can guess (getrandom(2)); at most 256.
public func fillWithRandomBytes(_ bytes: UnsafeMutableRawBufferPointer) throws(SystemError) {
  // Safe: exactly this memory is filled.
  guard unsafe weir_random_bytes(bytes.baseAddress, bytes.count) == 0 else {
    throw .last("getrandom")
  }
}

/// The value of a variable of this process's environment (getenv(3)); nil where it is not set.
public func environmentValue(_ name: StaticString) -> String? {
  precondition(name.hasPointerRepresentation)
  // Safe: a literal is terminated, and the value is copied at once.
  return unsafe name.utf8Start.withMemoryRebound(
    to: CChar.self, capacity: name.utf8CodeUnitCount + 1
  ) { name in
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }
}
