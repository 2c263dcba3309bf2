/// The packet of the Simple Network Time Protocol (RFC 4330, section 4), as far as a client needs
/// it.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 1 | leap indicator (2 bits; 3: the server's clock is wrong), version 4 (3), mode (3) |
/// | 1 | 1 | stratum: 1 to 15; 0 is a refusal |
/// | 24 | 8 | originate: the request's transmit field, sent back |
/// | 32 | 8 | receive: when the request came, by the server's clock |
/// | 40 | 8 | transmit: when the answer left |
///
/// Times are seconds since 1900 in 32.32 bits, big-endian.
enum TimePacket {
  static var byteCount: Int { 48 }
  static var port: UInt16 { 123 }

  /// A request. The transmit field is `nonce`, random: only who saw the request can answer it.
  static func request(nonce: UInt64) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    bytes[0] = 0x23  // version 4, mode 3: client
    for index in 0..<8 { bytes[40 + index] = UInt8(truncatingIfNeeded: nonce >> (56 - 8 * index)) }
    return bytes
  }

  /// Why an answer does not count.
  enum Refusal: Error {
    /// Too short, of another mode, or the answer to another request.
    case foreign
    /// The server says that it does not know the time, or will not tell.
    case unsynchronized
    /// The server's time is before one that is known to have passed.
    case past
    /// It was under way for so long that it says nothing.
    case late
  }

  /// How far this clock is behind the server's, and how long the exchange took; nanoseconds.
  struct Measurement: Equatable {
    var offset: Int64
    var delay: Int64
  }

  /// An exchange that takes longer than this is not used: 2 s.
  static var delayMax: Int64 { 2_000_000_000 }

  /// Reads the answer to the request with `nonce`, which was sent at `sent` and answered at
  /// `received`, both by this clock in ns since 1970. It must be after `bound`.
  static func measure(
    _ answer: [UInt8], nonce: UInt64, sent: Int64, received: Int64, bound: Int64
  ) throws(Refusal) -> Measurement {
    guard answer.count >= byteCount, answer[0] & 7 == 4, number(answer, at: 24) == nonce else {
      throw .foreign
    }
    let serverSent = number(answer, at: 40)
    guard answer[0] >> 6 != 3, (1...15).contains(answer[1]), serverSent != 0 else {
      throw .unsynchronized
    }
    let arrival = nanoseconds(number(answer, at: 32))
    let departure = nanoseconds(serverSent)
    guard departure >= bound else { throw .past }
    // RFC 4330, section 5. All are below 2⁶² ns, so no sum overflows.
    let delay = (received - sent) - (departure - arrival)
    guard delay <= delayMax, received >= sent, departure >= arrival else { throw .late }
    return Measurement(offset: (arrival - sent) / 2 + (departure - received) / 2, delay: delay)
  }

  /// Nanoseconds since 1970. Seconds below 2³¹ are of the era that begins in 2036 (section 3).
  static func nanoseconds(_ time: UInt64) -> Int64 {
    var seconds = Int64(time >> 32)
    if seconds < 0x8000_0000 { seconds += 0x1_0000_0000 }
    let fraction = Int64(((time & 0xffff_ffff) * 1_000_000_000) >> 32)
    return (seconds - 2_208_988_800) * 1_000_000_000 + fraction
  }

  private static func number(_ bytes: [UInt8], at offset: Int) -> UInt64 {
    var value: UInt64 = 0
    for byte in bytes[offset..<offset + 8] { value = value << 8 | UInt64(byte) }
    return value
  }
}
