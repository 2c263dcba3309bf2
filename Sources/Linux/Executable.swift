import CLinux

/// The path of the running program (readlink(2) of /proc/self/exe); nil without /proc.
public func executablePath() -> String? {
  var buffer = [CChar](repeating: 0, count: 4096)
  let count = buffer.count
  // Safe: the kernel writes at most `count` bytes into the buffer, which outlives the call.
  let length = unsafe buffer.withUnsafeMutableBufferPointer {
    unsafe readlink("/proc/self/exe", $0.baseAddress.unsafelyUnwrapped, count)
  }
  guard length > 0, length < count else { return nil }
  return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
