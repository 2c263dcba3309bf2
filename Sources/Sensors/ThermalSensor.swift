/// The SoC's own temperature. The kernel gives it in a file, in thousandths of a degree
/// (Documentation/driver-api/thermal/sysfs-api); the bus of such a sensor presents it as register
/// 0, a big-endian 32-bit integer, so that it is scheduled, retried and reported as any other
/// sensor.
public struct ThermalSensor: SensorDriver, Sendable {
  /// Wider than any SoC survives, narrower than what a broken zone reports.
  static let range = -55.0...150.0

  public init() {}

  public mutating func forget() {}

  public mutating func begin<Bus: RegisterBus & ~Copyable>(
    on bus: inout Bus
  ) throws(SensorError) -> Progress {
    let raw: InlineArray<4, UInt8> = try bus.bytes(address: 0, register: 0)
    let bits =
      UInt32(raw[0]) << 24 | UInt32(raw[1]) << 16 | UInt32(raw[2]) << 8 | UInt32(raw[3])
    let value = Double(Int32(bitPattern: bits)) / 1000
    return .measured(Measurement(temperature: Measured(value, within: Self.range)))
  }

  public mutating func proceed<Bus: RegisterBus & ~Copyable>(
    on bus: inout Bus
  ) throws(SensorError) -> Progress {
    try begin(on: &bus)
  }
}
