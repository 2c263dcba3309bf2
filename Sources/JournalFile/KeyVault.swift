import Journal
import Linux

/// Why a key can't be used.
public enum KeyFileError: Error, Sendable {
  case system(SystemError)
  /// Others than its owner may read or change the file.
  case mode(UInt32)
  /// It holds neither 32 bytes nor 64 hexadecimal digits.
  case content
  /// It holds nothing but zeroes: what a file system makes of a file after a power cut, and no key.
  case zeroes
  /// There are more keys than a journal takes.
  case tooMany

  /// What is wrong with the file `path`, with what to do.
  public func text(_ path: String) -> String {
    switch self {
    case .system(let error): "\(path): \(error.text)"
    case .mode:
      "\(path) may be read by others than its owner: chmod 600 \(path) (a FAT file system keeps no "
        + "such mode: put the key elsewhere, such as in /var/lib/weir)"
    case .content:
      "\(path) holds no key, which is 64 hexadecimal digits or 32 bytes: make one with "
        + "`weir journal key FILE`"
    case .zeroes: "\(path) holds zeroes only, and no key: bring back its copy"
    case .tooMany:
      "\(path): a journal takes at most \(SealKeys.countMax) keys: leave out the oldest"
    }
  }
}

/// The keys of a journal in a page of their own: not swapped out, in no core dump, and wiped at its
/// end. Read by the supervisor, before its first fork: of the tasks only the journal's and the
/// uplink keep the page, and can't write to it.
///
/// What OpenSSL makes of a key to work with it is ordinary memory of the task that uses it.
public struct KeyVault: ~Copyable {
  private let mapping: PrivateMapping
  private var count = 0

  /// What is read of a file: the longest key in digits, with its line end, and one byte more.
  private static var readByteCount: Int { 67 }
  private static var readOffset: Int { 1024 }
  private static var keyByteCount: Int { SealKeys.keyByteCount }

  public init() throws(SystemError) {
    mapping = try PrivateMapping(byteCount: 4096)
  }

  deinit {
    if count == 0 { return }
    mapping.wipe(offset: 0, byteCount: mapping.byteCount)
  }

  /// Adds the key in a file: 32 bytes, or 64 hexadecimal digits and at most a line end. The first
  /// that is added is the one that seals. `isGuarded`: the mode is not looked at, because the
  /// folder is closed to others (systemd gives credentials an ACL, which shows as a group's right).
  public mutating func add(_ path: String, isGuarded: Bool = false) throws(KeyFileError) {
    guard count < SealKeys.countMax else { throw .tooMany }
    mapping.keepSecret()
    defer { mapping.wipe(offset: Self.readOffset, byteCount: Self.readByteCount) }
    let length = try read(path, isGuarded: isGuarded)
    let source = part(Self.readOffset, length)
    let target = part(count * Self.keyByteCount, Self.keyByteCount)
    if length == Self.keyByteCount {
      target.copy(source)
    } else if !Self.decode(source, into: target) {
      target.clear()
      throw .content
    }
    guard !target.isBlank else { throw .zeroes }
    count += 1
  }

  private func part(_ offset: Int, _ byteCount: Int) -> Bytes {
    precondition(offset >= 0 && byteCount >= 0 && offset + byteCount <= mapping.byteCount)
    // Safe: inside of the mapping, which lives as long as this value, and so longer than its user.
    return unsafe Bytes(base: mapping.base + offset, count: byteCount)
  }

  /// Reads the file to its end, as far as a key can be that long.
  private func read(_ path: String, isGuarded: Bool) throws(KeyFileError) -> Int {
    var access: UInt32 = 0
    do throws(SystemError) {
      // A pipe in its place would have the gateway wait for ever.
      let file = try FileDescriptor(opening: path, [.readOnly, .nonBlocking])
      // What is no file has no size.
      _ = try file.fileByteCount()
      if !isGuarded { access = try file.accessOfOthers() }
      if access == 0 { return try read(file) }
    } catch {
      throw .system(error)
    }
    throw .mode(access)
  }

  private func read(_ file: borrowing FileDescriptor) throws(SystemError) -> Int {
    var length = 0
    // Each turn reads something, or the end.
    while length < Self.readByteCount {
      let room = part(Self.readOffset + length, Self.readByteCount - length)
      // Safe: exactly the room that is left.
      let count = try unsafe file.read(
        into: UnsafeMutableRawBufferPointer(start: room.base, count: room.count))
      if count == 0 { return length }
      length += count
    }
    return length
  }

  private static func decode(_ digits: Bytes, into key: Bytes) -> Bool {
    let length = 2 * keyByteCount
    guard digits.count >= length, digits.count <= length + 2 else { return false }
    for index in length..<digits.count where digits[index] != 0x0A && digits[index] != 0x0D {
      return false
    }
    for index in 0..<keyByteCount {
      guard let upper = value(digits[2 * index]), let lower = value(digits[2 * index + 1]) else {
        return false
      }
      key[index] = upper << 4 | lower
    }
    return true
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// The keys that were added, which live as long as this value; nil for none. `seals`: new blocks
  /// are sealed with the first.
  public func keys(seals: Bool) -> SealKeys? {
    count == 0 ? nil : SealKeys(part(0, count * Self.keyByteCount), seals: seals)
  }

  /// The number of the key that was added last; nil where there is none, or OpenSSL refuses.
  public var lastNumber: UInt64? {
    guard count > 0 else { return nil }
    return SealKeys.number(of: part((count - 1) * Self.keyByteCount, Self.keyByteCount))
  }

  /// What a task may do with the keys.
  public func access(_ kind: MemoryAccess.Kind) -> MemoryAccess {
    MemoryAccess(address: mapping.address, byteCount: mapping.byteCount, kind: kind)
  }
}

/// Makes a file with a new key: 64 digits and a line end, for its owner alone. One that is there is
/// left alone, and fails with EEXIST.
public func makeKeyFile(_ path: String) throws(SystemError) {
  var key = InlineArray<32, UInt8>(repeating: 0)
  // Safe: the 32 bytes of the key.
  try unsafe withUnsafeMutableBytes(of: &key) { bytes throws(SystemError) in
    try unsafe fillWithRandomBytes(bytes)
  }
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  for index in 0..<32 {
    text.append(digits[Int(key[index] >> 4)])
    text.append(digits[Int(key[index] & 15)])
  }
  text.append(0x0A)
  let file = try FileDescriptor(opening: path, [.writeOnly, .create, .exclusive], mode: 0o600)
  do throws(SystemError) {
    try file.write(all: text)
    try file.synchronize()
  } catch {
    // Half a key is none.
    removeFile(path)
    throw error
  }
  let folder = try FileDescriptor(opening: parentFolder(of: path), [.readOnly, .directory])
  try folder.synchronize()
}

/// A key's number as people see it: 16 hexadecimal digits.
public func keyText(_ number: UInt64) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  for place in 0..<16 { text.append(digits[Int(number >> UInt64(60 - 4 * place) & 15)]) }
  return String(decoding: text, as: UTF8.self)
}
