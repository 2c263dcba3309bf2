import Configuration
import Sensors

/// What one sense task reads: everything on one bus, which can hang as a whole.
enum SenseTarget: Sendable {
  /// An I²C bus, by the board's name.
  case bus(String)
  /// A GPIO chip, by the board's name.
  case chip(String)
  /// The SoC's thermal zone.
  case thermal

  /// What follows `sense@` in the task's name.
  var name: String {
    switch self {
    case .bus(let name), .chip(let name): name
    case .thermal: "thermal"
    }
  }
}

/// Which sense tasks a configuration needs, and how much memory.
enum SensePlan {
  /// One for each bus with a sensor, in the file's order, then one for each chip with a line.
  static func targets(_ configuration: Configuration) -> [SenseTarget] {
    var targets: [SenseTarget] = []
    for sensor in configuration.sensors {
      let target: SenseTarget = sensor.driver == .thermal ? .thermal : .bus(sensor.bus)
      if !targets.contains(where: { matches($0, sensor) }) { targets.append(target) }
    }
    for line in configuration.lines {
      let isKnown = targets.contains {
        if case .chip(let name) = $0 { return name == line.chip }
        return false
      }
      if !isKnown { targets.append(.chip(line.chip)) }
    }
    return targets
  }

  /// The state of each sense task's commit cell: a record for every channel of the gateway, so that
  /// a channel's number is its place.
  static func stateByteCount(_ configuration: Configuration) -> Int {
    SenseLedger.stateByteCount(channelCount: configuration.channels.count)
  }

  /// The sensors that the task of `target` reads.
  static func sensors(_ configuration: Configuration, of target: SenseTarget) -> [SensorSettings] {
    configuration.sensors.filter { matches(target, $0) }
  }

  /// The lines that the task of `target` reads.
  static func lines(_ configuration: Configuration, of target: SenseTarget) -> [LineSettings] {
    guard case .chip(let name) = target else { return [] }
    return configuration.lines.filter { $0.chip == name }
  }

  private static func matches(_ target: SenseTarget, _ sensor: SensorSettings) -> Bool {
    switch target {
    case .bus(let name): sensor.driver.isOnI2C && sensor.bus == name
    case .thermal: sensor.driver == .thermal
    case .chip: false
    }
  }
}
