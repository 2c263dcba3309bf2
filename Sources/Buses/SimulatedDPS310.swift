import Sensors

/// A DPS310, register by register, with a calibration of its own.
///
/// It computes its raw results by solving the compensation for them, with code of its own, so that
/// a driver and its model do not share a mistake.
struct SimulatedDPS310: Sendable {
  let weather: Weather
  /// Of this specimen: c0, c1, c00, c10, c01, c11, c20, c21, c30.
  private let coefficients: InlineArray<9, Int>
  private var pressureSetting: UInt8 = 0
  private var temperatureSetting: UInt8 = 0
  private var shiftSetting: UInt8 = 0
  private var fuseLock: InlineArray<2, UInt8> = [0, 0]
  private var isFuseRight: Bool
  /// When the coefficients and the sensor are ready.
  private var readyTime: Int64 = 0
  private var command: UInt8 = 0
  private var commandEndTime: Int64 = 0
  private var pressureResult: Int?
  private var temperatureResult: Int?

  init(weather: Weather) {
    self.weather = weather
    let bits = mixed(weather.seed)
    func part(_ shift: UInt64, _ span: UInt64) -> Int {
      Int((bits >> shift) % (2 * span)) - Int(span)
    }
    coefficients = [
      205 + part(0, 12), -258 + part(8, 20), 81_000 + part(16, 900), -55_000 + part(24, 900),
      -1_600 + part(32, 90), 1_230 + part(36, 60), -9_600 + part(40, 300), 95 + part(48, 20),
      -1_250 + part(56, 90),
    ]
    // Every second specimen has the wrong fuse.
    isFuseRight = bits & 1 == 0
  }

  mutating func reset(now: Int64) {
    pressureSetting = 0
    temperatureSetting = 0
    shiftSetting = 0
    command = 0
    pressureResult = nil
    temperatureResult = nil
    isFuseRight = mixed(weather.seed) & 1 == 0
    readyTime = now + 40_000_000
  }

  mutating func read(
    _ register: UInt8, into: inout MutableSpan<UInt8>, now: Int64
  ) throws(BusError) {
    settle(now)
    let count = into.count
    switch (register, count) {
    case (0x00, 3):
      guard let result = pressureResult else { throw .nack }
      pressureResult = nil
      put(result, into: &into)
    case (0x03, 3):
      guard let result = temperatureResult else { throw .nack }
      temperatureResult = nil
      put(result, into: &into)
    case (0x10, 18):
      guard now >= readyTime else { throw .nack }
      let bytes = packed()
      for index in 0..<18 { into[index] = bytes[index] }
    case (0x06...0x09, 1...4) where Int(register) + count <= 0x0a:
      for index in 0..<count { into[index] = setting(register + UInt8(index), now: now) }
    case (0x0d, 1): into[0] = 0x10
    case (0x28, 1): into[0] = 0x80
    case (0x32, 1): into[0] = isFuseRight ? 0x02 : 0x00
    default: throw .nack
    }
  }

  mutating func write(_ register: UInt8, _ bytes: Span<UInt8>, now: Int64) throws(BusError) {
    guard bytes.count == 1 else { throw .nack }
    settle(now)
    let byte = bytes[0]
    if register == 0x0c {
      guard byte == 0x09 || byte == 0x89 else { throw .nack }
      reset(now: now)
      return
    }
    // Settings and commands only once the device is up and idle.
    guard now >= readyTime, command == 0 else { throw .nack }
    switch register {
    case 0x06:
      guard byte & 0x88 == 0 else { throw .nack }
      pressureSetting = byte
    case 0x07:
      guard byte & 0x08 == 0 else { throw .nack }
      temperatureSetting = byte
    case 0x08: try start(byte & 0x07, now: now)
    case 0x09: shiftSetting = byte
    case 0x0e, 0x0f: fuseLock[Int(register - 0x0e)] = byte
    case 0x62:
      guard fuseLock[0] == 0xa5, fuseLock[1] == 0x96 else { throw .nack }
      isFuseRight = byte & 0x02 != 0
    default: throw .nack
    }
  }

