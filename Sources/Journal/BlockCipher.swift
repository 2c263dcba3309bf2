import CLinux
import CSeal

/// Seals the blocks of a writer, and opens those that this key or an older one has sealed: see
/// `BlockSeal`. It allocates when it is made, and when it opens a block of another start than the
/// last one.
///
/// Public, with what ends it, only because other modules make journals and readers of their own
/// storage.
@frozen @safe public struct BlockCipher: ~Copyable {
  private let keys: SealKeys
  private var numbers = InlineArray<9, UInt64>(repeating: 0)
  private let opener: OpaquePointer?
  private let sealer: OpaquePointer?
  /// Where the salts of a simulation come from; nil in earnest.
  private var simulatedSalt: UInt64?
  private var salt = InlineArray<4, UInt64>(repeating: 0)
  /// How many blocks were sealed with this salt.
  private var count: UInt64 = 0
  /// What the opener has its key of; -1: it has none.
  private var openKey = -1
  private var openSalt = InlineArray<4, UInt64>(repeating: 0)

  private init(_ keys: SealKeys, seals: Bool, simulatedSalt: UInt64?) {
    self.keys = keys
    self.simulatedSalt = simulatedSalt
    // Safe: the two are this value's own, until its end.
    unsafe opener = weir_seal_new(0)
    unsafe sealer = seals ? weir_seal_new(1) : nil
  }

  /// A cipher of a writer, which draws its salt, or of a reader; nil where there are no keys.
  static func made(
    _ keys: SealKeys?, isWriter: Bool, simulatedSalt: UInt64? = nil
  ) throws(JournalOpenError) -> BlockCipher? {
    guard let keys else { return nil }
    let seals = isWriter && keys.seals
    var cipher = BlockCipher(keys, seals: seals, simulatedSalt: simulatedSalt)
    guard cipher.begin(seals: seals) else { throw .cipher }
    return cipher
  }

  private mutating func begin(seals: Bool) -> Bool {
    guard unsafe opener != nil else { return false }
    for index in 0..<keys.count {
      guard let number = SealKeys.number(of: keys.key(index)) else { return false }
      numbers[index] = number
    }
    return !seals || drawSalt()
  }

  deinit {
    // Safe: made in init, and used no more.
    unsafe weir_seal_free(opener)
    unsafe weir_seal_free(sealer)
  }

  /// Which of the keys has the number; nil for none.
  func index(of number: UInt64) -> Int? {
    for index in 0..<keys.count where numbers[index] == number { return index }
    return nil
  }

  /// Whether there is a cipher that has a key of this number.
  static func knows(_ number: UInt64, _ cipher: borrowing BlockCipher?) -> Bool {
    switch cipher {
    case .some(let cipher): cipher.index(of: number) != nil
    case .none: false
    }
  }

  /// Whether there is a cipher, and blocks are sealed with it, and not opened only.
  static func seals(_ cipher: borrowing BlockCipher?) -> Bool {
    switch cipher {
    case .some(let cipher): unsafe cipher.sealer != nil
    case .none: false
    }
  }

  /// A salt that nothing was sealed with, and its key.
  private mutating func drawSalt() -> Bool {
    count = 0
    if let seed = simulatedSalt {
      for index in 0..<4 { salt[index] = (seed &+ UInt64(index)) &* 0x9E37_79B9_7F4A_7C15 }
      simulatedSalt = seed &+ 4
    } else {
      // Safe: exactly the 32 bytes of the salt are filled.
      let result = unsafe withUnsafeMutableBytes(of: &salt) {
        unsafe weir_random_bytes($0.baseAddress, $0.count)
      }
      guard result == 0 else { return false }
    }
    guard let sealer = unsafe sealer else { return false }
    return unsafe setKey(sealer, 0, salt)
  }

