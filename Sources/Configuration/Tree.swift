/// A parsed YAML document: nodes in one array, each with its place. An alias stands for the node of
/// its anchor, so nodes may be shared, but never in a circle.
struct Tree {
  /// One `key: value` of a map; both are indices of nodes, and the key is a scalar.
  struct Entry {
    var key: Int
    var value: Int
  }

  enum Content {
    /// `isPlain` says that it had no quotes.
    case scalar(String, isPlain: Bool)
    case sequence([Int])
    case mapping([Entry])
  }

  struct Node {
    var content: Content
    /// From 1.
    var line: Int
    /// From 1, in characters.
    var column: Int
    /// How many nodes this one stands for when all aliases are written out.
    var weight: Int
  }

  var nodes: [Node] = []
  /// The sections of the file, in its order.
  var sections: [Entry] = []

  /// The text of a scalar; nil for lists and maps.
  func text(_ node: Int) -> String? {
    guard case .scalar(let text, _) = nodes[node].content else { return nil }
    return text
  }

  /// Whether nothing was written (`key:`), or `~` or `null`.
  func isNull(_ node: Int) -> Bool {
    guard case .scalar(let text, let isPlain) = nodes[node].content, isPlain else { return false }
    return text.isEmpty || text.isSame(as: "~") || text.isSame(as: "null")
  }
}

/// The bounds of a document: far above any real configuration (256 channels with 8 stages are about
/// 10,000 nodes), and small enough that a hostile one costs milliseconds.
enum TreeLimit {
  static let nodeCount = 20_000
  static let depth = 16
  static let entryCount = 1_024
  static let scalarByteCount = 8_192
  static let anchorCount = 64
  /// How often parsing starts again after a syntax error, at the next section.
  static let segmentCount = 8
}
