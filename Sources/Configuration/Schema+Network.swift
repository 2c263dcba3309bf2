extension Schema {
  private static let networkKeys = ["hostname", "interface", "address", "gateway", "dns", "ntp"]

  /// Reads `network:`; a wrong value leaves the default, the others stand.
  mutating func readNetwork(_ node: Int) {
    guard let fields = reader.fields(node, "network", keys: Self.networkKeys) else { return }
    if let node = fields.value("hostname") { readHostname(node) }
    if let node = fields.value("interface") { readInterface(node) }
    let network = fields.value("address").flatMap { readAddress($0) }
    if let node = fields.value("gateway") {
      readGateway(node, network, isDHCP: configuration.network.address.isEmpty)
    }
    if let node = fields.value("dns") {
      configuration.network.nameServers = servers(
        node, "'dns'", expected: "an IPv4 address", example: "[192.0.2.1]", limit: 3
      ) { parseIPv4($0) != nil }
    }
    if let node = fields.value("ntp") {
      configuration.network.timeServers = servers(
        node, "'ntp'", expected: "a host name or an IPv4 address",
        example: "[pool.ntp.org]", limit: 4, isHost)
    }
    warnOfMissingServers(fields)
  }

  private mutating func readHostname(_ node: Int) {
    guard let text = reader.tree.text(node), isHostName(text), text.utf8.count <= 63,
      !text.utf8.contains(UInt8(ascii: "."))
    else {
      reader.refuse(
        node, "'hostname'", expected: "1 to 63 letters, digits and inner hyphens",
        remedy: "write for example boiler-room-7")
      return
    }
    configuration.network.hostname = text
  }

  private mutating func readInterface(_ node: Int) {
    // IFNAMSIZ is 16 with its terminator (netdevice(7)).
    guard let text = reader.tree.text(node), isName(text), text.utf8.count <= 15 else {
      reader.refuse(
        node, "'interface'", expected: "a network interface's name of at most 15 characters",
        remedy: "write for example eth0, or leave it out")
      return
    }
    configuration.network.interface = text
  }

  private mutating func readAddress(_ node: Int) -> (address: UInt32, prefix: UInt32)? {
    let text = reader.tree.text(node) ?? ""
    if text.isSame(as: "dhcp") { return nil }
    guard let network = parseIPv4Network(text) else {
      reader.refuse(
        node, "'address'", expected: "dhcp, or an IPv4 address with its prefix length",
        remedy: parseIPv4(text) != nil
          ? "write for example \(text)/24" : "write for example 192.0.2.7/24")
      return nil
    }
    configuration.network.address = text
    return network
  }

  private mutating func readGateway(
    _ node: Int, _ network: (address: UInt32, prefix: UInt32)?, isDHCP: Bool
  ) {
    guard let text = reader.tree.text(node), let gateway = parseIPv4(text) else {
      reader.refuse(
        node, "'gateway'", expected: "an IPv4 address", remedy: "write for example 192.0.2.1")
      return
    }
    guard let network else {
      if isDHCP {
        reader.warning(
          node,
          "'gateway' is given, but the address comes from DHCP; expected a static address; "
            + "it is ignored: remove it, or give 'address:'")
      }
      return
    }
    let mask = UInt32.max << (32 - network.prefix)
    guard gateway & mask == network.address & mask, gateway != network.address else {
      reader.refuse(
        node, "'gateway'", expected: "another address in the network of 'address'",
        remedy: "correct the one or the other")
      return
    }
    configuration.network.gateway = text
  }

  private mutating func servers(
    _ node: Int, _ what: String, expected: String, example: String, limit: Int,
    _ isValid: (String) -> Bool
  ) -> [String] {
    guard let items = reader.items(node, what, example: example, limit: limit) else { return [] }
    var result: [String] = []
    for item in items {
      if let text = reader.tree.text(item), isValid(text) {
        result.append(text)
      } else {
        reader.refuse(
          item, "this entry of \(what)", expected: expected, remedy: "write for example \(example)")
      }
    }
    return result
  }

  private mutating func warnOfMissingServers(_ fields: Fields) {
    guard !configuration.network.address.isEmpty, let node = fields.value("address") else { return }
    if fields.value("dns") == nil {
      reader.warning(
        node,
        "a static address without 'dns:'; expected a name server; names of brokers and time "
          + "servers cannot be resolved")
    }
  }
}
