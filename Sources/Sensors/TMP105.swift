/// TI TMP105 and TMP75: a thermometer with 12 bits, 0.0625 °C, −55 to 128 °C.
///
/// The device converts continuously, so a sample is one transfer. Registers (TI SLLS648, "Pointer
/// Register"): 0 temperature (16 bits, left-justified two's complement), 1 configuration, 2 T_LOW,
/// 3 T_HIGH.
///
/// It has no identity register. What identifies it: the configuration keeps its resolution bits,
/// and the four low bits of temperature and limits are always zero.
public struct TMP105: SensorDriver, Sendable {
  /// 7-bit, 0x48 to 0x4f.
  public let address: UInt8

  /// Comparator mode, continuous conversion, R1 R0 = 11 for 12 bits ("Configuration Register").
  static let configuration: UInt8 = 0b0110_0000
  /// Bit 7 reads as the alert's state, not as what was written.
  static let configurationMask: UInt8 = 0b0111_1111
  /// A 12-bit conversion takes 220 ms, 320 ms at most ("Converter Resolution"); until the first one
  /// ends, the register holds 0 °C.
  static let conversionNanoseconds: Int64 = 320_000_000
  /// What the device can measure.
  static let range = -55.0...128.0

  private var isSetUp = false

  public init(address: UInt8) {
    self.address = address
  }

  public mutating func forget() { isSetUp = false }

  public mutating func begin<Bus: RegisterBus & ~Copyable>(
    on bus: inout Bus
  ) throws(SensorError) -> Progress {
    if isSetUp {
      // A power cut sets the configuration back to 9 bits and the temperature to 0 °C: without this
      // check it would pass for a cold morning.
      let configuration = try bus.byte(address: address, register: 1)
      if configuration & Self.configurationMask == Self.configuration {
        return try proceed(on: &bus)
      }
      isSetUp = false
    }
    try setUp(on: &bus)
    return .waiting(nanoseconds: Self.conversionNanoseconds)
  }

  public mutating func proceed<Bus: RegisterBus & ~Copyable>(
    on bus: inout Bus
  ) throws(SensorError) -> Progress {
    let raw: InlineArray<2, UInt8> = try bus.bytes(address: address, register: 0)
    // Also what a data line that is never pulled low reads as: 0xffff.
    guard raw[1] & 0x0f == 0 else { throw .badData }
    isSetUp = true
    let value = Self.temperature(high: raw[0], low: raw[1])
    return .measured(Measurement(temperature: Measured(value, within: Self.range)))
  }

  private func setUp<Bus: RegisterBus & ~Copyable>(on bus: inout Bus) throws(SensorError) {
    try bus.write(address: address, register: 1, byte: Self.configuration)
    let configuration = try bus.byte(address: address, register: 1)
    guard configuration & Self.configurationMask == Self.configuration else {
      throw .wrongDevice(found: configuration)
    }
    let limit: InlineArray<2, UInt8> = try bus.bytes(address: address, register: 2)
    guard limit[1] & 0x0f == 0 else { throw .wrongDevice(found: limit[1]) }
  }

  /// 12 bits, left-justified: one step is 1/16 °C ("Temperature Register").
  static func temperature(high: UInt8, low: UInt8) -> Double {
    let raw = Int16(bitPattern: UInt16(high) << 8 | UInt16(low)) >> 4
    return Double(raw) / 16
  }
}
