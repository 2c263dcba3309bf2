extension Schema {
  /// Reads `channel`, `unit` and `stages` of a quantity or a line, and adds the channel. Nil when
  /// there is no room for it or its name is taken.
  mutating func readChannel(
    _ fields: Fields, defaultName: String, defaultUnit: String, period: Int64, at node: Int
  ) -> UInt16? {
    let nameNode = fields.value("channel") ?? node
    var name = defaultName
    if let node = fields.value("channel") {
      guard let given = reader.name(node, "'channel'") else { return nil }
      name = given
    } else if !isName(name) {
      reader.error(
        node,
        "the channel's name \(quoted(name)) would be longer than \(nameByteCountMax) bytes; "
          + "expected a shorter one; give it with 'channel:'")
      return nil
    }
    var stages: [StageSettings] = []
    if let node = fields.value("stages") { stages = readStages(node, period: period) }
    let unit = readUnit(fields, defaultUnit, stages)
    guard claimChannel(name, at: nameNode) else { return nil }
    guard configuration.channels.count < channelCountMax else {
      reader.error(
        nameNode,
        "this is channel number \(channelCountMax + 1); expected at most "
          + "\(channelCountMax); remove some")
      return nil
    }
    configuration.channels.append(ChannelSettings(name: name, unit: unit, stages: stages))
    return UInt16(configuration.channels.count - 1)
  }

  private mutating func claimChannel(_ name: String, at node: Int) -> Bool {
    if let first = channelPlaces.first(where: { $0.name.isSame(as: name) }) {
      reader.error(
        node,
        "the channel \(quoted(name)) is there already (line "
          + "\(reader.tree.nodes[first.node].line)); expected a name of its own; change one "
          + "of them with 'channel:'")
      return false
    }
    channelPlaces.append((name, node))
    return true
  }

  private mutating func readUnit(
    _ fields: Fields, _ defaultUnit: String, _ stages: [StageSettings]
  ) -> String {
    guard let node = fields.value("unit") else { return defaultUnit }
    guard let unit = reader.tree.text(node), !unit.isEmpty, isSenMLUnit(unit) else {
      let remedy = unitRemedy(reader.tree.text(node) ?? "")
      reader.refuse(node, "'unit'", expected: "a unit of SenML (RFC 8428)", remedy: remedy)
      return defaultUnit
    }
    let isScaled = stages.contains {
      if case .scale = $0 { true } else { false }
    }
    if !defaultUnit.isEmpty, !defaultUnit.isSame(as: "count"), !unit.isSame(as: defaultUnit),
      !isScaled
    {
      reader.error(
        node,
        "'unit' is \(quoted(unit)), but the sensor gives \(defaultUnit) and no stage converts "
          + "it; expected \(defaultUnit); correct it, or add a 'scale' to 'stages'")
    }
    return unit
  }

  private static let stageNames = ["scale", "median", "smooth", "deadband", "window", "alarm"]

  private mutating func readStages(_ node: Int, period: Int64) -> [StageSettings] {
    if reader.tree.isNull(node) { return [] }
    guard
      let items = reader.items(
        node, "'stages'", example: "'- median: 5' lines below it", limit: stageCountMax)
    else { return [] }
    var stages: [StageSettings] = []
    for item in items {
      guard let stage = readStage(item) else { continue }
      if case .window(let span) = stage, span < period {
        reader.warning(
          item,
          "the window of \(durationText(span)) is shorter than the period of "
            + "\(durationText(period)); expected a longer one; most windows will be empty")
      }
      stages.append(stage)
    }
    return stages
  }

  /// One `name: parameters`.
  private mutating func readStage(_ node: Int) -> StageSettings? {
    guard case .mapping(let entries) = reader.tree.nodes[node].content, entries.count == 1 else {
      reader.refuse(
        node, "this stage", expected: "one of \(list(Self.stageNames)) with its parameters",
        remedy: "write for example 'median: 5', each stage after a '-' of its own")
      return nil
    }
    let value = entries[0].value
    switch reader.word(entries[0].key, "the stage", of: Self.stageNames) {
    case 0: return readScale(value)
    case 1: return readMedian(value)
    case 2:
      return reader.duration(value, "'smooth'", in: millisecond...durationMax)
        .map { .smooth(timeConstant: $0) }
    case 3: return readDeadband(value)
    case 4:
      return reader.duration(value, "'window'", in: millisecond...durationMax)
        .map { .window(span: $0) }
    case 5: return readAlarm(value)
    default: return nil
    }
  }

  private mutating func readScale(_ node: Int) -> StageSettings? {
    guard let fields = reader.fields(node, "scale", keys: ["factor", "offset"]) else { return nil }
    let before = reader.errorCount
    let factor = fields.value("factor").flatMap { reader.number($0, "'factor'") }
    let offset = fields.value("offset").flatMap { reader.number($0, "'offset'") }
    if let node = fields.value("factor"), factor == 0 {
      reader.error(
        node, "'factor' is 0, which makes every value the same; expected another number; correct it"
      )
    }
    if factor == nil, offset == nil, reader.errorCount == before {
      reader.error(
        node,
        "'scale' has neither 'factor' nor 'offset'; expected one or both; write for example "
          + "{factor: 0.1, offset: 0}")
    }
    guard reader.errorCount == before else { return nil }
    return .scale(factor: factor ?? 1, offset: offset ?? 0)
  }

  private mutating func readMedian(_ node: Int) -> StageSettings? {
    guard let width = reader.integer(node, "'median'", in: 3...31) else { return nil }
    guard width % 2 == 1 else {
      reader.refuse(
        node, "'median'", expected: "an odd number from 3 to 31",
        remedy: "write \(width - 1) or \(width + 1)")
      return nil
    }
    return .median(width: UInt8(width))
  }

  private mutating func readDeadband(_ node: Int) -> StageSettings? {
    guard let fields = reader.fields(node, "deadband", keys: ["delta", "silence"]) else {
      return nil
    }
    let before = reader.errorCount
    let delta = fields.value("delta").flatMap { reader.amount($0, "'delta'") }
    let silence = fields.value("silence")
      .flatMap { reader.duration($0, "'silence'", in: millisecond...durationMax) }
    for key in ["delta", "silence"] where fields.value(key) == nil {
      reader.error(
        node,
        "'deadband' has no '\(key)'; expected both; write for example "
          + "{delta: 0.1, silence: 60 s}")
    }
    guard let delta, let silence, reader.errorCount == before else { return nil }
    return .deadband(delta: delta, silence: silence)
  }

  private mutating func readAlarm(_ node: Int) -> StageSettings? {
    let keys = ["above", "below", "hysteresis", "hold"]
    guard let fields = reader.fields(node, "alarm", keys: keys) else { return nil }
    let before = reader.errorCount
    let above = fields.value("above")
    let below = fields.value("below")
    if (above == nil) == (below == nil) {
      reader.error(
        node,
        "'alarm' has \(above == nil ? "neither" : "both") 'above' \(above == nil ? "nor" : "and")"
          + " 'below'; expected one of them; write for example {above: 80, hysteresis: 2}")
    }
    let thresholdNode = above ?? below
    let threshold = thresholdNode.flatMap {
      reader.number($0, above == nil ? "'below'" : "'above'")
    }
    let hysteresis = fields.value("hysteresis").map { reader.amount($0, "'hysteresis'") } ?? 0
    let hold = fields.value("hold").map { reader.duration($0, "'hold'", in: 0...durationMax) } ?? 0
    guard let threshold, let hysteresis, let hold, reader.errorCount == before else { return nil }
    return .alarm(above: above != nil, threshold: threshold, hysteresis: hysteresis, hold: hold)
  }
}
