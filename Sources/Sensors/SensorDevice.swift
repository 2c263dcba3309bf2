/// Any of the drivers, chosen once from the configuration: a closed set, so that the data path has
/// no allocation and no dynamic dispatch. A new sensor is one file with its driver, and one case
/// here.
public enum SensorDevice: SensorDriver, Sendable {
  case tmp105(TMP105)
  case lm75(LM75)
  case dps310(DPS310)
  case thermal(ThermalSensor)

  /// The driver that the configuration names. `oversampling` is that of the pressure; of the
  /// temperature only when nothing else is wanted of a DPS310, because for compensation a single
  /// measurement is enough (datasheet §8.4: more "may not be relevant").
  public init(
    _ driver: Driver, address: UInt8, oversampling: UInt8 = 1, measuresPressure: Bool = false
  ) {
    switch driver {
    case .tmp105: self = .tmp105(TMP105(address: address))
    case .lm75: self = .lm75(LM75(address: address))
    case .thermal: self = .thermal(ThermalSensor())
    case .dps310:
      let factor = DPS310Oversampling(factor: oversampling) ?? .x1
      self = .dps310(
        DPS310(
          address: address, pressureOversampling: measuresPressure ? factor : .x1,
          temperatureOversampling: measuresPressure ? .x1 : factor,
          measuresPressure: measuresPressure))
    }
  }

  public mutating func begin<Bus: RegisterBus & ~Copyable>(
    on bus: inout Bus
  ) throws(SensorError) -> Progress {
    switch self {
    case .tmp105(var device):
      defer { self = .tmp105(device) }
      return try device.begin(on: &bus)
    case .lm75(var device):
      defer { self = .lm75(device) }
      return try device.begin(on: &bus)
    case .dps310(var device):
      defer { self = .dps310(device) }
      return try device.begin(on: &bus)
    case .thermal(var device):
      defer { self = .thermal(device) }
      return try device.begin(on: &bus)
    }
  }

  public mutating func proceed<Bus: RegisterBus & ~Copyable>(
    on bus: inout Bus
  ) throws(SensorError) -> Progress {
    switch self {
    case .tmp105(var device):
      defer { self = .tmp105(device) }
      return try device.proceed(on: &bus)
    case .lm75(var device):
      defer { self = .lm75(device) }
      return try device.proceed(on: &bus)
    case .dps310(var device):
      defer { self = .dps310(device) }
      return try device.proceed(on: &bus)
    case .thermal(var device):
      defer { self = .thermal(device) }
      return try device.proceed(on: &bus)
    }
  }

  public mutating func forget() {
    switch self {
    case .tmp105(var device):
      device.forget()
      self = .tmp105(device)
    case .lm75(var device):
      device.forget()
      self = .lm75(device)
    case .dps310(var device):
      device.forget()
      self = .dps310(device)
    case .thermal: break
    }
  }
}
