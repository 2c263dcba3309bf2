import CSeal

/// The keys of a journal, in memory that somebody else owns, and that lives as long as any journal
/// or reader which uses them.
///
/// Any of them opens blocks. The first one also seals new ones, if `seals` says so: without it an
/// encrypted journal is read and goes on in the clear.
public struct SealKeys: Sendable {
  /// The size of a key, in bytes.
  public static var keyByteCount: Int { Int(WEIR_SEAL_KEY_BYTES) }
  /// The present key, and eight that it followed.
  public static var countMax: Int { 9 }

  let bytes: Bytes
  let seals: Bool
  var count: Int { bytes.count / Self.keyByteCount }

  /// `bytes` are 1 to `countMax` keys, one after the other. Traps on anything else.
  public init(_ bytes: Bytes, seals: Bool) {
    precondition(bytes.count % Self.keyByteCount == 0)
    precondition(bytes.count > 0 && bytes.count <= Self.countMax * Self.keyByteCount)
    self.bytes = bytes
    self.seals = seals
  }

  func key(_ index: Int) -> Bytes { bytes.slice(index * Self.keyByteCount, Self.keyByteCount) }

  /// The number by which a key is known in blocks and to people: 64 bits made of the key, by which
  /// it can't be found. Nil where OpenSSL refuses.
  public static func number(of key: Bytes) -> UInt64? {
    precondition(key.count == keyByteCount)
    var number: UInt64 = 0
    // Safe: a key is read, and eight bytes are written, the size of the number.
    let result = unsafe withUnsafeMutableBytes(of: &number) {
      unsafe weir_seal_key_number(
        key.base.assumingMemoryBound(to: UInt8.self),
        $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self))
    }
    return result == 0 ? UInt64(littleEndian: number) : nil
  }
}
