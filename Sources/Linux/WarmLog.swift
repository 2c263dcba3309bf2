import CLinux
import Synchronization

/// A line that the boot before left behind.
public struct WarmLine: Equatable, Sendable {
  public var level: LogLevel
  /// As the console had it, without its line feed; cut at `WarmLog.textByteCountMax` bytes.
  public var text: [UInt8]
}

/// The last lines of all processes' logs in a piece of RAM that the kernel leaves alone: a reset by
/// the watchdog, a panic and a restart spare it where RAM stays powered, and the next boot reads
/// it.
/// (Debian's kernel has no CONFIG_PSTORE_PMSG, and ramoops alone does not keep what programs say.)
///
/// The memory is mapped before the first fork and written with plain stores, so that a task needs
/// no system call and no descriptor for it. It is no memory of the kernel's, so /dev/mem maps it
/// uncached (mem(4); arm64: device memory): each store is in RAM at once, and all are aligned
/// words, for nothing else may be done there. The number of the next line is counted in ordinary
/// memory.
///
/// 64 KiB are 256 records of 256 bytes; line *n*, from 1 in every boot, lies in record *n* mod 256:
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 4 | CRC-32C of the record with zero here; written last |
/// | 4 | 4 | magic and version, "WLG1" as a big-endian number; 0 while the record is written |
/// | 8 | 8 | number of the line |
/// | 16 | 1 | level, 1 info to 4 error |
/// | 18 | 2 | length of the text in bytes, at most 224 |
/// | 32 | 224 | text, UTF-8; what follows it is zero |
///
/// Numbers are little-endian. Full means: the oldest line is overwritten. What was cut off in the
/// middle, or is what RAM holds when it gets power, fails its check and is left out.
@safe public struct WarmLog: @unchecked Sendable {
  /// How much memory it takes, in bytes: whole pages of 4 and of 16 KiB.
  public static let byteCount = recordCount * recordByteCount
  /// The longest text, in bytes; what is longer is cut.
  public static let textByteCountMax = recordByteCount - 32

  static let recordCount = 256
  static let recordByteCount = 256
  private static let wordCount = recordByteCount / 8
  private static let magic: UInt32 = 0x574C_4731

  private let words: UnsafeMutablePointer<Atomic<UInt64>>
  private let lineCount: UnsafeMutablePointer<Atomic<UInt64>>

  /// Maps the memory at that physical address, for the life of this process and of those that it
  /// forks. The kernel refuses memory that it uses itself (EPERM), and whoever is not root.
  public init(physicalAddress address: UInt64) throws(SystemError) {
    guard address % UInt64(System.pageByteCount) == 0, address <= UInt64(Int.max) else {
      throw SystemError("mmap", Errno(rawValue: EINVAL))
    }
    let file = try FileDescriptor(opening: "/dev/mem", .readWrite)
    // Safe: the kernel checks the range.
    let memory = unsafe mmap(
      nil, Self.byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, file.number, Int(address))
    // Safe: mmap returns MAP_FAILED (all ones) or a mapping of that size.
    guard let memory = unsafe memory, Int(bitPattern: memory) != -1 else { throw .last("mmap") }
    // Safe: a mapping of that size, on a page, which is never undone.
    try unsafe self.init(over: memory)
  }

  /// Over `byteCount` bytes, on a word, that are never freed; as in tests.
  @unsafe init(over memory: UnsafeMutableRawPointer) throws(SystemError) {
    // Safe: what the words hold is looked at only through checks.
    unsafe words = unsafe memory.assumingMemoryBound(to: Atomic<UInt64>.self)
    let counter = unsafe mmap(
      nil, System.pageByteCount, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
    // Safe: as above.
    guard let counter = unsafe counter, Int(bitPattern: counter) != -1 else { throw .last("mmap") }
    // Safe: zero-filled, on a page, and never unmapped: tasks count there until they end.
    unsafe lineCount = unsafe counter.assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// The last lines of the boot before, oldest first, at most `countMax`; then none is left. Called
  /// once, before the first line of this boot.
  public func takeLines(countMax: Int) -> [WarmLine] {
    var found: [(number: UInt64, line: WarmLine)] = []
    for index in 0..<Self.recordCount {
      if let record = read(index) { found.append(record) }
      for word in 0..<Self.wordCount { store(0, index, word) }
    }
    found.sort { $0.number < $1.number }
    return found.suffix(max(0, countMax)).map { $0.line }
  }

  /// Writes a line over the oldest one. Any process may, at any time; it never waits.
  func append(_ level: LogLevel, _ text: ArraySlice<UInt8>) {
    // Safe: the counter is never unmapped.
    let number = unsafe lineCount.pointee.wrappingAdd(1, ordering: .relaxed).newValue
    let index = Int(number % UInt64(Self.recordCount))
    let length = min(text.count, Self.textByteCountMax)
    var bytes = [UInt8](repeating: 0, count: Self.recordByteCount)
    for place in 0..<4 { bytes[4 + place] = UInt8(truncatingIfNeeded: Self.magic >> (place * 8)) }
    for place in 0..<8 { bytes[8 + place] = UInt8(truncatingIfNeeded: number >> (place * 8)) }
    bytes[16] = level.rawValue
    bytes[18] = UInt8(length)
    bytes.replaceSubrange(32..<32 + length, with: text.prefix(length))
    let check = UInt64(Self.magic) << 32 | UInt64(crc32c(bytes[...]))
    store(0, index, 0)
    atomicMemoryFence(ordering: .releasing)
    for word in 1..<Self.wordCount {
      var value: UInt64 = 0
      for place in 0..<8 { value |= UInt64(bytes[word * 8 + place]) << (place * 8) }
      store(value, index, word)
    }
    // Last, so that a reset in the middle leaves no line.
    atomicMemoryFence(ordering: .releasing)
    store(check, index, 0)
  }

  /// The record, if it holds a whole line.
  private func read(_ index: Int) -> (number: UInt64, line: WarmLine)? {
    let first = load(index, 0)
    guard first >> 32 == UInt64(Self.magic) else { return nil }
    var bytes: [UInt8] = []
    for word in 0..<Self.wordCount {
      let value = word == 0 ? UInt64(Self.magic) << 32 : load(index, word)
      for place in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> (place * 8))) }
    }
    guard UInt64(crc32c(bytes[...])) == first & 0xFFFF_FFFF else { return nil }
    let length = Int(bytes[18])
    guard let level = LogLevel(rawValue: bytes[16]), length <= Self.textByteCountMax else {
      return nil
    }
    return (load(index, 1), WarmLine(level: level, text: Array(bytes[32..<32 + length])))
  }

  // Atomic, so that no compiler makes of them what device memory refuses: a memcpy, or a store of
  // several words.
  private func load(_ index: Int, _ word: Int) -> UInt64 {
    precondition(index < Self.recordCount && word < Self.wordCount)
    // Safe: inside of the memory, which stays mapped.
    return unsafe words[index * Self.wordCount + word].load(ordering: .relaxed)
  }

  private func store(_ value: UInt64, _ index: Int, _ word: Int) {
    precondition(index < Self.recordCount && word < Self.wordCount)
    // Safe: as above.
    unsafe words[index * Self.wordCount + word].store(value, ordering: .relaxed)
  }
}
