import Sensors

/// The devices that a simulated bus can have.
public enum SimulatedModel: UInt8, Sendable {
  case tmp105
  case lm75
  case dps310
  case thermal

  /// From the board's word for it.
  public init?(name: String) {
    if name == "tmp105" {
      self = .tmp105
    } else if name == "lm75" {
      self = .lm75
    } else if name == "dps310" {
      self = .dps310
    } else if name == "thermal" {
      self = .thermal
    } else {
      return nil
    }
  }
}

/// What can be done to a simulated device, for tests.
public enum SimulatedFault: Equatable, Sendable {
  /// Nobody is there.
  case absent
  case timeout
  case stuck
}

/// A bus with register-level models of devices, stricter than the real ones: what a data sheet does
/// not allow (an unknown register, a wrong length, a result that is not ready, a command during a
/// command) is not acknowledged, where a real device would answer with some byte.
///
/// Its time is what `maintain` was last told; its weather comes from the seed.
public struct SimulatedBus: ManagedBus, ~Copyable {
  private var devices: [Slot] = []
  private var now: Int64 = 0
  /// Transfers so far, also refused ones: tests count by it.
  public private(set) var transferCount = 0

  private struct Slot {
    let address: UInt8
    var device: Device
    var fault: SimulatedFault?
    /// The fault goes by itself after so many transfers.
    var faultCount = 0
  }

  private enum Device {
    case thermometer(SimulatedThermometer)
    case dps310(SimulatedDPS310)
    case thermal(Weather)
  }

  /// `seed` decides the weather, and the small differences between two devices of a kind.
  public init(seed: UInt64) {
    self.seed = seed
  }

  private let seed: UInt64

  /// Adds a device; a second one at the same address traps.
  public mutating func add(_ model: SimulatedModel, address: UInt8) {
    precondition(!devices.contains { $0.address == address })
    let weather = Weather(seed: mixed(seed &+ UInt64(address)))
    let device: Device =
      switch model {
      case .tmp105: .thermometer(SimulatedThermometer(kind: .tmp105, weather: weather))
      case .lm75: .thermometer(SimulatedThermometer(kind: .lm75, weather: weather))
      case .dps310: .dps310(SimulatedDPS310(weather: weather))
      case .thermal: .thermal(weather)
      }
    devices.append(Slot(address: address, device: device))
  }

  /// Lets the device at `address` fail, for the next `count` transfers to it.
  public mutating func inject(_ fault: SimulatedFault, address: UInt8, count: Int = .max) {
    for index in devices.indices where devices[index].address == address {
      devices[index].fault = fault
      devices[index].faultCount = count
    }
  }

  /// Ends an injected fault.
  public mutating func repair(address: UInt8) {
    for index in devices.indices where devices[index].address == address {
      devices[index].fault = nil
    }
  }

  /// The device at `address` loses its power and gets it back: its registers are as at the start.
  public mutating func cutPower(address: UInt8) {
    for index in devices.indices where devices[index].address == address {
      switch devices[index].device {
      case .thermometer(var device):
        device.reset()
        devices[index].device = .thermometer(device)
      case .dps310(var device):
        device.reset(now: now)
        devices[index].device = .dps310(device)
      case .thermal: break
      }
    }
  }

  /// The weather at a device, in °C and Pa, at time `now`: what its readings should say.
  public func truth(address: UInt8, at time: Int64) -> (temperature: Double, pressure: Double) {
    let weather = Weather(seed: mixed(seed &+ UInt64(address)))
    return (weather.temperature(at: time), weather.pressure(at: time))
  }

  public mutating func maintain(now: Int64) -> BusMaintenance {
    self.now = now
    return .nothing
  }

  public mutating func read(
    address: UInt8, register: UInt8, into: inout MutableSpan<UInt8>
  ) throws(BusError) {
    precondition(into.count >= 1 && into.count <= transferByteCountMax)
    let index = try find(address)
    switch devices[index].device {
    case .thermometer(var device):
      defer { devices[index].device = .thermometer(device) }
      try device.read(register, into: &into, now: now)
    case .dps310(var device):
      defer { devices[index].device = .dps310(device) }
      try device.read(register, into: &into, now: now)
    case .thermal(let weather):
      guard register == 0, into.count == 4 else { throw .nack }
      // An SoC in a case, some 25 °C above the room.
      let value = UInt32(Int32((weather.temperature(at: now) + 25) * 1000))
      for index in 0..<4 {
        into[index] = UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32(index)))
      }
    }
  }

  public mutating func write(
    address: UInt8, register: UInt8, _ bytes: Span<UInt8>
  ) throws(BusError) {
    precondition(bytes.count <= transferByteCountMax)
    let index = try find(address)
    switch devices[index].device {
    case .thermometer(var device):
      defer { devices[index].device = .thermometer(device) }
      try device.write(register, bytes, now: now)
    case .dps310(var device):
      defer { devices[index].device = .dps310(device) }
      try device.write(register, bytes, now: now)
    case .thermal:
      throw .nack
    }
  }

  private mutating func find(_ address: UInt8) throws(BusError) -> Int {
    transferCount += 1
    guard let index = devices.firstIndex(where: { $0.address == address }) else { throw .nack }
    guard let fault = devices[index].fault else { return index }
    guard devices[index].faultCount > 0 else {
      devices[index].fault = nil
      return index
    }
    devices[index].faultCount -= 1
    switch fault {
    case .absent: throw .nack
    case .timeout: throw .timeout
    case .stuck: throw .stuck
    }
  }
}
