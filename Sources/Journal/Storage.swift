/// Why a storage did not do what it was asked.
public enum StorageError: Error, Equatable, Sendable {
  /// The medium failed (EIO). After a failed `synchronize` nothing is known of what was written
  /// since the last one that succeeded.
  case failed
  /// No room (ENOSPC, EDQUOT): a preallocated file meets it only where its file system copies on
  /// write.
  case noSpace
  /// The file system has become read-only (EROFS), as ext4 does after an error of its own.
  case readOnly
  /// Fewer bytes were moved than asked: of a read, the file is shorter than it was.
  case short(byteCount: Int)
  /// Anything else, by the kernel's number.
  case other(Int32)
}

/// What a journal lies on: a file, or a simulated disk. It is as large as the journal from the
/// beginning. One writer; offsets and sizes are multiples of 512, the sector that no power cut
/// tears.
public protocol Storage: ~Copyable {
  /// In bytes.
  var byteCount: Int64 { get }

  /// Fills all of `bytes` from `offset` on.
  mutating func read(into bytes: Bytes, at offset: Int64) throws(StorageError)

  /// Writes all of `bytes` at `offset`. Until `synchronize` has returned it may be on the medium,
  /// or not, or in part.
  mutating func write(_ bytes: Bytes, at offset: Int64) throws(StorageError)

  /// All that was written before is on the medium when this returns. If it throws, nothing is
  /// known, and asking again would prove nothing: the kernel marks pages that it failed to write
  /// as clean (fsyncgate, 2018).
  mutating func synchronize() throws(StorageError)
}
