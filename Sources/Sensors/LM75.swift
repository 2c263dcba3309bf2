/// The LM75 family: LM75, LM75A, LM75B and compatible thermometers, −55 to 125 °C.
///
/// Registers as in NXP's LM75B data sheet (§7.4): 0 temperature (16 bits, left-justified two's
/// complement), 1 configuration, 2 T_HYST, 3 T_OS. An LM75 has 9 bits (0.5 °C), an LM75A or LM75B
/// 11 (0.125 °C). The bits below are not defined, so 11 are taken: on a 9-bit part the error is at
/// most 0.375 °C, and none where it leaves them zero, as the parts on the market do.
public struct LM75: SensorDriver, Sendable {
  /// 7-bit, 0x48 to 0x4f.
  public let address: UInt8

  /// Normal operation, comparator mode; bits 7 to 5 are reserved and read as zero (§7.4.2).
  static let configuration: UInt8 = 0
  /// A conversion takes 100 ms (LM75A, LM75B) or up to 300 ms (LM75).
  static let conversionNanoseconds: Int64 = 300_000_000
  static let range = -55.0...125.0

  private var isSetUp = false

  public init(address: UInt8) {
    self.address = address
  }

  public mutating func forget() { isSetUp = false }

  public mutating func begin<Bus: RegisterBus & ~Copyable>(
    on bus: inout Bus
  ) throws(SensorError) -> Progress {
    if !isSetUp {
      try bus.write(address: address, register: 1, byte: Self.configuration)
    }
    // Read back every time: what a free data line reads as, 0xff, must not pass for −0.125 °C.
    let configuration = try bus.byte(address: address, register: 1)
    guard configuration == Self.configuration else {
      isSetUp = false
      throw .wrongDevice(found: configuration)
    }
    if isSetUp { return try proceed(on: &bus) }
    return .waiting(nanoseconds: Self.conversionNanoseconds)
  }

  public mutating func proceed<Bus: RegisterBus & ~Copyable>(
    on bus: inout Bus
  ) throws(SensorError) -> Progress {
    let raw: InlineArray<2, UInt8> = try bus.bytes(address: address, register: 0)
    isSetUp = true
    let value = Self.temperature(high: raw[0], low: raw[1])
    return .measured(Measurement(temperature: Measured(value, within: Self.range)))
  }

  /// 11 bits, left-justified: one step is 1/8 °C (NXP LM75B, §7.4.3, table 9).
  static func temperature(high: UInt8, low: UInt8) -> Double {
    let raw = Int16(bitPattern: UInt16(high) << 8 | UInt16(low)) >> 5
    return Double(raw) / 8
  }
}
