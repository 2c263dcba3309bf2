/// Text that is written into memory of which the writer knows that it is large enough: nothing is
/// asked at each step. Made by `ByteBuffer.write(atMost:)`.
///
/// Pieces are copied by 48 and 8 bytes: up to `slack` bytes behind the text are changed too.
@safe struct RoomyText {
  private var place: UnsafeMutableRawPointer
  private let end: UnsafeMutableRawPointer

  /// How many bytes behind the text its memory must have.
  static let slack = 48
  /// The most digits of a number.
  static let digitCountMax = 20
  /// The longest text of `append(secondsOf:)`: a sign, eleven digits, a point, six more.
  static let secondsByteCountMax = 19
  /// The longest text of `append(shortDecimal:)`: a sign, ten digits, a point, six more.
  static let decimalByteCountMax = 18

  /// Text from `place` on, whose memory ends at `end`.
  @unsafe init(_ place: UnsafeMutableRawPointer, end: UnsafeMutableRawPointer) {
    unsafe self.place = unsafe place
    unsafe self.end = unsafe end
  }

  /// How many bytes there are behind `start`.
  @inline(__always) @unsafe
  func byteCount(from start: UnsafeMutableRawPointer) -> Int { unsafe place - start }

  /// So many bytes were written, and up to `slack` more.
  @inline(__always)
  private mutating func advance(_ byteCount: Int) {
    // Safe: the caller of `write(atMost:)` has counted.
    unsafe place += byteCount
    assert(unsafe place <= end, "more text than was counted")
  }

  @inline(__always)
  private func store<T: BitwiseCopyable>(_ value: T, at offset: Int = 0) {
    // Safe: inside of the slack, at the latest.
    unsafe place.storeBytes(of: value, toByteOffset: offset, as: T.self)
  }

  @inline(__always)
  mutating func append(_ byte: UInt8) {
    store(byte)
    advance(1)
  }

  @inline(__always)
  mutating func append(_ text: StaticString) {
    // Safe: a literal lives for ever; there is room for it.
    unsafe place.copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
    advance(text.utf8CodeUnitCount)
  }

  /// A part of the bytes. There are `slack` more of them behind it.
  @inline(__always)
  mutating func append(_ bytes: [UInt8], in range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count - Self.slack)
    // Safe: of bytes no more than `slack` are read behind the range, and they are there.
    unsafe bytes.withUnsafeBytes {
      let source = unsafe $0.baseAddress.unsafelyUnwrapped + range.lowerBound
      for offset in stride(from: 0, to: range.count, by: 48) {
        // Three loads without a loop: what there is to say is mostly that long.
        unsafe copySixteen(source, offset)
        unsafe copySixteen(source, offset + 16)
        unsafe copySixteen(source, offset + 32)
      }
    }
    advance(range.count)
  }

  @inline(__always) @unsafe
  private func copySixteen(_ source: UnsafeRawPointer, _ offset: Int) {
    store(unsafe source.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self), at: offset)
  }

  /// Decimal.
  @inline(__always)
  mutating func append(_ number: UInt64) {
    guard number < 100_000_000 else { return appendLong(number) }
    appendShort(number)
  }

  private mutating func appendLong(_ number: UInt64) {
    let upper = number / 100_000_000
    let lower = number % 100_000_000
    if upper < 100_000_000 {
      appendShort(upper)
    } else {
      // At most 184,467,440,737 of them.
      appendShort(upper / 100_000_000)
      store(Self.digits(upper % 100_000_000) | Self.zeroes)
      advance(8)
    }
    store(Self.digits(lower) | Self.zeroes)
    advance(8)
  }

  /// A number below 100,000,000.
  @inline(__always)
  private mutating func appendShort(_ number: UInt64) {
    let digits = Self.digits(number)
    // The last digit is there even if it is a zero.
    let leadingZeroCount = (digits | 1 << 56).trailingZeroBitCount / 8
    store((digits | Self.zeroes) &>> UInt64(leadingZeroCount * 8))
    advance(8 - leadingZeroCount)
  }

  /// So many millionths as a number with at most six places, without zeroes at the end; a whole
  /// one with `.0` or with nothing behind it.
  @inline(__always)
  private mutating func append(millionths: UInt64, isReal: Bool) {
    let whole: Int
    let places: UInt64
    if millionths < 100_000_000 {
      // Two digits before the point and six behind it, found together.
      let digits = Self.digits(millionths)
      whole = millionths < 10_000_000 ? 1 : 2
      store(UInt16(truncatingIfNeeded: (digits | Self.zeroes) &>> UInt64(16 - 8 * whole)))
      advance(whole)
      places = digits >> 16
    } else {
      append(millionths / 1_000_000)
      places = Self.digits(millionths % 1_000_000) >> 16
    }
    if places == 0 {
      if isReal { append(".0") }
      return
    }
    store(UInt8(ascii: "."))
    store(places | Self.zeroes, at: 1)
    advance(9 - places.leadingZeroBitCount / 8)
  }

  private static var zeroes: UInt64 { 0x3030_3030_3030_3030 }

  /// The eight digits of a number below 100,000,000, the first in the lowest byte: halves, quarters
  /// and eighths of it, side by side in one number.
  @inline(__always)
  private static func digits(_ number: UInt64) -> UInt64 {
    // Four digits in 32 bits each. The quotients by 100 and by 10 are exact there.
    let halves = number / 10_000 | (number % 10_000) << 32
    let hundreds = (halves &* 10_486) >> 20 & 0x0000_007F_0000_007F
    let quarters = hundreds | (halves &- 100 &* hundreds) << 16
    let tens = (quarters &* 103) >> 10 & 0x000F_000F_000F_000F
    return tens | (quarters &- 10 &* tens) << 8
  }

  /// A duration or a time in seconds, rounded toward zero to microseconds, without zeroes at the
  /// end: finer than that a Double of today's time can't be.
  @inline(__always)
  mutating func append(secondsOf nanoseconds: Int64) {
    if nanoseconds <= -1000 { append(UInt8(ascii: "-")) }
    append(millionths: nanoseconds.magnitude / 1000, isReal: false)
  }

  /// The shortest text that reads back as the same number, for numbers with few digits, as sensors
  /// give them. False, and nothing is written, for others.
  ///
  /// Of decimals with at most 15 digits no two read back as the same number, so that the one that
  /// does is the shortest.
  @inline(__always)
  mutating func append(shortDecimal number: Double) -> Bool {
    let magnitude = number.magnitude
    guard magnitude < 1e9, magnitude >= 1e-3 else { return false }
    // Signed, because that is one instruction each way.
    let millionths = Int64(magnitude * 1e6 + 0.5)
    guard Double(millionths) / 1e6 == magnitude else { return false }
    if number < 0 { append(UInt8(ascii: "-")) }
    append(millionths: UInt64(bitPattern: millionths), isReal: true)
    return true
  }
}
