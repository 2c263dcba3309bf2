import Ring

/// Infineon DPS310: a barometer with a thermometer (datasheet V1.1), 300 to 1200 hPa, −40 to 85 °C.
///
/// Every sample is two commands (§4.2, command mode): temperature, then pressure, so that the
/// pressure is compensated with a temperature of the same moment, the device heats itself least,
/// and the sample falls where the schedule wants it. Between them the driver says how long to wait.
///
/// ```
///  unknown ──id, reset──► resetting ──coefficients, set-up──► temperature ──► pressure ──► idle
///                                                                  ▲                        │
///                                                                  └────────────────────────┘
/// ```
public struct DPS310: SensorDriver, Sendable {
  /// 7-bit: 0x77, or 0x76 with SDO at ground.
  public let address: UInt8
  public let pressureOversampling: DPS310Oversampling
  public let temperatureOversampling: DPS310Oversampling
  /// Without it a measurement ends after the temperature.
  public let measuresPressure: Bool

  enum Register {
    static let pressure: UInt8 = 0x00
    static let temperature: UInt8 = 0x03
    /// PRS_CFG, TMP_CFG, MEAS_CFG and CFG_REG follow each other.
    static let settings: UInt8 = 0x06
    static let pressureSetting: UInt8 = 0x06
    static let temperatureSetting: UInt8 = 0x07
    static let measure: UInt8 = 0x08
    static let shift: UInt8 = 0x09
    static let reset: UInt8 = 0x0c
    static let product: UInt8 = 0x0d
    static let coefficients: UInt8 = 0x10
    static let coefficientSource: UInt8 = 0x28
    /// Not in the datasheet: bit 1 says that the fuses are right (Linux,
    /// drivers/iio/pressure/dps310.c).
    static let fuseState: UInt8 = 0x32
    static let fuse: UInt8 = 0x62
  }

  /// MEAS_CFG (§8.5).
  enum Measure {
    static let coefficientsReady: UInt8 = 0x80
    static let sensorReady: UInt8 = 0x40
    static let temperatureReady: UInt8 = 0x20
    static let pressureReady: UInt8 = 0x10
    static let controlMask: UInt8 = 0x07
    static let pressure: UInt8 = 0x01
    static let temperature: UInt8 = 0x02
  }

  /// PROD_ID 0, REV_ID 1 (§8.10).
  static let product: UInt8 = 0x10
  /// SOFT_RST (§8.9).
  static let softReset: UInt8 = 0x09
  /// Coefficients are readable 40 ms after a reset, the sensor 12 ms after it (§2.2, table 3).
  static let resetNanoseconds: Int64 = 40_000_000
  /// Measurement times are typical ones: how often a result that is late is asked for again, after
  /// an eighth of its time more each.
  static let pollCountMax: UInt8 = 8
  /// PM_RATE and TMP_RATE mean nothing in command mode. Set to 001 they tell a device that we set
  /// up from one that lost its power, whose registers are zero.
  static let setUpMark: UInt8 = 0x10
  static let pressureRange = 30_000.0...120_000.0
  static let temperatureRange = -40.0...85.0

  enum Phase: Sendable {
    case unknown
    case resetting
    case temperature
    case pressure
    case idle
  }

  private var phase = Phase.unknown
  private var pollCount: UInt8 = 0
  private var calibration = DPS310Calibration(InlineArray(repeating: 0))
  private var usesExternalSensor = false
  /// The last raw temperature, divided by its scale factor.
  private var scaledTemperature = 0.0

  public init(
    address: UInt8, pressureOversampling: DPS310Oversampling = .x1,
    temperatureOversampling: DPS310Oversampling = .x1, measuresPressure: Bool = true
  ) {
    self.address = address
    self.pressureOversampling = pressureOversampling
    self.temperatureOversampling = temperatureOversampling
    self.measuresPressure = measuresPressure
  }

  public mutating func forget() { phase = .unknown }

