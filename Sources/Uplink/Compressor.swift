import CZstd

/// Compresses messages with zstd (RFC 8878), in memory that is taken once: none is allocated for a
/// message.
@safe final class Compressor {
  /// What the context and its tables take at most, in bytes.
  static let memoryByteCountMax = 300_000
  /// A window of 32 KiB: a message is hardly longer, and a block is no longer than the window.
  private static let windowLog: Int32 = 15
  /// Tables of 2¹³ entries of 4 bytes: a message has no more different places that are worth it.
  private static let tableLog: Int32 = 13

  private let context: OpaquePointer
  private let workspace: UnsafeMutableRawPointer
  /// All that was taken, in bytes.
  let memoryByteCount: Int
  private let output: UnsafeMutablePointer<UInt8>
  private let outputByteCount: Int
  private var count = 0

  /// For messages of so many bytes. Nil if there is no memory, or libzstd wants more than it may
  /// have.
  init?(messageByteCountMax: Int) {
    let parameters = ZSTD_compressionParameters(
      windowLog: UInt32(Self.windowLog), chainLog: UInt32(Self.tableLog),
      hashLog: UInt32(Self.tableLog), searchLog: 1, minMatch: 5, targetLength: 0,
      strategy: ZSTD_dfast)
    let needed = ZSTD_estimateCCtxSize_usingCParams(parameters)
    guard ZSTD_isError(needed) == 0, needed <= Self.memoryByteCountMax else { return nil }
    // Safe: freed in deinit; libzstd wants a multiple of 8.
    let workspace = UnsafeMutableRawPointer.allocate(byteCount: needed, alignment: 64)
    guard let context = unsafe ZSTD_initStaticCCtx(workspace, needed) else {
      unsafe workspace.deallocate()
      return nil
    }
    unsafe self.workspace = unsafe workspace
    unsafe self.context = unsafe context
    memoryByteCount = needed
    // What is not smaller is not sent.
    outputByteCount = max(messageByteCountMax, 1)
    unsafe output = .allocate(capacity: outputByteCount)
    for (parameter, value) in [
      (ZSTD_c_windowLog, Self.windowLog), (ZSTD_c_hashLog, Self.tableLog),
      (ZSTD_c_chainLog, Self.tableLog), (ZSTD_c_searchLog, 1), (ZSTD_c_minMatch, 5),
      (ZSTD_c_strategy, Int32(ZSTD_dfast.rawValue)),
    ] {
      // Safe: the context lives as long as this object. The values are inside of libzstd's bounds.
      let result = unsafe ZSTD_CCtx_setParameter(context, parameter, value)
      precondition(ZSTD_isError(result) == 0)
    }
  }

  deinit {
    // Safe: allocated in init; a static context needs no other end.
    unsafe workspace.deallocate()
    unsafe output.deallocate()
  }

  /// Compresses a message into this object's memory. False if that saves less than `byteCount`
  /// bytes.
  func compress(_ message: UnsafeBufferPointer<UInt8>, saving byteCount: Int) -> Bool {
    let room = min(message.count - byteCount, outputByteCount)
    guard room > 0 else { return false }
    // Safe: both pieces of memory outlive the call, and their sizes are given.
    let result = unsafe ZSTD_compress2(context, output, room, message.baseAddress, message.count)
    guard ZSTD_isError(result) == 0 else { return false }
    count = result
    return true
  }

  /// The message that was compressed last, for a call that only borrows it.
  func withBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
    // Safe: exactly what libzstd wrote, in memory that lives as long as this object.
    unsafe body(UnsafeBufferPointer(start: output, count: count))
  }
}
