// IPv4 addresses, host names and broker URLs, checked without asking the network.

/// A dotted IPv4 address in host byte order.
func parseIPv4(_ text: String) -> UInt32? {
  let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
  guard parts.count == 4 else { return nil }
  var address: UInt32 = 0
  for part in parts {
    guard part.count <= 3, let value = parseInteger(String(decoding: part, as: UTF8.self)),
      part.allSatisfy(isDigit), value <= 255
    else { return nil }
    address = address << 8 | UInt32(value)
  }
  return address
}

/// `192.0.2.7/24`: the address and the prefix length, 1 to 30.
func parseIPv4Network(_ text: String) -> (address: UInt32, prefix: UInt32)? {
  let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
  guard parts.count == 2, let address = parseIPv4(String(decoding: parts[0], as: UTF8.self)),
    parts[1].allSatisfy(isDigit),
    let prefix = parseInteger(String(decoding: parts[1], as: UTF8.self)),
    (1...30).contains(prefix)
  else { return nil }
  return (address, UInt32(prefix))
}

/// A host name (RFC 1123 §2.1): labels of 1 to 63 letters, digits and inner hyphens, 253 bytes in
/// all.
/// Underscores are taken too, as container networks use them.
func isHostName(_ text: String) -> Bool {
  guard !text.isEmpty, text.utf8.count <= 253 else { return false }
  let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
  return labels.allSatisfy { isHostLabel($0) }
}

private func isHostLabel(_ label: Substring.UTF8View) -> Bool {
  label.count >= 1 && label.count <= 63 && label.first != UInt8(ascii: "-")
    && label.last != UInt8(ascii: "-")
    && label.allSatisfy {
      isDigit($0) || isLetter($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
    }
}

/// A name or address of another machine. What looks like an IPv4 address must be one.
func isHost(_ text: String) -> Bool {
  if text.utf8.allSatisfy({ isDigit($0) || $0 == UInt8(ascii: ".") }) {
    return parseIPv4(text) != nil
  }
  return isHostName(text)
}

/// Where a broker is, or what is wrong with its URL.
enum BrokerURL {
  case broker(host: String, port: UInt16, usesTLS: Bool)
  case wrong(what: String, expected: String, remedy: String)
}

/// `mqtt://HOST[:PORT]` or `mqtts://HOST[:PORT]`; an IPv6 host stands in brackets.
func parseBrokerURL(_ text: String) -> BrokerURL {
  let shape = "mqtt://HOST[:PORT] or mqtts://HOST[:PORT]"
  let usesTLS = text.begins(with: "mqtts://")
  guard usesTLS || text.begins(with: "mqtt://") else {
    return .wrong(
      what: "has no scheme that is known", expected: shape,
      remedy: "write for example mqtt://broker.example:1883")
  }
  var rest = Array(text.utf8.dropFirst(usesTLS ? 8 : 7))[...]
  if rest.last == UInt8(ascii: "/") { rest = rest.dropLast() }
  if rest.contains(UInt8(ascii: "@")) {
    return .wrong(
      what: "has a user in it", expected: shape,
      remedy: "give the user and password as 'user:' and 'password:'")
  }
  if rest.contains(UInt8(ascii: "/")) || rest.contains(UInt8(ascii: "?")) {
    return .wrong(what: "has a path", expected: shape, remedy: "remove what follows the port")
  }
  var host = rest
  var port: ArraySlice<UInt8>?
  if rest.first == UInt8(ascii: "[") {
    guard let close = rest.firstIndex(of: UInt8(ascii: "]")) else {
      return .wrong(
        what: "has no closing bracket", expected: "mqtt://[ADDRESS]:PORT", remedy: "add the ']'")
    }
    host = rest[(rest.startIndex + 1)..<close]
    let after = rest[(close + 1)...]
    if !after.isEmpty {
      port = after.first == UInt8(ascii: ":") ? after.dropFirst() : []
    }
  } else if let colon = rest.firstIndex(of: UInt8(ascii: ":")) {
    host = rest[..<colon]
    port = rest[(colon + 1)...]
  }
  let name = String(decoding: host, as: UTF8.self)
  guard rest.first == UInt8(ascii: "[") ? isIPv6(host) : isHost(name) else {
    return .wrong(
      what: "has no valid host", expected: "a host name or an address",
      remedy: "write for example mqtt://broker.example:1883")
  }
  guard let port else { return .broker(host: name, port: usesTLS ? 8883 : 1883, usesTLS: usesTLS) }
  guard let number = parseInteger(String(decoding: port, as: UTF8.self)), port.allSatisfy(isDigit),
    (1...65535).contains(number)
  else {
    return .wrong(
      what: "has no valid port", expected: "a port from 1 to 65535",
      remedy: "write for example \(usesTLS ? "8883" : "1883"), or leave it out")
  }
  return .broker(host: name, port: UInt16(number), usesTLS: usesTLS)
}

/// The alphabet and rough shape of an IPv6 address; the resolver has the last word.
private func isIPv6(_ text: ArraySlice<UInt8>) -> Bool {
  let colonCount = text.count { $0 == UInt8(ascii: ":") }
  return (2...7).contains(colonCount) && text.count <= 45
    && text.allSatisfy {
      isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(lowercased($0))
        || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
    }
}