  private func setKey(
    _ context: OpaquePointer, _ index: Int, _ salt: InlineArray<4, UInt64>
  ) -> Bool {
    var salt = salt
    var key = InlineArray<32, UInt8>(repeating: 0)
    // Safe: a key and a salt are read, 32 bytes each, and 32 bytes written, which are wiped below.
    return unsafe withUnsafeMutableBytes(of: &key) { output in
      let bytes = unsafe output.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
      let isMade = unsafe withUnsafeBytes(of: &salt) {
        unsafe weir_seal_start_key(
          keys.key(index).base.assumingMemoryBound(to: UInt8.self),
          $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self), bytes)
      }
      let isSet = unsafe isMade == 0 && weir_seal_set_key(context, bytes) == 0
      unsafe explicit_bzero(output.baseAddress.unsafelyUnwrapped, output.count)
      return isSet
    }
  }

  /// Seals a block that is complete but for its checksum, from one place to another. False where
  /// OpenSSL refuses: then nothing of it may be written.
  mutating func seal(_ block: Bytes, into output: Bytes) -> Bool {
    if count == BlockSeal.countMax, !drawSalt() { return false }
    guard let sealer = unsafe sealer else { return false }
    let payloadCount = Int(block.load(UInt32.self, at: 12))
    precondition(block.count == output.count)
    precondition(payloadCount <= block.count - BlockSeal.endOffset)
    output.copy(block.slice(0, BlockHeader.byteCount))
    output.store(numbers[0], at: BlockSeal.keyNumberOffset)
    for index in 0..<4 {
      output.store(salt[index], at: BlockSeal.saltOffset + index * 8)
    }
    output.store(count, at: BlockSeal.countOffset)
    // Used up, whatever becomes of the block.
    count += 1
    let records = block.slice(BlockSeal.endOffset, payloadCount)
    let end = BlockSeal.endOffset + payloadCount
    output.slice(end, output.count - end).clear()
    // Safe: each lies in the blocks, and is as long as is said.
    let result = unsafe weir_seal_seal(
      sealer, pointer(output, BlockSeal.nonceOffset), pointer(output, BlockSeal.knownOffset),
      BlockSeal.tagOffset - BlockSeal.knownOffset, records.base,
      pointer(output, BlockSeal.endOffset), payloadCount, pointer(output, BlockSeal.tagOffset))
    output.store(checksum(output.slice(8, output.count - 8)), at: 4)
    return result == 0
  }

  /// Opens a sealed block in its place, whose header was found whole. False where none of the keys
  /// has sealed just this.
  mutating func open(_ block: Bytes) -> Bool {
    guard let opener = unsafe opener else { return false }
    guard let index = index(of: BlockSeal.keyNumber(block)) else { return false }
    var salt = InlineArray<4, UInt64>(repeating: 0)
    var isSame = index == openKey
    for word in 0..<4 {
      salt[word] = block.load(UInt64.self, at: BlockSeal.saltOffset + word * 8)
      isSame = isSame && salt[word] == openSalt[word]
    }
    if !isSame {
      openKey = -1
      guard unsafe setKey(opener, index, salt) else { return false }
      openKey = index
      openSalt = salt
    }
    let payloadCount = Int(block.load(UInt32.self, at: 12))
    guard payloadCount <= block.count - BlockSeal.endOffset else { return false }
    // Safe: each lies in the block, and is as long as is said.
    return unsafe weir_seal_open(
      opener, pointer(block, BlockSeal.nonceOffset), pointer(block, BlockSeal.knownOffset),
      BlockSeal.tagOffset - BlockSeal.knownOffset, pointer(block, BlockSeal.endOffset),
      payloadCount, pointer(block, BlockSeal.tagOffset)) == 0
  }

  private func pointer(_ bytes: Bytes, _ offset: Int) -> UnsafeMutablePointer<UInt8> {
    // Safe: inside of a block, which is larger than all of its fields.
    unsafe (bytes.base + offset).assumingMemoryBound(to: UInt8.self)
  }
}
