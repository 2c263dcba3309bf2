/// Turns a document into a `Configuration`, section by section: one file of extensions for each.
///
/// What has an error is left out whole: a sensor, a line, the uplink; of the network section only
/// the value that is wrong, because a gateway must stay reachable.
struct Schema {
  var reader: Reader
  let board: Board?
  var configuration = Configuration()
  /// The names of all channels that were seen, also those of parts that were left out, with the
  /// node at which each was named.
  var channelPlaces: [(name: String, node: Int)] = []
  /// Bus, address and place of each sensor.
  var usedAddresses: [(bus: String, address: UInt8, node: Int)] = []
  /// Chip, offset and place of each line.
  var usedLines: [(chip: String, offset: UInt32, node: Int)] = []

  static let sections = [
    "device", "board", "state", "network", "journal", "uplink", "supervision", "sensors", "lines",
    "overload", "sensing",
  ]

  init(_ document: Document, board: Board?) {
    reader = Reader(document)
    self.board = board
  }

  /// Reads everything. After it `configuration` and `reader.problems` are the result.
  mutating func read() {
    guard reader.source.isText else {
      finishDefaults()
      return
    }
    let fields = reader.sections(keys: Self.sections)
    readDevice(fields)
    if let node = fields.value("state") { readState(node) }
    finishDefaults()
    if let node = fields.value("network") { readNetwork(node) }
    if let node = fields.value("uplink"), !reader.tree.isNull(node) {
      readUplink(node)
    } else if !hasSyntaxError {
      reader.warning(
        atStart: "there is no 'uplink:' section; expected a broker; without one, readings are "
          + "taken and sent nowhere")
    }
    if let node = fields.value("journal") { readJournal(node) }
    if let node = fields.value("supervision") { readSupervision(node) }
    if let node = fields.value("overload") { readOverload(node) }
    if let node = fields.value("sensing") { readSensing(node) }
    if let node = fields.value("sensors") { readSensors(node) }
    if let node = fields.value("lines") { readLines(node) }
    if fields.value("sensors") == nil, fields.value("lines") == nil, !hasSyntaxError {
      reader.warning(
        atStart: "there is neither 'sensors:' nor 'lines:'; expected at least one; nothing is read")
    }
  }

  /// Whether parsing stopped somewhere, so that an absent section may only be a lost one.
  private var hasSyntaxError: Bool { reader.documentErrorCount > 0 }

  private mutating func readDevice(_ fields: Fields) {
    if let node = fields.value("device") {
      if let name = reader.name(node, "'device'") { configuration.device = name }
    } else if !hasSyntaxError {
      reader.error(
        atStart: "there is no 'device:'; expected the gateway's name; write for example "
          + "'device: boiler-room-7'")
    }
  }

  private mutating func readState(_ node: Int) {
    if let path = reader.path(node, "'state'", example: "/var/lib/weir") {
      configuration.stateFolder = path
    }
  }

  /// What follows from the device's name and the board.
  private mutating func finishDefaults() {
    configuration.network.hostname = Self.hostName(of: configuration.device)
    configuration.network.interface = board?.networkInterface ?? ""
    configuration.uplink.clientIdentifier = configuration.device
  }

  /// The device's name as a host name: other characters become hyphens, which never stand at an
  /// end.
  private static func hostName(of device: String) -> String {
    let bytes = device.utf8.map { isDigit($0) || isLetter($0) ? $0 : UInt8(ascii: "-") }
    let trimmed = bytes.drop { $0 == UInt8(ascii: "-") }.prefix(63)
    let end = trimmed.lastIndex { $0 != UInt8(ascii: "-") }
    guard let end else { return "weir" }
    return String(decoding: trimmed[...end], as: UTF8.self)
  }
}

extension Reader {
  /// An absolute path of at most 200 bytes.
  mutating func path(_ node: Int, _ what: String, example: String) -> String? {
    guard
      let path = text(node, what, expected: "an absolute path", example: example, limit: 200)
    else { return nil }
    guard path.begins(with: "/") else {
      refuse(
        node, what, expected: "an absolute path", remedy: "begin it with '/', such as \(example)")
      return nil
    }
    return path
  }
}
