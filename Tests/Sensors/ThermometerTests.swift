// Invariants:
// - Every code of the data sheets' tables reads as the temperature beside it; all 4,096 codes of a
//   TMP105 rise in steps of 0.0625 °C.
// - The driver never reads a temperature before a conversion's time has passed since set-up, and
//   sets a device up again that lost its power.
// - Absent, wrong, broken, out of range: each shows as what it is.

import Ring
import Testing

@testable import Sensors

@Suite struct ThermometerTests {
  /// TI TMP105, "Temperature Data Format".
  @Test(arguments: [
    (0x7ff0, 127.9375), (0x6400, 100), (0x5000, 80), (0x4b00, 75), (0x3200, 50), (0x1900, 25),
    (0x0040, 0.25), (0x0000, 0), (0xffc0, -0.25), (0xe700, -25), (0xc900, -55), (0x8000, -128),
  ])
  func tmp105Table(code: Int, celsius: Double) {
    let value = TMP105.temperature(high: UInt8(code >> 8), low: UInt8(code & 0xff))
    #expect(value == celsius)
  }

  @Test func tmp105EveryCode() {
    for step in -2048..<2048 {
      let code = UInt16(bitPattern: Int16(step * 16))
      let value = TMP105.temperature(high: UInt8(code >> 8), low: UInt8(code & 0xff))
      #expect(value == Double(step) * 0.0625)
    }
  }

  /// NXP LM75B, table 10.
  @Test(arguments: [
    (0x7f00, 127), (0x7ee0, 126.875), (0x7d00, 125), (0x1900, 25), (0x0020, 0.125), (0, 0),
    (0xffe0, -0.125), (0xe700, -25), (0xc920, -54.875), (0xc900, -55),
  ])
  func lm75Table(code: Int, celsius: Double) {
    // What a 9-bit part may hold in the bits that it does not define, 4 to 0, changes nothing.
    for low in 0..<32 {
      let value = LM75.temperature(high: UInt8(code >> 8), low: UInt8(code & 0xff | low))
      #expect(value == celsius)
    }
  }

  @Test func tmp105SetsUpOnceAndAfterPowerLoss() throws {
    var bus = RegisterMap(address: 0x48)
    bus.words[0] = [0x15, 0x70]
    bus.words[2] = [0x4b, 0x00]
    var device = TMP105(address: 0x48)
    let first = try measure(&device, on: &bus)
    #expect(first.measurement.temperature == Measured(value: 21.4375))
    #expect(first.waited >= 220_000_000)
    #expect(bus.writes.map(\.byte) == [0x60])
    // The alert's state in bit 7 is not a lost configuration.
    bus.registers[1] = 0xe0
    #expect(try measure(&device, on: &bus).waited == 0)
    bus.registers[1] = 0x00
    #expect(try measure(&device, on: &bus).waited >= 220_000_000)
    #expect(bus.writes.map(\.byte) == [0x60, 0x60])
  }

  @Test func tmp105Faults() throws {
    var device = TMP105(address: 0x48)
    var nobody = RegisterMap(address: 0x49)
    #expect(throws: SensorError.bus(.nack)) { try measure(&device, on: &nobody) }
    var other = RegisterMap(address: 0x48)
    other.fixed = [1]
    #expect(throws: SensorError.wrongDevice(found: 0)) { try measure(&device, on: &other) }
    var free = RegisterMap(address: 0x48)
    free.words[0] = [0xff, 0xff]
    #expect(throws: SensorError.badData) { try measure(&device, on: &free) }
    var cold = RegisterMap(address: 0x48)
    cold.words[0] = [0xc8, 0xf0]
    #expect(try measure(&device, on: &cold).measurement.temperature.quality == .outOfRange)
  }

  @Test func lm75Faults() throws {
    var device = LM75(address: 0x4f)
    var bus = RegisterMap(address: 0x4f)
    bus.words[0] = [0xe7, 0x1f]
    #expect(try measure(&device, on: &bus).measurement.temperature == Measured(value: -25))
    bus.registers[1] = 0xff
    #expect(throws: SensorError.wrongDevice(found: 0xff)) { try measure(&device, on: &bus) }
    bus.words[0] = [0x7d, 0x20]
    #expect(try measure(&device, on: &bus).measurement.temperature.quality == .outOfRange)
  }
}
