import CLinux

/// CRC-32C (RFC 3720, appendix B.4) of the bytes.
public func crc32c(_ bytes: ArraySlice<UInt8>) -> UInt32 {
  // Safe: the bytes outlive the call, and their number is given.
  unsafe bytes.withUnsafeBufferPointer { unsafe weir_crc32c(0, $0.baseAddress, $0.count) }
}
