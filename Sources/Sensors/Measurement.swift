import Ring

/// Why a sensor gave no measurement.
public enum SensorError: Error, Equatable, Sendable {
  /// The transfer failed. `.bus(.nack)` is what a device that is absent looks like.
  case bus(BusError)
  /// Something answers at the address, but it is not the configured device. `found` is the byte
  /// that gave it away.
  case wrongDevice(found: UInt8)
  /// The right device, but what it answers fails its own check.
  case badData
  /// The device has no measurement, long after it should have one.
  case notReady

  /// What a reading says of it.
  public var quality: Quality {
    switch self {
    case .bus(let error): error.quality
    case .wrongDevice, .badData: .deviceFault
    case .notReady: .notReady
    }
  }
}

/// One quantity of a measurement. `value` counts only when `quality` is `good`.
public struct Measured: Equatable, Sendable {
  public var value: Double
  public var quality: Quality

  public init(value: Double, quality: Quality = .good) {
    self.value = value
    self.quality = quality
  }

  /// `value` when it lies in `range`; `outOfRange` when it does not, or is not a number.
  public init(_ value: Double, within range: ClosedRange<Double>) {
    self.value = value
    quality = range.contains(value) ? .good : .outOfRange
  }

  /// What a sensor says of a quantity that it does not measure.
  public static var nothing: Measured { Measured(value: 0, quality: .absent) }
}

/// What one measurement of a sensor gives.
public struct Measurement: Equatable, Sendable {
  /// In degrees Celsius.
  public var temperature: Measured
  /// In pascal; `nothing` for a thermometer.
  public var pressure: Measured

  public init(temperature: Measured, pressure: Measured = .nothing) {
    self.temperature = temperature
    self.pressure = pressure
  }
}

/// How far a measurement is. A driver never sleeps: it says when it wants to be asked again.
public enum Progress: Equatable, Sendable {
  /// Call `proceed` when so many nanoseconds have passed, not earlier.
  case waiting(nanoseconds: Int64)
  /// Done.
  case measured(Measurement)
}

/// What every driver can do. A measurement is `begin`, then `proceed` for as long as it says
/// `waiting`; set-up is part of the first measurement, and of the first one after an error.
///
/// After an error the driver has forgotten everything, so that a device that was replaced, or lost
/// its power, is found and set up anew.
public protocol SensorDriver {
  /// Starts a measurement; what was left of an earlier one is abandoned.
  mutating func begin<Bus: RegisterBus & ~Copyable>(
    on bus: inout Bus
  ) throws(SensorError) -> Progress

  /// Goes on with it.
  mutating func proceed<Bus: RegisterBus & ~Copyable>(
    on bus: inout Bus
  ) throws(SensorError) -> Progress

  /// Drops all that is known of the device.
  mutating func forget()
}
