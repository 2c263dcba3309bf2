// Invariants:
// - Coefficients of every width unpack with their sign; compensation agrees with exact rational
//   arithmetic (computed apart from this program) to a thousandth of a pascal.
// - Scale factor, result shift and waiting time go with the oversampling.
// - A driver that works with real devices also works with QEMU's model, which never gets a cleared
//   ready bit back.
// - Absent, wrong, not ready, out of range: each shows as what it is.

import Ring
import Testing

@testable import Sensors

@Suite struct DPS310Tests {
  @Test func signs() {
    #expect(DPS310Calibration.signed(0x7ff, bits: 12) == 2047)
    #expect(DPS310Calibration.signed(0x800, bits: 12) == -2048)
    #expect(DPS310Calibration.signed(0xfff, bits: 12) == -1)
    #expect(DPS310Calibration.signed(0x7ffff, bits: 20) == 524_287)
    #expect(DPS310Calibration.signed(0x80000, bits: 20) == -524_288)
    #expect(DPS310Calibration.signed(0x8000, bits: 16) == -32_768)
    #expect(DPS310Calibration.signed(0x800000, bits: 24) == -8_388_608)
    #expect(DPS310Calibration.signed(0x7fffff, bits: 24) == 8_388_607)
  }

  /// Each coefficient alone, at its lowest value: nothing spills into a neighbour.
  @Test func everyCoefficientByItself() {
    let widths = [12, 12, 20, 20, 16, 16, 16, 16, 16]
    for field in 0..<9 {
      var bytes = InlineArray<18, UInt8>(repeating: 0)
      let position = widths[..<field].reduce(0, +)
      bytes[position / 8] = 0x80 >> UInt8(position % 8)
      let c = DPS310Calibration(bytes)
      let found = [c.c0, c.c1, c.c00, c.c10, c.c01, c.c11, c.c20, c.c21, c.c30]
      var expected = [Int32](repeating: 0, count: 9)
      expected[field] = -(1 << Int32(widths[field] - 1))
      #expect(found == expected)
    }
  }

  /// The calibration of a real device, as QEMU carries it, with its raw results, compensated with
  /// exact fractions for several pairs of oversampling.
  @Test(arguments: [
    (1, 1, 24.73843002319336, 92946.31142171418), (16, 1, 24.73843002319336, 105148.16715767789),
    (16, 16, -68.68517672631049, 104457.6357318003),
    (128, 1, 24.73843002319336, 83771.03998644523), (2, 2, 83.24614334106445, 85144.1327592151),
    (8, 4, 99.9626328604562, 81850.5403897553),
  ])
  func workedExamples(pressureFactor: UInt8, temperatureFactor: UInt8, t: Double, p: Double) {
    let map = RegisterMap.emulatedDPS310()
    var bytes = InlineArray<18, UInt8>(repeating: 0)
    for index in 0..<18 { bytes[index] = map.registers[0x10 + index] }
    let calibration = DPS310Calibration(bytes)
    #expect(calibration.c0 == 225 && calibration.c1 == -291)
    #expect(calibration.c00 == 81061 && calibration.c10 == -57006 && calibration.c30 == -1222)
    let kP = DPS310Oversampling(factor: pressureFactor)!.scaleFactor
    let kT = DPS310Oversampling(factor: temperatureFactor)!.scaleFactor
    let scaledTemperature = Double(0x0269a6) / kT
    let scaledPressure = Double(0xfe2fee - 0x1000000) / kP
    #expect(abs(calibration.temperature(scaled: scaledTemperature) - t) < 1e-6)
    let pressure = calibration.pressure(scaled: scaledPressure, temperature: scaledTemperature)
    #expect(abs(pressure - p) < 1e-3)
  }

  @Test func oversampling() {
    #expect(DPS310Oversampling(factor: 0) == nil)
    #expect(DPS310Oversampling(factor: 3) == nil)
    for power in UInt8(0)..<8 {
      let x = DPS310Oversampling(factor: 1 << power)
      #expect(x?.rawValue == power)
      #expect(x?.needsShift == (power > 3))
      // Table 16 is 2 ms and 1.6 ms for each single measurement.
      let nanoseconds: Int64 = 2_000_000 + 1_600_000 << Int64(power)
      #expect(x?.measurementNanoseconds == nanoseconds)
    }
  }

