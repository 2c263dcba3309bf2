import CLinux

/// The CRC32C of the bytes (RFC 3720, appendix B.4), by the processor's instruction where it has
/// one.
public func checksum(_ bytes: Bytes) -> UInt32 {
  // Safe: exactly this memory is read.
  unsafe weir_crc32c(0, bytes.base, bytes.count)
}
