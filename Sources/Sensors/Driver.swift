// The module Sensors: device drivers as register logic over a bus. It owns no descriptor, knows no
// Linux, allocates nothing, and is called by the sense tasks and by tests.

/// Every sensor that Weir can read, by the name that the configuration uses.
public enum Driver: UInt8, Sendable {
  /// TI TMP105 and TMP75, 12 bits, 0.0625 °C (TI SLLS648D).
  case tmp105 = 0
  /// NXP/TI LM75, LM75A, LM75B: 9 to 11 bits.
  case lm75 = 1
  /// Infineon DPS310: pressure and temperature (datasheet V1.1).
  case dps310 = 2
  /// The SoC's own temperature, from the kernel's thermal zone. Not on a bus.
  case thermal = 3
}

/// What a sensor measures, with its unit as the SenML registry names it (RFC 8428, table 8.1).
public enum Quantity: UInt8, Sendable {
  /// In degrees Celsius, `Cel`.
  case temperature = 0
  /// In pascal, `Pa`.
  case pressure = 1

  /// The configuration's word for it.
  public var name: StaticString {
    switch self {
    case .temperature: "temperature"
    case .pressure: "pressure"
    }
  }

  /// The SenML unit.
  public var unit: StaticString {
    switch self {
    case .temperature: "Cel"
    case .pressure: "Pa"
    }
  }
}

extension Driver {
  /// The configuration's word for it.
  public var name: StaticString {
    switch self {
    case .tmp105: "tmp105"
    case .lm75: "lm75"
    case .dps310: "dps310"
    case .thermal: "thermal"
    }
  }

  /// Whether the sensor sits on an I²C bus and so has an address.
  public var isOnI2C: Bool {
    switch self {
    case .tmp105, .lm75, .dps310: true
    case .thermal: false
    }
  }

  /// The 7-bit addresses that the device can be strapped to.
  public var addresses: ClosedRange<UInt8> {
    switch self {
    case .tmp105, .lm75: 0x48...0x4f
    case .dps310: 0x76...0x77
    case .thermal: 0...0
    }
  }

  public func measures(_ quantity: Quantity) -> Bool {
    switch self {
    case .tmp105, .lm75, .thermal: quantity == .temperature
    case .dps310: true
    }
  }
}
