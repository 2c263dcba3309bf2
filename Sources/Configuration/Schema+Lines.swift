extension Schema {
  private static let lineKeys = [
    "line", "mode", "every", "edge", "pull", "active", "debounce", "priority", "channel",
    "unit", "stages",
  ]
  private static let modeNames = ["level", "edges", "counter"]

  /// Reads `lines:`; a line with an error is left out whole, with its channel.
  mutating func readLines(_ node: Int) {
    guard let entries = reader.entries(node, "lines") else { return }
    for entry in entries {
      let before = reader.errorCount
      let channelCount = configuration.channels.count
      let line = readLine(entry)
      if let line, reader.errorCount == before, board != nil {
        configuration.lines.append(line)
      } else {
        configuration.channels.removeSubrange(channelCount...)
      }
    }
  }

  private mutating func readLine(_ entry: Tree.Entry) -> LineSettings? {
    guard let name = reader.name(entry.key, "the line's name") else { return nil }
    guard let fields = reader.fields(entry.value, "lines.\(name)", keys: Self.lineKeys) else {
      return nil
    }
    let place = readPlace(fields, entry.key)
    let mode = readMode(fields, entry.key)
    let edge = readEdge(fields, mode)
    let period = readLinePeriod(fields, mode, entry.key)
    let pullNames = ["none", "up", "down"]
    let pull = fields.value("pull").flatMap { reader.word($0, "'pull'", of: pullNames) }
    let active = fields.value("active").flatMap {
      reader.word($0, "'active'", of: ["high", "low"])
    }
    let debounce = readDebounce(fields)
    if mode == .edges, let node = fields.value("stages") {
      reader.error(
        node,
        "the mode 'edges' takes no 'stages'; expected none, because every edge is sent as it "
          + "is; remove them, or use the mode counter")
    }
    if mode == .edges, let node = fields.value("priority") {
      reader.error(
        node,
        "the mode 'edges' has no 'priority'; expected none, because every edge is sent when it "
          + "comes; remove it")
    }
    let priority = readPriority(fields)
    let firstChannel = configuration.channels.count
    let channel = readChannel(
      fields, defaultName: name, defaultUnit: mode == .counter ? "count" : "",
      period: period ?? 0, at: entry.key)
    setPriority(priority, fields, from: firstChannel)
    guard let mode, let channel else { return nil }
    let pulls: [LinePull] = [.none, .up, .down]
    var line = LineSettings(
      name: name, chip: place?.chip ?? "", offset: place?.offset ?? 0, mode: mode, edge: edge,
      pull: pull.map { pulls[$0] } ?? .asIs, activeLow: active == 1,
      debounceMicroseconds: debounce, period: period ?? 0, channel: channel)
    line.priority = priority
    return line
  }

  private mutating func readMode(_ fields: Fields, _ key: Int) -> LineMode? {
    guard let node = fields.value("mode") else {
      reader.error(
        key,
        "'\(fields.path)' has no 'mode:'; expected one of \(list(Self.modeNames)); write for "
          + "example 'mode: level'")
      return nil
    }
    let modes: [LineMode] = [.level, .edges, .counter]
    return reader.word(node, "'mode'", of: Self.modeNames).map { modes[$0] }
  }

  private mutating func readEdge(_ fields: Fields, _ mode: LineMode?) -> LineEdge {
    guard let node = fields.value("edge") else { return mode == .counter ? .rising : .both }
    if mode == .level {
      reader.error(
        node, "the mode 'level' has no 'edge'; expected it for edges and counter only; remove it")
    }
    let edges: [LineEdge] = [.rising, .falling, .both]
    return reader.word(node, "'edge'", of: ["rising", "falling", "both"]).map { edges[$0] } ?? .both
  }

  private mutating func readLinePeriod(
    _ fields: Fields, _ mode: LineMode?, _ key: Int
  ) -> Int64? {
    guard let node = fields.value("every") else {
      if mode == .level || mode == .counter {
        reader.error(
          key,
          "'\(fields.path)' has no 'every:'; expected a duration; write for example "
            + "'every: 1 s'")
      }
      return nil
    }
    if mode == .edges {
      reader.error(
        node,
        "the mode 'edges' has no 'every'; expected none, because an edge is sent when it "
          + "comes; remove it")
      return nil
    }
    return readPeriod(node)
  }

  /// 1 µs to 1 s, in whole microseconds, as the kernel takes it.
  private mutating func readDebounce(_ fields: Fields) -> UInt32 {
    guard let node = fields.value("debounce"),
      let value = reader.duration(node, "'debounce'", in: 0...second)
    else { return 0 }
    guard value % 1000 == 0 else {
      reader.refuse(node, "'debounce'", expected: "whole microseconds", remedy: "round it")
      return 0
    }
    return UInt32(value / 1000)
  }

  /// `GPIO17`, `header/17` or `header/GPIO17`.
  private mutating func readPlace(
    _ fields: Fields, _ key: Int
  ) -> (chip: String, offset: UInt32)? {
    guard let node = fields.value("line") else {
      reader.error(
        key,
        "'\(fields.path)' has no 'line:'; expected a name of the board's; write for example "
          + "'line: GPIO17'")
      return nil
    }
    guard
      let text = reader.text(
        node, "'line'", expected: "a line of the board", example: "GPIO17", limit: 80)
    else { return nil }
    guard let board else { return nil }
    guard !board.chips.isEmpty else {
      reader.error(
        node, "the board '\(board.name)' has no GPIO lines; expected none in use; remove this line")
      return nil
    }
    guard let place = find(text, on: board, node) else { return nil }
    if let first = usedLines.first(where: {
      $0.offset == place.offset && $0.chip.isSame(as: place.chip)
    }) {
      reader.error(
        node,
        "the line \(quoted(text)) (\(place.chip)/\(place.offset)) is used already (line "
          + "\(reader.tree.nodes[first.node].line)); expected one use; change one of them")
      return nil
    }
    usedLines.append((place.chip, place.offset, node))
    return place
  }

  private mutating func find(
    _ text: String, on board: Board, _ node: Int
  ) -> (chip: String, offset: UInt32)? {
    let slash = text.utf8.firstIndex(of: UInt8(ascii: "/"))
    guard let slash else { return find(line: text, on: board, node) }
    let chipName = String(decoding: text.utf8[..<slash], as: UTF8.self)
    let line = String(decoding: text.utf8[slash...].dropFirst(), as: UTF8.self)
    guard let chip = board.chips.first(where: { $0.name.isSame(as: chipName) }) else {
      let names = board.chips.map { $0.name }
      reader.error(
        node,
        "the board '\(board.name)' has no GPIO chip \(quoted(chipName)); expected one of "
          + "\(list(names)); choose one of them")
      return nil
    }
    if let known = chip.lines.first(where: { $0.name.isSame(as: line) }) {
      return (chip.name, known.offset)
    }
    guard let number = parseInteger(line), number >= 0, number < Int64(chip.lineCount) else {
      reader.error(
        node,
        "the chip '\(chip.name)' has no line \(quoted(line)); expected 0 to "
          + "\(max(chip.lineCount, 1) - 1)" + (chip.lines.isEmpty ? "" : ", or a name such as ")
          + list(chip.lines.map { $0.name }, limit: 8) + "; choose one of them")
      return nil
    }
    return (chip.name, UInt32(number))
  }

  private mutating func find(
    line: String, on board: Board, _ node: Int
  ) -> (chip: String, offset: UInt32)? {
    var found: [(chip: String, offset: UInt32)] = []
    var names: [String] = []
    for chip in board.chips {
      for known in chip.lines {
        names.append(known.name)
        if known.name.isSame(as: line) { found.append((chip.name, known.offset)) }
      }
    }
    if found.count == 1 { return found[0] }
    if found.count > 1 {
      reader.error(
        node,
        "\(quoted(line)) is a line of more than one chip; expected one; write "
          + "\(found[0].chip)/\(line) or \(found[1].chip)/\(line)")
      return nil
    }
    let near = nearest(to: line, in: names).map { "did you mean '\($0)'?" }
    let all = names.isEmpty ? board.chips.map { "\($0.name)/0" } : names
    reader.error(
      node,
      "the board '\(board.name)' has no line \(quoted(line)); expected one of "
        + "\(list(all, limit: 48)); \(near ?? "choose one of them, or write CHIP/NUMBER")")
    return nil
  }
}
