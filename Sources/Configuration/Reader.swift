/// Reads a document by its schema: gives values, collects problems.
///
/// Every getter returns nil after it has reported a problem at the value, so a caller that needs
/// the value just leaves its part out. `errorCount` tells whether a part had any: parts are dropped
/// whole.
struct Reader {
  let source: Source
  let tree: Tree
  private(set) var problems: [Problem]
  private(set) var errorCount: Int
  /// Errors of the text itself, found before any schema was applied.
  let documentErrorCount: Int

  init(_ document: Document) {
    source = document.source
    tree = document.tree
    problems = document.problems
    documentErrorCount = document.problems.count { $0.severity == .error }
    errorCount = documentErrorCount
  }

  /// Reports an error at a node.
  mutating func error(_ node: Int, _ message: String) {
    errorCount += 1
    report(.error, tree.nodes[node].line, tree.nodes[node].column, message)
  }

  /// Reports a warning at a node.
  mutating func warning(_ node: Int, _ message: String) {
    report(.warning, tree.nodes[node].line, tree.nodes[node].column, message)
  }

  /// Reports an error of the file as a whole, at its first line.
  mutating func error(atStart message: String) {
    errorCount += 1
    report(.error, 1, 1, message)
  }

  mutating func warning(atStart message: String) { report(.warning, 1, 1, message) }

  private mutating func report(_ severity: Severity, _ line: Int, _ column: Int, _ message: String)
  {
    guard problems.count <= problemCountMax else { return }
    let isLast = problems.count == problemCountMax
    problems.append(
      Problem(
        severity: severity, file: source.name, line: line, column: column,
        message: isLast
          ? "there are more than \(problemCountMax) problems; expected few; mend those above first"
          : message,
        source: source.excerpt(line: line)))
  }

  /// What stands at a node, for `… is WHAT`.
  func describe(_ node: Int) -> String {
    if tree.isNull(node) { return "empty" }
    switch tree.nodes[node].content {
    case .scalar(let text, _): return quoted(text)
    case .sequence: return "a list"
    case .mapping: return "a map"
    }
  }

  /// Reports that a value is not what it should be.
  mutating func refuse(_ node: Int, _ what: String, expected: String, remedy: String) {
    error(node, "\(what) is \(describe(node)); expected \(expected); \(remedy)")
  }
}

/// The entries of one map, by their keys.
struct Fields {
  let node: Int
  /// How the map is called in messages, such as `sensors.boiler`.
  let path: String
  private let keys: [String]
  private let values: [Int]

  init(node: Int, path: String, keys: [String], values: [Int]) {
    self.node = node
    self.path = path
    self.keys = keys
    self.values = values
  }

  /// The value's node; nil when the key is not there.
  func value(_ key: String) -> Int? {
    keys.firstIndex { $0.isSame(as: key) }.map { values[$0] }
  }
}

extension Reader {
  /// The entries of a map with any keys, in the file's order; later duplicates are reported and
  /// left out.
  mutating func entries(_ node: Int, _ path: String) -> [Tree.Entry]? {
    if tree.isNull(node) { return [] }
    guard case .mapping(let entries) = tree.nodes[node].content else {
      refuse(
        node, "'\(path)'", expected: "a map", remedy: "write one 'key: value' on each line below it"
      )
      return nil
    }
    return withoutDuplicates(entries, path)
  }

  private mutating func withoutDuplicates(_ entries: [Tree.Entry], _ path: String) -> [Tree.Entry] {
    var kept: [Tree.Entry] = []
    for entry in entries {
      let key = tree.text(entry.key) ?? ""
      if let first = kept.first(where: { (tree.text($0.key) ?? "").isSame(as: key) }) {
        error(
          entry.key,
          "the key \(quoted(key)) is here twice (first on line \(tree.nodes[first.key].line)); "
            + "expected it once; remove one of them")
      } else {
        kept.append(entry)
      }
    }
    return kept
  }

  /// The entries of a map with known keys; others are reported, with the nearest known one.
  mutating func fields(_ node: Int, _ path: String, keys: [String]) -> Fields? {
    guard let entries = entries(node, path) else { return nil }
    return fields(entries, node, path, keys: keys)
  }

  /// The file's sections.
  mutating func sections(keys: [String], skipping skipped: [String] = []) -> Fields {
    let entries = withoutDuplicates(tree.sections, "")
    return fields(entries, 0, "", keys: keys, skipping: skipped)
  }

  private mutating func fields(
    _ entries: [Tree.Entry], _ node: Int, _ path: String, keys: [String], skipping: [String] = []
  ) -> Fields {
    var found: [String] = []
    var values: [Int] = []
    for entry in entries {
      let key = tree.text(entry.key) ?? ""
      if keys.contains(where: { $0.isSame(as: key) }) {
        found.append(key)
        values.append(entry.value)
      } else if !skipping.contains(where: { $0.isSame(as: key) }) {
        refuseKey(entry.key, key, path, keys)
      }
    }
    return Fields(node: node, path: path, keys: found, values: values)
  }

  private mutating func refuseKey(_ node: Int, _ key: String, _ path: String, _ keys: [String]) {
    let place = path.isEmpty ? "" : " in '\(path)'"
    if key.isSame(as: "<<") {
      error(node, "merge keys ('<<') are not supported; expected plain keys; write them out")
    } else if let near = nearest(to: key, in: keys) {
      error(
        node, "unknown key \(quoted(key))\(place); expected \(list(keys)); did you mean '\(near)'?")
    } else {
      error(node, "unknown key \(quoted(key))\(place); expected \(list(keys)); remove or rename it")
    }
  }

  /// The items of a list.
  mutating func items(_ node: Int, _ what: String, example: String, limit: Int) -> [Int]? {
    guard case .sequence(let items) = tree.nodes[node].content else {
      refuse(node, what, expected: "a list", remedy: "write it as \(example)")
      return nil
    }
    guard items.count <= limit else {
      error(
        items[limit],
        "\(what) has \(items.count) entries; expected at most \(limit); remove the others")
      return nil
    }
    return items
  }

  /// Any text of 1 to `limit` bytes on one line, without control characters.
  mutating func text(
    _ node: Int, _ what: String, expected: String, example: String, limit: Int
  ) -> String? {
    guard !tree.isNull(node), let text = tree.text(node), !text.isEmpty,
      text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f })
    else {
      refuse(node, what, expected: expected, remedy: "write for example \(example)")
      return nil
    }
    let count = text.utf8.count
    guard count <= limit else {
      error(node, "\(what) has \(count) bytes; expected at most \(limit); shorten it")
      return nil
    }
    return text
  }

  /// A name of a device, sensor, line or channel; see `isName`.
  mutating func name(_ node: Int, _ what: String) -> String? {
    guard !tree.isNull(node), let text = tree.text(node), isName(text) else {
      let isLong = (tree.text(node)?.utf8.count ?? 0) > nameByteCountMax
      refuse(
        node, what, expected: "1 to \(nameByteCountMax) of A-Z a-z 0-9 - _ .",
        remedy: isLong ? "shorten it" : "write for example boiler-room-7")
      return nil
    }
    return text
  }

  /// One of a few words; its index.
  mutating func word(_ node: Int, _ what: String, of words: [String]) -> Int? {
    if let text = tree.text(node) {
      if let index = words.firstIndex(where: { $0.isSame(as: text) }) { return index }
      if let near = nearest(to: text, in: words) {
        refuse(
          node, what, expected: "one of \(list(words))", remedy: "did you mean '\(near)'?")
        return nil
      }
    }
    refuse(node, what, expected: "one of \(list(words))", remedy: "choose one of them")
    return nil
  }
}
