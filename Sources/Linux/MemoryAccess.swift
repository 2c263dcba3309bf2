import CLinux

/// What this process may do with some pages of its memory.
public struct MemoryAccess: Sendable {
  public enum Kind: Equatable, Sendable {
    case readWrite
    case readOnly
    /// Unmapped: nothing is there any more.
    case none
  }

  /// On a page.
  public let address: UInt
  /// Whole pages.
  public let byteCount: Int
  public let kind: Kind

  public init(address: UInt, byteCount: Int, kind: Kind) {
    self.address = address
    self.byteCount = byteCount
    self.kind = kind
  }

  /// Takes from this process what the access does not give (mprotect(2), munmap(2)). Nothing may
  /// use the memory in another way from then on.
  public func apply() throws(SystemError) {
    let memory = unsafe UnsafeMutableRawPointer(bitPattern: address)
    switch kind {
    case .readWrite: break
    case .readOnly:
      // Safe: the caller says that nobody writes there any more; the kernel checks the range.
      guard unsafe mprotect(memory, byteCount, PROT_READ) == 0 else { throw .last("mprotect") }
    case .none:
      // Safe: the caller says that nobody looks there any more.
      guard unsafe munmap(memory, byteCount) == 0 else { throw .last("munmap") }
    }
  }
}
