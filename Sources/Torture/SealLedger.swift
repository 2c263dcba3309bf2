import Journal

/// Remembers every sealed block that was ever written, through all cuts of a chain, by what GCM
/// must never see twice: key, salt and count.
final class SealLedger {
  /// What key and nonce are made of: bytes 144 ..< 192 of a block (`BlockSeal`).
  struct Place: Hashable {
    var words: [UInt64]
  }

  private var seen: [Place: UInt64] = [:]
  private(set) var blockCount = 0
  /// What was wrong first.
  private(set) var violation: String?

  /// Notes what is written; what is no sealed block is passed over.
  func note(_ bytes: Bytes) {
    for start in stride(from: 0, to: bytes.count, by: tortureBlockByteCount)
    where start + tortureBlockByteCount <= bytes.count {
      let block = bytes.slice(start, tortureBlockByteCount)
      guard isSealed(block) else { continue }
      let place = Place(
        words: stride(from: 144, to: 192, by: 8).map { block.load(UInt64.self, at: $0) })
      // All that GCM was given, and all that it made: FNV-1a (Fowler, Noll, Vo).
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      for index in 8..<block.count { hash = (hash ^ UInt64(block[index])) &* 0x100_0000_01B3 }
      if let known = seen[place], known != hash, violation == nil {
        violation = "key \(place.words[0]) and count \(place.words[5]) sealed two different blocks"
      }
      seen[place] = hash
      blockCount += 1
    }
  }
}

/// Whether it is a block that says so.
func isSealed(_ block: Bytes) -> Bool {
  block.load(UInt32.self, at: 0) == UInt32(0x574A_424B).byteSwapped && block[10] & 2 != 0
}
