/// What came out of reading a board's file.
public struct BoardResult: Sendable {
  /// Nil when the file could not be read at all; otherwise what of it is sound.
  public var board: Board?
  /// Everything that is wrong, sorted by place.
  public var problems: [Problem]
}

/// Reads `board.yaml`.
public func readBoard(path: String) -> BoardResult {
  readBoard(Document(Source(path: path), sections: BoardSchema.sections))
}

/// As above, from bytes that somebody else read; `name` stands for the path in messages.
public func readBoard(_ bytes: [UInt8], name: String) -> BoardResult {
  readBoard(Document(Source(bytes, name: name), sections: BoardSchema.sections))
}

private func readBoard(_ document: Document) -> BoardResult {
  guard document.source.isText else { return BoardResult(board: nil, problems: document.problems) }
  var schema = BoardSchema(reader: Reader(document))
  schema.read()
  return BoardResult(board: schema.board, problems: sortedByPlace(schema.reader.problems))
}

/// Turns a document into a `Board`. The sections `image` and `emulation` belong to the scripts in
/// cross/ and are skipped.
struct BoardSchema {
  var reader: Reader
  var board = Board()

  static let sections = [
    "board", "summary", "console", "network", "watchdog", "thermal", "buses", "gpio", "modules",
    "seed",
  ]
  static let skippedSections = ["image", "emulation"]
  private static let moduleCountMax = 128
  private static let simulatedCountMax = 64

  mutating func read() {
    let fields = reader.sections(keys: Self.sections, skipping: Self.skippedSections)
    if let node = fields.value("board") {
      board.name = reader.name(node, "'board'") ?? ""
    } else {
      reader.error(atStart: "there is no 'board:'; expected the board's name; add it")
    }
    if let node = fields.value("summary") {
      board.summary =
        reader.text(node, "'summary'", expected: "a line of text", example: "Pi 3", limit: 200)
        ?? ""
    }
    board.consoleDevice = word(fields, "console", "device", ["device", "baud"])
    board.networkInterface = word(fields, "network", "interface", ["interface"])
    if let node = fields.value("watchdog") { readWatchdog(node) }
    board.thermalZone = word(fields, "thermal", "zone", ["zone"])
    if let node = fields.value("buses") { readBuses(node) }
    if let node = fields.value("gpio") { readChips(node) }
    if let node = fields.value("modules") { readModules(node) }
    if let node = fields.value("seed") {
      board.seed = UInt64(reader.integer(node, "'seed'", in: 0...Int64.max) ?? 0)
    }
  }

  /// One text out of a small section.
  private mutating func word(
    _ fields: Fields, _ section: String, _ key: String, _ keys: [String]
  ) -> String {
    guard let node = fields.value(section),
      let fields = reader.fields(node, section, keys: keys), let value = fields.value(key)
    else { return "" }
    return reader.text(
      value, "'\(section).\(key)'", expected: "a short text", example: "eth0", limit: 80) ?? ""
  }

  /// The supervisor's loop sleeps a second: it can feed in time, with room for feeding late.
  private static let watchdogTimeoutMin = 5 * second

  /// Hardware counts in seconds, and a timeout that is not a number of them would be rounded in a
  /// direction that nobody chose.
  private mutating func readWatchdog(_ node: Int) {
    guard let fields = reader.fields(node, "watchdog", keys: ["device", "timeout"]) else { return }
    if let node = fields.value("device") {
      board.watchdogDevice =
        reader.path(node, "'watchdog.device'", example: "/dev/watchdog0") ?? ""
    }
    if let node = fields.value("timeout"),
      let value = reader.duration(
        node, "'watchdog.timeout'", in: Self.watchdogTimeoutMin...durationMax)
    {
      if value % second == 0 {
        board.watchdogSeconds = Int32(value / second)
      } else {
        reader.refuse(
          node, "'watchdog.timeout'", expected: "whole seconds", remedy: "write for example 15 s")
      }
    }
  }

  private mutating func readBuses(_ node: Int) {
    guard let entries = reader.entries(node, "buses") else { return }
    for entry in entries {
      guard let name = reader.name(entry.key, "the bus's name"),
        let fields = reader.fields(entry.value, "buses.\(name)", keys: ["device", "simulated"])
      else { continue }
      if let node = fields.value("simulated") {
        board.buses.append(BoardBus(name: name, device: "", simulated: readDevices(node)))
      } else if let node = fields.value("device") {
        guard let path = reader.path(node, "'device'", example: "/dev/i2c-1") else { continue }
        board.buses.append(BoardBus(name: name, device: path))
      } else {
        reader.error(
          entry.key,
          "'buses.\(name)' has neither 'device' nor 'simulated'; expected one of them; "
            + "write for example {device: /dev/i2c-1}")
      }
    }
  }

  private mutating func readDevices(_ node: Int) -> [SimulatedDevice] {
    let example = "[{model: tmp105, address: 0x48}]"
    guard
      let items = reader.items(
        node, "'simulated'", example: example, limit: Self.simulatedCountMax)
    else { return [] }
    var devices: [SimulatedDevice] = []
    for item in items {
      guard let fields = reader.fields(item, "simulated", keys: ["model", "address"]) else {
        continue
      }
      guard let modelNode = fields.value("model"), let addressNode = fields.value("address") else {
        reader.refuse(
          item, "this device", expected: "'model' and 'address'",
          remedy: "write for example \(example)")
        continue
      }
      // 0x00 to 0x07 and 0x78 to 0x7F are reserved (NXP UM10204 §3.1.12).
      guard let model = reader.name(modelNode, "'model'"),
        let address = reader.integer(addressNode, "'address'", in: 0x08...0x77)
      else { continue }
      devices.append(SimulatedDevice(model: model, address: UInt8(address)))
    }
    return devices
  }

  private mutating func readModules(_ node: Int) {
    guard
      let items = reader.items(
        node, "'modules'", example: "[i2c-bcm2835, i2c-dev]", limit: Self.moduleCountMax)
    else { return }
    for item in items {
      if let name = reader.name(item, "the module") { board.modules.append(name) }
    }
  }
}
