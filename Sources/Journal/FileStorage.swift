import CLinux
import Linux
import Ring

/// A journal's file, whose blocks are all there already: writing changes no metadata, so that
/// `fdatasync` writes data and nothing else.
public struct FileStorage: ~Copyable, Storage {
  private let file: FileDescriptor
  public let byteCount: Int64
  /// Where each read is shown as a sign of life: a journal that is opened is read as a whole, which
  /// takes a slow card seconds.
  public var life: SignOfLife?

  /// What is shown of a read, before it.
  public struct SignOfLife: Sendable {
    let slot: TaskSlot
    let step: UInt64
    /// How long one read may take, in ns.
    let limit: Int64

    public init(_ slot: TaskSlot, step: UInt64, limit: Int64) {
      self.slot = slot
      self.step = step
      self.limit = limit
    }
  }

  /// Takes over a file of `byteCount` bytes.
  public init(_ file: consuming FileDescriptor, byteCount: Int64) {
    precondition(byteCount >= 0)
    self.file = file
    self.byteCount = byteCount
  }

  /// Gives the file back.
  public consuming func release() -> FileDescriptor { file }

  public mutating func read(into bytes: Bytes, at offset: Int64) throws(StorageError) {
    if let life { life.slot.beat(step: life.step, now: Clock.boot(), within: life.limit) }
    // Safe: exactly this memory is filled.
    let count = retryingCall { unsafe pread(file.number, bytes.base, bytes.count, Int(offset)) }
    guard count >= 0 else { throw lastStorageError() }
    guard count == bytes.count else { throw .short(byteCount: count) }
  }

  public mutating func write(_ bytes: Bytes, at offset: Int64) throws(StorageError) {
    // Safe: exactly this memory is read.
    let count = retryingCall { unsafe pwrite(file.number, bytes.base, bytes.count, Int(offset)) }
    guard count >= 0 else { throw lastStorageError() }
    guard count == bytes.count else { throw .short(byteCount: count) }
  }

  public mutating func synchronize() throws(StorageError) {
    // Not repeated, whatever the reason: see Storage.
    guard fdatasync(file.number) == 0 else { throw lastStorageError() }
  }
}

/// Repeats a call that a signal interrupted, at most 1,000 times.
private func retryingCall(_ call: () -> Int) -> Int {
  var result = call()
  var attempts = 0
  while result == -1, weir_errno() == EINTR, attempts < 1000 {
    result = call()
    attempts += 1
  }
  return result
}

private func lastStorageError() -> StorageError {
  switch weir_errno() {
  case EIO: .failed
  case ENOSPC, EDQUOT: .noSpace
  case EROFS: .readOnly
  case let number: .other(number)
  }
}
