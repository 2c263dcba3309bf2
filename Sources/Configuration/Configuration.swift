/// What came out of reading a configuration: what can run, and what is wrong.
public struct ConfigurationResult: Sendable {
  /// What is sound; broken parts are left out. Without a board all sensors and lines are.
  public var configuration: Configuration
  /// Everything that is wrong, sorted by place.
  public var problems: [Problem]

  /// Whether anything was left out.
  public var hasErrors: Bool { problems.contains { $0.severity == .error } }
}

/// Reads `gateway.yaml` and checks it against the board. Never fails: an unreadable file gives the
/// defaults (DHCP, no uplink, no sensors) and its problem.
public func readConfiguration(path: String, board: Board?) -> ConfigurationResult {
  readConfiguration(Document(Source(path: path), sections: Schema.sections), board)
}

/// As above, from bytes that somebody else read; `name` stands for the path in messages.
public func readConfiguration(
  _ bytes: [UInt8], name: String, board: Board?
) -> ConfigurationResult {
  readConfiguration(Document(Source(bytes, name: name), sections: Schema.sections), board)
}

func readConfiguration(_ document: Document, _ board: Board?) -> ConfigurationResult {
  var schema = Schema(document, board: board)
  schema.read()
  return ConfigurationResult(
    configuration: schema.configuration, problems: sortedByPlace(schema.reader.problems))
}
