/// What stands between header and records of a sealed block. The records, as many bytes as the
/// header says, are encrypted with AES-256-GCM (NIST SP 800-38D); the checksum in the header is of
/// the block as it is written, so that what the medium damaged is told from what another key
/// sealed.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 144 | 8 | number of the key (`SealKeys.number`) |
/// | 152 | 32 | salt: random, drawn anew by each start of a writer |
/// | 184 | 8 | how many blocks were sealed with this salt before it |
/// | 192 | 16 | GCM's tag, of the records and of bytes 8 ..< 192 |
/// | 208 | … | records, encrypted |
///
/// The block's own key is HKDF-SHA256 (RFC 5869) of the key in the configuration and the salt; the
/// nonce is bytes 180 ..< 192: the end of the salt, and the count.
///
/// **Why no nonce is used twice, also across power cuts.** With GCM two texts under the same key
/// and nonce give away both, and the means to forge. A number that the journal finds on the disk is
/// no nonce: a cut may lose the last commits, and then the same commit, block and ordinal are
/// written again, with other records. So nothing on the disk is asked. A start draws 256 random
/// bits from the kernel, and with them has a key that nobody had before it; under that key it
/// counts, in its own memory, each block that it seals, also those that are written again after a
/// failure, and those whose write then fails. A count that is lost with the process is lost with
/// its key. Only two starts that draw the same salt could repeat one: after 2⁴⁰ starts, one a
/// second for 35,000 years, that has a chance of 2⁻¹⁷⁷. What would break it is a copy of the living
/// process: the journal's task can't fork, and whoever goes on twice from one snapshot of a virtual
/// machine's memory must know that.
///
/// A random nonce for each block under the configured key would do with less, but for 2³² blocks
/// only (SP 800-38D, 8.3): at a hundred commits a second that is used up after 16 months. Here
/// each salt has its own 2³² blocks (16 TiB), after which another is drawn.
///
/// What it is for, and what not: whoever finds the card reads no event. Epochs, counts and sizes
/// stay readable, and whoever can write to the card can remove events, or bring back old ones: for
/// that there would have to be a memory that he can't reach. The header is authenticated together
/// with the records, when these are read; what the scan takes from headers before is not.
enum BlockSeal {
  static var keyNumberOffset: Int { 144 }
  static var saltOffset: Int { 152 }
  static var saltByteCount: Int { 32 }
  static var countOffset: Int { 184 }
  static var nonceOffset: Int { 180 }
  static var nonceByteCount: Int { 12 }
  static var tagOffset: Int { 192 }
  static var tagByteCount: Int { 16 }
  /// From the checksum to the tag.
  static var knownOffset: Int { 8 }
  /// Where the records begin.
  static var endOffset: Int { 208 }
  /// So many blocks are sealed with one salt.
  static var countMax: UInt64 { 1 << 32 }

  /// The number of the key that sealed a block.
  static func keyNumber(_ block: Bytes) -> UInt64 {
    block.load(UInt64.self, at: keyNumberOffset)
  }
}
