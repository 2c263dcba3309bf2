/// Text under construction in fixed memory.
///
/// Full means: `hasOverflowed` becomes true, and everything from there on is left out. The caller
/// looks once, at the end.
public struct ByteBuffer: ~Copyable {
  private var bytes: [UInt8]
  public private(set) var count = 0
  public private(set) var hasOverflowed = false

  public init(capacity: Int) {
    precondition(capacity > 0)
    bytes = [UInt8](repeating: 0, count: capacity)
  }

  /// How many bytes fit.
  public var capacity: Int { bytes.count }

  public mutating func removeAll() {
    count = 0
    hasOverflowed = false
  }

  /// Forgets what was appended since there were so many bytes, an overflow too.
  public mutating func removeAll(behind count: Int) {
    precondition(count >= 0 && count <= self.count)
    self.count = count
    hasOverflowed = false
  }

  public mutating func append(_ byte: UInt8) {
    guard count < bytes.count else {
      hasOverflowed = true
      return
    }
    bytes[count] = byte
    count += 1
  }

  public mutating func append(_ text: StaticString) {
    // Safe: the pointer of a literal lives for ever, and its size is given.
    text.withUTF8Buffer {
      for index in 0..<$0.count { unsafe append($0[index]) }
    }
  }

  public mutating func append(_ other: [UInt8]) {
    for byte in other { append(byte) }
  }

  public mutating func append(text: String) {
    for byte in text.utf8 { append(byte) }
  }

  /// Decimal, without allocation.
  public mutating func append(_ number: UInt64) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var rest = number
    var first = 20
    repeat {
      first -= 1
      digits[first] = UInt8(ascii: "0") + UInt8(rest % 10)
      rest /= 10
    } while rest > 0
    for index in first..<20 { append(digits[index]) }
  }

  /// A duration or a time in seconds, rounded toward zero to microseconds, without zeros at the
  /// end: finer than that a Double of today's time can't be.
  public mutating func append(secondsOf nanoseconds: Int64) {
    if nanoseconds < 0, nanoseconds <= -1000 { append(UInt8(ascii: "-")) }
    let microseconds = nanoseconds.magnitude / 1000
    append(microseconds / 1_000_000)
    var fraction = microseconds % 1_000_000
    guard fraction > 0 else { return }
    append(UInt8(ascii: "."))
    var scale: UInt64 = 100_000
    while fraction > 0 {
      append(UInt8(ascii: "0") + UInt8(fraction / scale))
      fraction %= scale
      scale /= 10
    }
  }

  /// The shortest text that reads back as the same number. The number must be finite: JSON has no
  /// other.
  public mutating func append(_ number: Double) {
    precondition(number.isFinite)
    append(text: number.description)
  }

  /// The bytes so far, for a call that only borrows them.
  public func withBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
    // Safe: the slice lies inside the array, which outlives the call.
    unsafe bytes.withUnsafeBufferPointer {
      unsafe body(UnsafeBufferPointer(rebasing: $0[0..<count]))
    }
  }

  /// A copy of the bytes as text.
  public var text: String { String(decoding: bytes[0..<count], as: UTF8.self) }
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
