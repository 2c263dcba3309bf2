import Linux

extension Schema {
  private static let uplinkKeys = [
    "broker", "version", "client", "user", "password", "password_file", "ca", "certificate", "key",
    "expiry_warning", "expiry", "alarm_expiry", "follow_moves",
    "topic", "status_topic", "window", "keepalive", "buffer", "retry_max",
    "log", "trace", "backfill", "batch", "compression",
  ]
  /// What fits an MQTT field comfortably; brokers have limits of their own.
  private static let credentialByteCountMax = 256

  /// Reads `uplink:`; an error anywhere in it leaves the gateway without one.
  mutating func readUplink(_ node: Int) {
    let before = reader.errorCount
    guard let fields = reader.fields(node, "uplink", keys: Self.uplinkKeys) else { return }
    var uplink = configuration.uplink
    if let node = fields.value("broker") {
      readBroker(node, &uplink)
    } else {
      reader.error(
        node,
        "'uplink' has no 'broker:'; expected its URL; write for example "
          + "'broker: mqtt://broker.example:1883'")
    }
    readCredentials(fields, &uplink)
    readFiles(fields, &uplink)
    readExpiryWarning(fields, &uplink)
    readVersion5(fields, &uplink)
    readTopics(fields, &uplink)
    readLimits(fields, &uplink)
    readBatch(fields, &uplink)
    readLog(fields, &uplink)
    if reader.errorCount == before { configuration.uplink = uplink }
  }

  private mutating func readBroker(_ node: Int, _ uplink: inout UplinkSettings) {
    guard
      let text = reader.text(
        node, "'broker'", expected: "a URL", example: "mqtt://broker.example:1883", limit: 300)
    else { return }
    switch parseBrokerURL(text) {
    case .broker(let host, let port, let usesTLS):
      uplink.host = host
      uplink.port = port
      uplink.usesTLS = usesTLS
      let standard: UInt16 = usesTLS ? 1883 : 8883
      if port == standard {
        reader.warning(
          node,
          "'broker' uses port \(port), which is the usual one of \(usesTLS ? "mqtt" : "mqtts")"
            + "://; expected \(usesTLS ? "8883" : "1883"); check the scheme and the port")
      }
    case .wrong(let what, let expected, let remedy):
      // The URL may hold a password, so it is not repeated.
      reader.error(node, "'broker' \(what); expected \(expected); \(remedy)")
    }
  }

  private mutating func readCredentials(_ fields: Fields, _ uplink: inout UplinkSettings) {
    if let node = fields.value("version") {
      let words = ["5", "3.1.1"]
      if let index = reader.word(node, "'version'", of: words) {
        uplink.version = index == 0 ? .v5 : .v311
      }
    }
    if let node = fields.value("client") {
      uplink.clientIdentifier = credential(node, "'client'") ?? ""
    }
    if let node = fields.value("user") { uplink.user = credential(node, "'user'") ?? "" }
    let password = fields.value("password")
    let file = fields.value("password_file")
    if let node = password { readPassword(node, &uplink) }
    if let node = file { readPasswordFile(node, &uplink) }
    guard let node = file ?? password else { return }
    if password != nil, file != nil {
      reader.error(
        node, "'password_file' stands beside 'password'; expected one of them; remove the other")
    }
    if fields.value("user") == nil {
      reader.error(
        node, "there is a password but no 'user:'; expected both; add 'user:' or remove it")
    }
    if !uplink.usesTLS, !uplink.host.isEmpty, !isLoopback(uplink.host) {
      reader.warning(
        node,
        "the password is sent in the clear over mqtt://; expected mqtts://; use TLS, or a "
          + "network that you trust")
    }
  }

  private func isLoopback(_ host: String) -> Bool {
    host.isSame(as: "localhost") || host.isSame(as: "::1") || host.begins(with: "127.")
  }

  private mutating func credential(_ node: Int, _ what: String) -> String? {
    reader.text(
      node, what, expected: "a text on one line", example: "plant-7",
      limit: Self.credentialByteCountMax)
  }

  /// Like `credential`, but never repeats what it read.
  private mutating func readPassword(_ node: Int, _ uplink: inout UplinkSettings) {
    guard !reader.tree.isNull(node), let text = reader.tree.text(node), isPassword(text.utf8)
    else {
      reader.error(
        node,
        "'password' is not usable; expected 1 to \(Self.credentialByteCountMax) printable "
          + "characters; put it in single quotes")
      return
    }
    uplink.password = text
  }

  private func isPassword(_ bytes: some Collection<UInt8>) -> Bool {
    bytes.count >= 1 && bytes.count <= Self.credentialByteCountMax
      && bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
  }

  /// The file's first line is the password. A file that is not there is only warned of, because the
  /// configuration may be checked on another machine than the gateway.
  private mutating func readPasswordFile(_ node: Int, _ uplink: inout UplinkSettings) {
    guard let path = reader.path(node, "'password_file'", example: "/boot/password") else { return }
    let content: [UInt8]
    do throws(SystemError) {
      content = try readFile(path, limit: 4096)
    } catch {
      reader.warning(
        node,
        "\(quoted(path)) cannot be read: \(error.text); expected the broker's password; put "
          + "it there on the gateway")
      return
    }
    let line = content.prefix { $0 != 0x0a && $0 != 0x0d }
    guard isPassword(line), String(validating: line, as: UTF8.self) != nil else {
      reader.error(
        node,
        "\(quoted(path)) holds no usable password; expected 1 to "
          + "\(Self.credentialByteCountMax) printable characters on its first line; correct it")
      return
    }
    uplink.password = String(decoding: line, as: UTF8.self)
  }