  public mutating func begin<Bus: RegisterBus & ~Copyable>(
    on bus: inout Bus
  ) throws(SensorError) -> Progress {
    if phase == .unknown || phase == .resetting { return try reset(on: &bus) }
    let found: InlineArray<4, UInt8> = try bus.bytes(
      address: address, register: Register.settings)
    guard found[0] == pressureSetting, found[1] == temperatureSetting, found[3] == shiftSetting
    else {
      // The device lost its power since the last sample.
      return try reset(on: &bus)
    }
    return try start(.temperature, on: &bus)
  }

  public mutating func proceed<Bus: RegisterBus & ~Copyable>(
    on bus: inout Bus
  ) throws(SensorError) -> Progress {
    switch phase {
    case .unknown, .idle:
      return try begin(on: &bus)
    case .resetting:
      guard
        try isReady(Measure.coefficientsReady | Measure.sensorReady, on: &bus)
      else { return try pollAgain(after: Self.resetNanoseconds) }
      try setUp(on: &bus)
      return try start(.temperature, on: &bus)
    case .temperature:
      guard try isReady(Measure.temperatureReady, on: &bus) else {
        return try pollAgain(after: temperatureOversampling.measurementNanoseconds)
      }
      let raw = try result(Register.temperature, on: &bus)
      scaledTemperature = raw / temperatureOversampling.scaleFactor
      if measuresPressure { return try start(.pressure, on: &bus) }
      phase = .idle
      return .measured(Measurement(temperature: temperature))
    case .pressure:
      guard try isReady(Measure.pressureReady, on: &bus) else {
        return try pollAgain(after: pressureOversampling.measurementNanoseconds)
      }
      let raw = try result(Register.pressure, on: &bus)
      phase = .idle
      return .measured(measurement(scaledPressure: raw / pressureOversampling.scaleFactor))
    }
  }

  private var temperature: Measured {
    Measured(
      calibration.temperature(scaled: scaledTemperature), within: Self.temperatureRange)
  }

  private func measurement(scaledPressure: Double) -> Measurement {
    let pressure = calibration.pressure(scaled: scaledPressure, temperature: scaledTemperature)
    var measured = Measured(pressure, within: Self.pressureRange)
    // A pressure compensated with a temperature that cannot be is not a pressure.
    if temperature.quality != .good { measured.quality = temperature.quality }
    return Measurement(temperature: temperature, pressure: measured)
  }

  private var pressureSetting: UInt8 { Self.setUpMark | pressureOversampling.rawValue }

  /// TMP_EXT must name the sensor that the coefficients were made with (§8.4, §8.12).
  private var temperatureSetting: UInt8 {
    (usesExternalSensor ? 0x80 : 0) | Self.setUpMark | temperatureOversampling.rawValue
  }

  /// T_SHIFT is bit 3 and P_SHIFT bit 2 (§8.6); Linux's driver sets bit 4, which is INT_PRS.
  private var shiftSetting: UInt8 {
    (temperatureOversampling.needsShift ? 0x08 : 0) | (pressureOversampling.needsShift ? 0x04 : 0)
  }
}

/// Set-up and commands.
extension DPS310 {
  private mutating func reset<Bus: RegisterBus & ~Copyable>(
    on bus: inout Bus
  ) throws(SensorError) -> Progress {
    phase = .unknown
    let found = try bus.byte(address: address, register: Register.product)
    // QEMU's model does not answer this register and reads as 0xff; the coefficients and the
    // settings read back in `setUp` tell such a device from an empty one.
    guard found == Self.product || found == 0xff else { throw .wrongDevice(found: found) }
    try bus.write(address: address, register: Register.reset, byte: Self.softReset)
    phase = .resetting
    pollCount = 0
    return .waiting(nanoseconds: Self.resetNanoseconds)
  }

