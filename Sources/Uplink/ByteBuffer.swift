/// Text under construction in fixed memory.
///
/// Full means: `hasOverflowed` becomes true, and what does not fit and everything behind it is left
/// out. The caller looks once, at the end.
@safe public struct ByteBuffer: ~Copyable {
  private let base: UnsafeMutablePointer<UInt8>
  /// How many bytes fit.
  public let capacity: Int
  public private(set) var count = 0
  /// What may be used: the capacity, or nothing after an overflow.
  private var limit: Int

  public init(capacity: Int) {
    precondition(capacity > 0)
    unsafe base = .allocate(capacity: capacity)
    unsafe base.initialize(repeating: 0, count: capacity)
    self.capacity = capacity
    limit = capacity
  }

  deinit {
    // Safe: allocated in init, and only this value knows it. Bytes need no deinitialization.
    unsafe base.deallocate()
  }

  public var hasOverflowed: Bool { limit < 0 }

  public mutating func removeAll() {
    count = 0
    limit = capacity
  }

  /// Forgets what was appended since there were so many bytes, an overflow too.
  public mutating func removeAll(behind count: Int) {
    precondition(count >= 0 && count <= self.count)
    self.count = count
    limit = capacity
  }

  /// Room for so many bytes, which count from now on; nil, and an overflow, if there is none.
  @inline(__always)
  private mutating func reserve(_ byteCount: Int) -> UnsafeMutablePointer<UInt8>? {
    guard byteCount <= limit - count else {
      limit = -1
      return nil
    }
    // Safe: inside of the memory, as the guard has seen.
    let place = unsafe base + count
    count += byteCount
    return unsafe place
  }

  /// As raw memory: of typed memory the compiler may make a loop.
  @inline(__always) @unsafe
  private func copy(
    _ source: UnsafePointer<UInt8>, _ count: Int, to place: UnsafeMutablePointer<UInt8>
  ) {
    unsafe UnsafeMutableRawPointer(place).copyMemory(from: source, byteCount: count)
  }

  @inline(__always)
  public mutating func append(_ byte: UInt8) {
    // Safe: room for one byte.
    if let place = unsafe reserve(1) { unsafe place.pointee = byte }
  }

  @inline(__always)
  public mutating func append(_ text: StaticString) {
    // Safe: the pointer of a literal lives for ever, and its size is given.
    if let place = unsafe reserve(text.utf8CodeUnitCount) {
      unsafe copy(text.utf8Start, text.utf8CodeUnitCount, to: place)
    }
  }

  public mutating func append(_ other: [UInt8]) { append(other, in: 0..<other.count) }

  /// A part of the bytes, which must lie inside.
  @inline(__always)
  public mutating func append(_ other: [UInt8], in range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= other.count)
    guard !range.isEmpty, let place = unsafe reserve(range.count) else { return }
    // Safe: the range lies inside of the array, and there is room for it.
    unsafe other.withUnsafeBufferPointer {
      guard let source = $0.baseAddress else { return }
      unsafe copy(source + range.lowerBound, range.count, to: place)
    }
  }

  public mutating func append(text: String) {
    for byte in text.utf8 { append(byte) }
  }

  /// Writes without asking for room at each step: `body` writes at most so many bytes. False, and
  /// nothing is written, if there is no room for them and the slack behind them, or `body` says so.
  @inline(__always)
  mutating func write(atMost most: Int, _ body: (inout RoomyText) -> Bool) -> Bool {
    guard most + RoomyText.slack <= limit - count else { return false }
    // Safe: inside of the memory, as the guard has seen.
    let start = unsafe UnsafeMutableRawPointer(base + count)
    var text = unsafe RoomyText(start, end: start + most)
    guard body(&text) else { return false }
    let written = unsafe text.byteCount(from: start)
    precondition(written <= most)
    count += written
    return true
  }

  /// The same where there may be no room for the most that it could be.
  private mutating func append(atMost most: Int, _ body: (inout RoomyText) -> Void) {
    let isWritten = write(atMost: most) { text in
      body(&text)
      return true
    }
    if isWritten || hasOverflowed { return }
    precondition(most <= 32)
    var room = InlineArray<80, UInt8>(repeating: 0)
    // Safe: the room outlives the call, and has the slack behind 32 bytes.
    unsafe withUnsafeMutableBytes(of: &room) { room in
      let start = unsafe room.baseAddress.unsafelyUnwrapped
      var text = unsafe RoomyText(start, end: start + most)
      body(&text)
      for index in 0..<(unsafe text.byteCount(from: start)) { append(unsafe room[index]) }
    }
  }

  /// Decimal, without allocation.
  public mutating func append(_ number: UInt64) {
    append(atMost: RoomyText.digitCountMax) { $0.append(number) }
  }

  /// A duration or a time in seconds, rounded toward zero to microseconds, without zeroes at the
  /// end.
  public mutating func append(secondsOf nanoseconds: Int64) {
    append(atMost: RoomyText.secondsByteCountMax) { $0.append(secondsOf: nanoseconds) }
  }

  /// The shortest text that reads back as the same number. The number must be finite: JSON has no
  /// other.
  public mutating func append(_ number: Double) {
    precondition(number.isFinite)
    if number == 0 { return append(number.sign == .minus ? "-0.0" : "0.0") }
    let isShort = write(atMost: RoomyText.decimalByteCountMax) { $0.append(shortDecimal: number) }
    if !isShort { append(text: number.description) }
  }

  /// The bytes so far, for a call that only borrows them.
  public func withBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
    // Safe: exactly what was written, in memory that outlives the call.
    unsafe body(UnsafeBufferPointer(start: base, count: count))
  }

  /// A copy of the bytes as text.
  public var text: String {
    // Safe: only read during the call.
    unsafe withBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }
}

/// `text` between quotation marks, as a JSON string (RFC 8259, section 7).
func jsonString(_ text: String) -> [UInt8] {
  let hexadecimal = Array("0123456789abcdef".utf8)
  var result: [UInt8] = [UInt8(ascii: "\"")]
  for byte in text.utf8 {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"):
      result.append(UInt8(ascii: "\\"))
      result.append(byte)
    case 0..<0x20:
      result.append(contentsOf: Array("\\u00".utf8))
      result.append(hexadecimal[Int(byte >> 4)])
      result.append(hexadecimal[Int(byte & 15)])
    default:
      result.append(byte)
    }
  }
  result.append(UInt8(ascii: "\""))
  return result
}