  private mutating func readFiles(_ fields: Fields, _ uplink: inout UplinkSettings) {
    for key in ["ca", "certificate", "key"] {
      guard let node = fields.value(key) else { continue }
      let path = reader.path(node, "'\(key)'", example: "/boot/\(key).pem") ?? ""
      if key.isSame(as: "ca") { uplink.caFile = path }
      if key.isSame(as: "certificate") { uplink.certificateFile = path }
      if key.isSame(as: "key") { uplink.keyFile = path }
      if !uplink.usesTLS, !uplink.host.isEmpty {
        reader.error(
          node,
          "'\(key)' is for TLS, but the broker is mqtt://; expected mqtts://; correct the "
            + "URL or remove '\(key)'")
      }
    }
    if let node = fields.value("certificate"), fields.value("key") == nil {
      reader.error(node, "there is a 'certificate' but no 'key:'; expected both; add 'key:'")
    }
    if let node = fields.value("key"), fields.value("certificate") == nil {
      reader.error(
        node, "there is a 'key' but no 'certificate:'; expected both; add 'certificate:'")
    }
  }

  private mutating func readTopics(_ fields: Fields, _ uplink: inout UplinkSettings) {
    if let node = fields.value("topic") {
      uplink.topic = topic(node, "'topic'", placeholders: ["{device}", "{channel}"]) ?? ""
    }
    if let node = fields.value("status_topic") {
      uplink.statusTopic = topic(node, "'status_topic'", placeholders: ["{device}"]) ?? ""
    }
  }

  private mutating func topic(_ node: Int, _ what: String, placeholders: [String]) -> String? {
    guard
      let text = reader.text(
        node, what, expected: "an MQTT topic", example: "weir/{device}/status",
        limit: 200)
    else { return nil }
    if text.utf8.contains(UInt8(ascii: "#")) || text.utf8.contains(UInt8(ascii: "+")) {
      reader.refuse(
        node, what, expected: "a topic without the wildcards # and +", remedy: "remove them")
    }
    if text.begins(with: "$") {
      reader.refuse(
        node, what, expected: "a topic that does not begin with $, which belongs to the broker",
        remedy: "remove it")
    }
    guard let unknown = unknownPlaceholder(in: text, placeholders) else { return text }
    let near = nearest(to: unknown, in: placeholders)
    reader.error(
      node,
      "\(what) has the unknown placeholder \(quoted(unknown)); expected \(list(placeholders)); "
        + (near.map { "did you mean '\($0)'?" } ?? "remove it"))
    return nil
  }

  /// The first `{…}` that is not among those known, or a brace without its partner.
  private func unknownPlaceholder(in text: String, _ known: [String]) -> String? {
    var rest = Array(text.utf8)[...]
    while let brace = rest.firstIndex(where: { $0 == 0x7b || $0 == 0x7d }) {
      let end = rest[brace...].firstIndex(of: 0x7d).map { $0 + 1 } ?? rest.endIndex
      let word = String(decoding: rest[brace..<end], as: UTF8.self)
      if !known.contains(where: { $0.isSame(as: word) }) { return word }
      rest = rest[end...]
    }
    return nil
  }

  private mutating func readLog(_ fields: Fields, _ uplink: inout UplinkSettings) {
    let levels: [LogLevel?] = [nil, .error, .warning, .notice, .info]
    let words = ["off", "error", "warning", "notice", "info"]
    if let node = fields.value("log"), let index = reader.word(node, "'log'", of: words) {
      uplink.logThreshold = levels[index]
    }
    if let node = fields.value("trace"),
      let index = reader.word(node, "'trace'", of: ["true", "false"])
    {
      uplink.isTraced = index == 0
    }
  }

  private mutating func readLimits(_ fields: Fields, _ uplink: inout UplinkSettings) {
    if let node = fields.value("window"), let value = reader.integer(node, "'window'", in: 1...1000)
    {
      uplink.inFlightWindow = UInt16(value)
    }
    if let node = fields.value("backfill"),
      let value = reader.integer(node, "'backfill'", in: 0...1_000_000)
    {
      uplink.backfillRate = UInt32(value)
    }
    // MQTT counts seconds in 16 bits; libmosquitto refuses less than 5.
    if let node = fields.value("keepalive"),
      let value = reader.seconds(node, "'keepalive'", in: 5...65535)
    {
      uplink.keepAliveSeconds = UInt16(value)
    }
    if let node = fields.value("retry_max"),
      let value = reader.seconds(node, "'retry_max'", in: 1...86400)
    {
      uplink.retrySecondsMax = UInt32(value)
    }
    if let node = fields.value("buffer"),
      let value = reader.integer(node, "'buffer'", in: 256...1_048_576)
    {
      guard value & (value - 1) == 0 else {
        var power: Int64 = 256
        while power < value { power *= 2 }
        reader.refuse(
          node, "'buffer'", expected: "a power of two from 256 to 1048576",
          remedy: "write \(power / 2) or \(power)")
        return
      }
      uplink.bufferEventCount = UInt32(value)
    }
  }
}
