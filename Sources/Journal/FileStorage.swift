import CLinux
import Linux
import Ring

/// A journal's file, whose blocks are all there already: writing changes no metadata, so that
/// `fdatasync` writes data and nothing else.
public struct FileStorage: ~Copyable, Storage {
  /// How long one call may take, in ns. Linux waits for a card that is busy with itself for 10 s in
  /// a request and for 30 s while it writes its cache, and then resets it (MMC_BLK_TIMEOUT_MS and
  /// MMC_CACHE_FLUSH_TIMEOUT_MS in drivers/mmc/core). Nothing ends a task earlier that waits there,
  /// not even SIGKILL: to count it as lost would reset a board whose card only needed its time.
  public static var patience: Int64 { 30_000_000_000 }

  private let file: FileDescriptor
  public let byteCount: Int64
  /// Where each call is shown as a sign of life: a journal that is opened is read as a whole, which
  /// takes a slow card seconds.
  public var life: SignOfLife?

  /// What is shown before and after each call, in the step that the task is in.
  public struct SignOfLife: Sendable {
    let slot: TaskSlot
    /// How long the work after a call may take, in ns.
    let limit: Int64

    public init(_ slot: TaskSlot, limit: Int64) {
      self.slot = slot
      self.limit = limit
    }

    fileprivate func beat(within limit: Int64) {
      slot.beat(step: slot.step, now: Clock.boot(), within: limit)
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
    // Safe: exactly this memory is filled.
    let count = onMedium {
      retryingCall { unsafe pread(file.number, bytes.base, bytes.count, Int(offset)) }
    }
    guard count >= 0 else { throw lastStorageError() }
    guard count == bytes.count else { throw .short(byteCount: count) }
  }

  public mutating func write(_ bytes: Bytes, at offset: Int64) throws(StorageError) {
    // Safe: exactly this memory is read.
    let count = onMedium {
      retryingCall { unsafe pwrite(file.number, bytes.base, bytes.count, Int(offset)) }
    }
    guard count >= 0 else { throw lastStorageError() }
    guard count == bytes.count else { throw .short(byteCount: count) }
  }

  public mutating func synchronize() throws(StorageError) {
    // Not repeated, whatever the reason: see Storage.
    guard onMedium({ fdatasync(file.number) }) == 0 else { throw lastStorageError() }
  }

  /// Leaves errno as the call did.
  private func onMedium<T>(_ call: () -> T) -> T {
    guard let life else { return call() }
    life.beat(within: Self.patience)
    let result = call()
    life.beat(within: life.limit)
    return result
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
