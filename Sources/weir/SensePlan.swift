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

  /// How many readings the task of `target` may be ahead of the pipeline: what it makes while the
  /// pipeline hangs, is noticed (after its deadline, usually 2 s), asked for its record (0.1 s),
  /// killed and started again (0.5 s), and half as much again. A power of two; a ring of the
  /// largest is 2 MiB.
  static func readingCapacity(_ configuration: Configuration, of target: SenseTarget) -> Int {
    let deadline = Double(configuration.supervision.deadline) / 1e9
    let seconds = (deadline + 0.1 + 0.5) * 1.5
    var perSecond = 0.0
    for sensor in sensors(configuration, of: target) {
      let channelCount =
        (sensor.temperatureChannel == nil ? 0 : 1) + (sensor.pressureChannel == nil ? 0 : 1)
      perSecond += Double(channelCount) * 1e9 / Double(sensor.period)
    }
    for line in lines(configuration, of: target) { perSecond += readingsPerSecond(line) }
    var capacity = readingCapacityMin
    while capacity < readingCapacityMax, Double(capacity) < perSecond * seconds { capacity *= 2 }
    return capacity
  }

  /// At 1,000 readings a second it would be 3,900; few gateways have that.
  private static let readingCapacityMin = 1024
  private static let readingCapacityMax = 65_536

  /// Nobody knows how fast edges come. A debounced line has at most one in each of its times; of
  /// another, so many are assumed as a pulse meter makes at most.
  private static func readingsPerSecond(_ line: LineSettings) -> Double {
    guard line.mode == .edges else { return 1e9 / Double(max(line.period, 1)) }
    let assumed = 1000.0
    if line.debounceMicroseconds == 0 { return assumed }
    return min(assumed, 1e6 / Double(line.debounceMicroseconds))
  }

  private static func matches(_ target: SenseTarget, _ sensor: SensorSettings) -> Bool {
    switch target {
    case .bus(let name): sensor.driver.isOnI2C && sensor.bus == name
    case .thermal: sensor.driver == .thermal
    case .chip: false
    }
  }
}