  private func setting(_ register: UInt8, now: Int64) -> UInt8 {
    switch register {
    case 0x06: return pressureSetting
    case 0x07: return temperatureSetting
    case 0x09: return shiftSetting
    default:
      return command | (now >= readyTime ? 0xc0 : 0) | (temperatureResult != nil ? 0x20 : 0)
        | (pressureResult != nil ? 0x10 : 0)
    }
  }

  private mutating func start(_ control: UInt8, now: Int64) throws(BusError) {
    switch control {
    case 0: return
    case 1: commandEndTime = now + Self.time(pressureSetting & 7)
    case 2: commandEndTime = now + Self.time(temperatureSetting & 7)
    // Background modes are not used by the driver.
    default: throw .nack
    }
    command = control
  }

  /// Datasheet table 16, in ns: 2 ms and 1.6 ms for each single measurement.
  private static func time(_ precision: UInt8) -> Int64 {
    2_000_000 + 1_600_000 << Int64(precision)
  }

  /// Ends a command whose time is over.
  private mutating func settle(_ now: Int64) {
    guard command != 0, now >= commandEndTime else { return }
    let temperature = weather.temperature(at: commandEndTime) + (isFuseRight ? 0 : 40)
    // The external sensor is the one that the coefficients belong to.
    let offset = temperatureSetting & 0x80 != 0 ? 0.0 : 15.0
    let t = (temperature + offset - Double(coefficients[0]) / 2) / Double(coefficients[1])
    if command == 2 {
      temperatureResult = Self.result(t, temperatureSetting & 7, shift: shiftSetting & 0x08 != 0)
    } else {
      let p = scaledPressure(weather.pressure(at: commandEndTime), t)
      pressureResult = Self.result(p, pressureSetting & 7, shift: shiftSetting & 0x04 != 0)
    }
    command = 0
  }

  /// The scaled raw pressure that compensates to `pressure`, by halving an interval: the polynomial
  /// falls over all of it, as c10 outweighs the rest.
  private func scaledPressure(_ pressure: Double, _ t: Double) -> Double {
    let c = coefficients
    func compensated(_ p: Double) -> Double {
      var sum = Double(c[2]) + Double(c[3]) * p + Double(c[6]) * p * p + Double(c[8]) * p * p * p
      sum += t * Double(c[4]) + t * p * Double(c[5]) + t * p * p * Double(c[7])
      return sum
    }
    var low = -1.0
    var high = 1.0
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if compensated(middle) > pressure { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }

  /// The register's 24 bits. Above 8 single measurements the sum does not fit without the shift:
  /// its upper bits are lost.
  private static func result(_ scaled: Double, _ precision: UInt8, shift: Bool) -> Int {
    let factors: InlineArray<8, Double> = [
      524_288, 1_572_864, 3_670_016, 7_864_320, 253_952, 516_096, 1_040_384, 2_088_960,
    ]
    let value = floored(scaled * factors[Int(precision)] + 0.5)
    let isLong = precision > 3
    if isLong == shift { return value }
    return isLong ? value << 8 : value >> 8
  }

  private func put(_ value: Int, into: inout MutableSpan<UInt8>) {
    for index in 0..<3 { into[index] = UInt8(truncatingIfNeeded: value >> (16 - 8 * index)) }
  }

  /// The coefficients as the registers 0x10 to 0x21 hold them: a stream of bits, most significant
  /// first, of 12, 12, 20, 20 and five times 16 bits.
  private func packed() -> InlineArray<18, UInt8> {
    let widths: InlineArray<9, Int> = [12, 12, 20, 20, 16, 16, 16, 16, 16]
    var bytes = InlineArray<18, UInt8>(repeating: 0)
    var position = 0
    for field in 0..<9 {
      for bit in 0..<widths[field] {
        let isSet = coefficients[field] >> (widths[field] - 1 - bit) & 1 != 0
        if isSet { bytes[position / 8] |= 0x80 >> UInt8(position % 8) }
        position += 1
      }
    }
    return bytes
  }
}
