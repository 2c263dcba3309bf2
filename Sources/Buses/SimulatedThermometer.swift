import Sensors

/// A TMP105 or LM75B, register by register.
struct SimulatedThermometer: Sendable {
  enum Kind: Sendable {
    case tmp105
    case lm75
  }

  let kind: Kind
  let weather: Weather
  private var configuration: UInt8 = 0
  /// When the first conversion since the last configuration is done; nil: none was written, and the
  /// register holds what it holds at power-up.
  private var readyTime: Int64?

  init(kind: Kind, weather: Weather) {
    self.kind = kind
    self.weather = weather
  }

  mutating func reset() {
    configuration = 0
    readyTime = nil
  }

  /// Bits of the temperature, from the configuration's R1 R0 (9 to 12) or the part.
  private var bitCount: Int {
    switch kind {
    case .tmp105: 9 + Int((configuration >> 5) & 3)
    case .lm75: 11
    }
  }

  /// Typical ones: a TMP105 takes 27.5 ms for 9 bits, twice as long for each further bit.
  private var conversionNanoseconds: Int64 {
    switch kind {
    case .tmp105: 27_500_000 << Int64(bitCount - 9)
    case .lm75: 100_000_000
    }
  }

  mutating func read(
    _ register: UInt8, into: inout MutableSpan<UInt8>, now: Int64
  ) throws(BusError) {
    switch register {
    case 0:
      // Refused: a driver that reads before the first conversion gets yesterday's value, or 0 °C.
      guard into.count == 2, let readyTime, now >= readyTime else { throw .nack }
      let steps = floored(weather.temperature(at: now) * 256)
      let unused: UInt16 = (1 << UInt16(16 - bitCount)) - 1
      let raw = UInt16(bitPattern: Int16(steps)) & ~unused
      into[0] = UInt8(raw >> 8)
      into[1] = UInt8(truncatingIfNeeded: raw)
    case 1:
      guard into.count == 1 else { throw .nack }
      // Bit 7 of a TMP105 is the alert's state: not alerted, active low.
      into[0] = configuration | (kind == .tmp105 ? 0x80 : 0)
    case 2, 3:
      guard into.count == 2 else { throw .nack }
      into[0] = register == 2 ? 0x4b : 0x50
      into[1] = 0
    default:
      throw .nack
    }
  }

  mutating func write(_ register: UInt8, _ bytes: Span<UInt8>, now: Int64) throws(BusError) {
    guard register == 1, bytes.count == 1 else { throw .nack }
    if kind == .lm75, bytes[0] & 0xe0 != 0 { throw .nack }
    configuration = bytes[0] & 0x7f
    readyTime = now + conversionNanoseconds
  }
}
