extension Schema {
  private static let overloadKeys = [
    "levels", "margin", "recovery", "slow", "widen", "alarm_reserve",
  ]
  private static let priorities: [Priority] = [.low, .normal, .high]

  /// `priority` of a sensor or a line.
  mutating func readPriority(_ fields: Fields) -> Priority {
    guard let node = fields.value("priority"),
      let index = reader.word(node, "'priority'", of: ["low", "normal", "high"])
    else { return .normal }
    return Self.priorities[index]
  }

  /// Gives channels their priority, and warns where a low one delays an alarm.
  mutating func setPriority(_ priority: Priority, _ fields: Fields, from firstChannel: Int) {
    for index in firstChannel..<configuration.channels.count {
      configuration.channels[index].priority = priority
      let hasAlarm = configuration.channels[index].stages.contains {
        if case .alarm = $0 { true } else { false }
      }
      guard priority == .low, hasAlarm, let node = fields.value("priority") else { continue }
      reader.warning(
        node,
        "'priority' is 'low', but the channel \(quoted(configuration.channels[index].name)) has "
          + "an alarm; expected normal or high; under overload the alarm is judged less often")
    }
  }

  /// Reads `overload:`; with an error in it the policy stays the usual one.
  mutating func readOverload(_ node: Int) {
    let before = reader.errorCount
    guard let fields = reader.fields(node, "overload", keys: Self.overloadKeys) else { return }
    var overload = OverloadSettings()
    if let node = fields.value("levels") { readLevels(node, &overload) }
    if let node = fields.value("margin"),
      let value = reader.integer(node, "'margin'", in: 1...99)
    {
      overload.margin = UInt8(value)
    }
    let levelNode = fields.value("margin") ?? fields.value("levels") ?? node
    if overload.margin > overload.levels.0, reader.errorCount == before {
      reader.error(
        levelNode,
        "the margin of \(overload.margin) is more than the first of 'levels', "
          + "\(overload.levels.0); expected no more, because level 1 could never end; lower "
          + "'margin'")
    }
    if let node = fields.value("recovery") {
      let range = 100 * millisecond...3600 * second
      overload.recovery = reader.duration(node, "'recovery'", in: range) ?? 0
    }
    overload.slow = readFactor(fields, "slow", overload.slow)
    overload.widen = readFactor(fields, "widen", overload.widen)
    if let node = fields.value("alarm_reserve"),
      let value = reader.integer(node, "'alarm_reserve'", in: 1...50)
    {
      overload.alarmReserve = UInt8(value)
    }
    if reader.errorCount == before { configuration.overload = overload }
  }

  private mutating func readFactor(_ fields: Fields, _ key: String, _ usual: UInt8) -> UInt8 {
    guard let node = fields.value(key) else { return usual }
    return reader.integer(node, "'\(key)'", in: 1...10).map { UInt8($0) } ?? usual
  }

  private mutating func readLevels(_ node: Int, _ overload: inout OverloadSettings) {
    let before = reader.errorCount
    guard let items = reader.items(node, "'levels'", example: "[50, 75, 90]", limit: 3) else {
      return
    }
    var levels: [Int64] = []
    for item in items {
      guard let level = reader.integer(item, "a level of 'levels'", in: 1...100) else { continue }
      if let last = levels.last, level <= last {
        reader.refuse(
          item, "a level of 'levels'", expected: "more than the \(last) before it",
          remedy: "write for example [50, 75, 90]")
      }
      levels.append(level)
    }
    guard reader.errorCount == before else { return }
    guard levels.count == 3 else {
      reader.error(
        node,
        "'levels' has \(levels.count) entries; expected three, in percent; write for example "
          + "[50, 75, 90]")
      return
    }
    overload.levels = (UInt8(levels[0]), UInt8(levels[1]), UInt8(levels[2]))
  }

  /// Reads `sensing:`; of a value with an error the usual one stays.
  mutating func readSensing(_ node: Int) {
    guard let fields = reader.fields(node, "sensing", keys: ["realtime", "cpus"]) else { return }
    if let node = fields.value("realtime"),
      let value = reader.integer(
        node, "'realtime'", in: 1...Int64(SensingSettings.realtimeMax))
    {
      configuration.sensing.realtime = UInt8(value)
    }
    guard let node = fields.value("cpus"),
      let items = reader.items(node, "'cpus'", example: "[1] or [2, 3]", limit: 64)
    else { return }
    var cpus: [UInt16] = []
    let before = reader.errorCount
    for item in items {
      let last = Int64(SensingSettings.cpuCountMax) - 1
      guard let cpu = reader.integer(item, "a number in 'cpus'", in: 0...last) else { continue }
      cpus.append(UInt16(cpu))
    }
    if items.isEmpty {
      reader.error(
        node,
        "'cpus' is an empty list; expected at least one processor; write for example [1], or "
          + "remove 'cpus'")
    }
    if reader.errorCount == before { configuration.sensing.cpus = cpus }
  }
}