  @Test(arguments: [UInt8(1), 2, 8, 16, 128])
  func emulated(factor: UInt8) throws {
    var bus = RegisterMap.emulatedDPS310()
    var device = SensorDevice(.dps310, address: 0x77, oversampling: factor, measuresPressure: true)
    for _ in 0..<3 {
      let (measurement, waited) = try measure(&device, on: &bus)
      #expect(abs(measurement.temperature.value - 24.738430) < 1e-5)
      #expect(measurement.temperature.quality == .good && measurement.pressure.quality == .good)
      #expect(waited >= DPS310Oversampling(factor: factor)!.measurementNanoseconds)
    }
    #expect(bus.registers[0x06] & 7 == UInt8(factor.trailingZeroBitCount))
    #expect(bus.registers[0x07] & 0x87 == 0x80)
    #expect(bus.registers[0x09] == (factor > 8 ? 0x04 : 0))
    // The fuses of this one are right, so they are left alone.
    #expect(!bus.writes.contains { $0.register == 0x62 })
    #expect(bus.writes.filter { $0.register == 0x0c }.count == 1)
  }

  @Test func temperatureShift() throws {
    var bus = RegisterMap.emulatedDPS310()
    var device = DPS310(address: 0x77, temperatureOversampling: .x64, measuresPressure: false)
    _ = try measure(&device, on: &bus)
    #expect(bus.registers[0x09] == 0x08 && bus.registers[0x07] & 0x0f == 6)
  }

  @Test func wrongFuse() throws {
    var bus = RegisterMap.emulatedDPS310()
    bus.registers[0x32] = 0
    var device = DPS310(address: 0x77)
    _ = try measure(&device, on: &bus)
    let fuses = bus.writes.filter { [0x0e, 0x0f, 0x62].contains($0.register) }
    #expect(fuses.map(\.register) == [0x0e, 0x0f, 0x62, 0x0e, 0x0f])
    #expect(fuses.map(\.byte) == [0xa5, 0x96, 0x02, 0, 0])
  }

  @Test func faults() throws {
    var device = DPS310(address: 0x77)
    var nobody = RegisterMap(address: 0x76)
    #expect(throws: SensorError.bus(.nack)) { try measure(&device, on: &nobody) }
    var other = RegisterMap.emulatedDPS310()
    other.registers[0x0d] = 0x58
    #expect(throws: SensorError.wrongDevice(found: 0x58)) { try measure(&device, on: &other) }
    var empty = RegisterMap(address: 0x77)
    empty.registers = [UInt8](repeating: 0xff, count: 256)
    #expect(throws: SensorError.wrongDevice(found: 0xff)) { try measure(&device, on: &empty) }
    var deaf = RegisterMap.emulatedDPS310()
    deaf.fixed = [0x06]
    #expect(throws: SensorError.wrongDevice(found: 0)) { try measure(&device, on: &deaf) }
    for missing: UInt8 in [0x80, 0x40, 0x20, 0x10] {
      var slow = RegisterMap.emulatedDPS310()
      slow.registers[8] &= ~missing
      device.forget()
      #expect(throws: SensorError.notReady) { try measure(&device, on: &slow) }
    }
    var hot = RegisterMap.emulatedDPS310()
    hot.registers[3] = 0x80
    let measurement = try measure(&device, on: &hot).measurement
    #expect(measurement.temperature.quality == .outOfRange)
    #expect(measurement.pressure.quality == .outOfRange)
  }

  @Test func setsUpAgainAfterPowerLoss() throws {
    var bus = RegisterMap.emulatedDPS310()
    var device = DPS310(address: 0x77)
    _ = try measure(&device, on: &bus)
    bus.registers = RegisterMap.emulatedDPS310().registers
    #expect(try measure(&device, on: &bus).waited > 40_000_000)
    #expect(bus.writes.filter { $0.register == 0x0c }.count == 2)
  }
}
