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

  /// Decimal, without allocation.
  public mutating func append(_ number: UInt64) {
    let digitCount = Self.digitCount(number)
    // Safe: room for all digits.
    if let place = unsafe reserve(digitCount) { unsafe Self.write(number, digitCount, to: place) }
  }

  private static func digitCount(_ number: UInt64) -> Int {
    var count = 1
    var rest = number
    while rest >= 10_000 {
      rest /= 10_000
      count += 4
    }
    return rest >= 1000 ? count + 3 : rest >= 100 ? count + 2 : rest >= 10 ? count + 1 : count
  }

  /// The last `count` digits of the number; `place` has room for them.
  @unsafe private static func write(
    _ number: UInt64, _ count: Int, to place: UnsafeMutablePointer<UInt8>
  ) {
    // Two digits at a time: divisions are what this costs.
    let pairs: StaticString =
      """
      00010203040506070809101112131415161718192021222324252627282930313233343536373839\
      40414243444546474849505152535455565758596061626364656667686970717273747576777879\
      8081828384858687888990919293949596979899
      """
    var rest = number
    var left = count
    while left >= 2 {
      left -= 2
      let pair = Int(rest % 100) * 2
      rest /= 100
      // Safe: the caller's room; the literal has 200 bytes.
      unsafe place[left] = pairs.utf8Start[pair]
      unsafe place[left + 1] = pairs.utf8Start[pair + 1]
    }
    // Safe: as above.
    if left == 1 { unsafe place.pointee = UInt8(ascii: "0") + UInt8(rest % 10) }
  }

  /// A point and the digits of a fraction of so many digits, without zeroes at the end; nothing for
  /// none.
  private mutating func append(fraction: UInt64, digitCount: Int) {
    guard fraction > 0 else { return }
    var fraction = fraction
    var digitCount = digitCount
    while fraction % 10 == 0 {
      fraction /= 10
      digitCount -= 1
    }
    append(UInt8(ascii: "."))
    // Safe: room for all digits.
    if let place = unsafe reserve(digitCount) { unsafe Self.write(fraction, digitCount, to: place) }
  }

  /// A duration or a time in seconds, rounded toward zero to microseconds, without zeros at the
  /// end: finer than that a Double of today's time can't be.
  public mutating func append(secondsOf nanoseconds: Int64) {
    if nanoseconds < 0, nanoseconds <= -1000 { append(UInt8(ascii: "-")) }
    let microseconds = nanoseconds.magnitude / 1000
    append(microseconds / 1_000_000)
    append(fraction: microseconds % 1_000_000, digitCount: 6)
  }

  /// The shortest text that reads back as the same number. The number must be finite: JSON has no
  /// other.
  public mutating func append(_ number: Double) {
    precondition(number.isFinite)
    if number == 0 { return append(number.sign == .minus ? "-0.0" : "0.0") }
    let magnitude = number.magnitude
    // What sensors give has few digits. Of decimals with at most 15 digits no two read back as the
    // same number, so that the one that does is the shortest.
    if magnitude < 1e9, magnitude >= 1e-3 {
      let millionths = Int64(magnitude * 1e6 + 0.5)
      if Double(millionths) / 1e6 == magnitude {
        if number < 0 { append(UInt8(ascii: "-")) }
        append(UInt64(millionths) / 1_000_000)
        let fraction = UInt64(millionths) % 1_000_000
        return fraction == 0 ? append(".0") : append(fraction: fraction, digitCount: 6)
      }
    }
    append(text: number.description)
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