  private mutating func setUp<Bus: RegisterBus & ~Copyable>(
    on bus: inout Bus
  ) throws(SensorError) {
    let bytes: InlineArray<18, UInt8> = try bus.bytes(
      address: address, register: Register.coefficients)
    var differs = false
    for index in 1..<18 where bytes[index] != bytes[0] { differs = true }
    guard differs else { throw .wrongDevice(found: bytes[0]) }
    calibration = DPS310Calibration(bytes)
    let source = try bus.byte(address: address, register: Register.coefficientSource)
    usesExternalSensor = source & 0x80 != 0
    try correctFuses(on: &bus)
    try bus.write(address: address, register: Register.pressureSetting, byte: pressureSetting)
    try bus.write(
      address: address, register: Register.temperatureSetting, byte: temperatureSetting)
    try bus.write(address: address, register: Register.shift, byte: shiftSetting)
    let found: InlineArray<4, UInt8> = try bus.bytes(
      address: address, register: Register.settings)
    guard found[0] == pressureSetting, found[1] == temperatureSetting, found[3] == shiftSetting
    else { throw .wrongDevice(found: found[0]) }
  }

  /// Some devices left the factory with a fuse that makes them read about 60 °C in a room of 20 °C.
  /// Infineon's own library and Linux's driver correct it with these undocumented writes.
  private func correctFuses<Bus: RegisterBus & ~Copyable>(
    on bus: inout Bus
  ) throws(SensorError) {
    let state = try bus.byte(address: address, register: Register.fuseState)
    if state & 0x02 != 0 { return }
    try bus.write(address: address, register: 0x0e, byte: 0xa5)
    try bus.write(address: address, register: 0x0f, byte: 0x96)
    try bus.write(address: address, register: Register.fuse, byte: 0x02)
    try bus.write(address: address, register: 0x0e, byte: 0x00)
    try bus.write(address: address, register: 0x0f, byte: 0x00)
  }

  /// Sends a command. The ready bits are written back as they were read: the device ignores them,
  /// QEMU's model would clear them for ever.
  private mutating func start<Bus: RegisterBus & ~Copyable>(
    _ next: Phase, on bus: inout Bus
  ) throws(SensorError) -> Progress {
    precondition(next == .temperature || next == .pressure)
    let command = next == .temperature ? Measure.temperature : Measure.pressure
    let state = try bus.byte(address: address, register: Register.measure)
    let idle = state & ~Measure.controlMask
    // A device is idle once its command is done; one that is not takes no new command before it is.
    if state != idle { try bus.write(address: address, register: Register.measure, byte: idle) }
    try bus.write(address: address, register: Register.measure, byte: idle | command)
    phase = next
    pollCount = 0
    let wait =
      next == .temperature
      ? temperatureOversampling.measurementNanoseconds
      : pressureOversampling.measurementNanoseconds
    return .waiting(nanoseconds: wait)
  }

  private func isReady<Bus: RegisterBus & ~Copyable>(
    _ bits: UInt8, on bus: inout Bus
  ) throws(SensorError) -> Bool {
    try bus.byte(address: address, register: Register.measure) & bits == bits
  }

  private mutating func pollAgain(after nanoseconds: Int64) throws(SensorError) -> Progress {
    guard pollCount < Self.pollCountMax else {
      phase = .unknown
      throw .notReady
    }
    pollCount += 1
    return .waiting(nanoseconds: max(nanoseconds / 8, 1_000_000))
  }

  /// A raw result: 24 bits of two's complement (§8.1, §8.2).
  private func result<Bus: RegisterBus & ~Copyable>(
    _ register: UInt8, on bus: inout Bus
  ) throws(SensorError) -> Double {
    let bytes: InlineArray<3, UInt8> = try bus.bytes(address: address, register: register)
    let bits = UInt32(bytes[0]) << 16 | UInt32(bytes[1]) << 8 | UInt32(bytes[2])
    return Double(DPS310Calibration.signed(bits, bits: 24))
  }
}
