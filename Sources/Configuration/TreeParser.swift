import CYAML

/// Why parsing stopped before the end.
struct SyntaxError: Error {
  var message: String
  /// From 1, in the segment that was parsed.
  var line: Int
  var column: Int
  /// Sections that begin before this line are not to be trusted.
  var resumeLine: Int
}

/// Builds a tree from libyaml's events. One parser reads one segment of a file.
///
/// libyaml keeps a pointer to its own parser structure, so that lives on the heap and never moves.
@safe struct TreeParser: ~Copyable {
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let input: UnsafeMutableBufferPointer<UInt8>
  /// The line in the file of this segment's first line, from 0.
  private let lineOffset: Int
  var tree: Tree

  private struct Open {
    var node: Int
    var isMapping: Bool
    var entries: [Tree.Entry] = []
    var items: [Int] = []
    var key: Int?
    var weight = 1
  }
  private var open: [Open] = []
  private var documentCount = 0
  private var anchors: [(name: String, node: Int)] = []

  /// `bytes` must be valid UTF-8; new nodes and sections are added to `tree`.
  init(_ bytes: ArraySlice<UInt8>, lineOffset: Int, tree: Tree) {
    self.lineOffset = lineOffset
    self.tree = tree
    // Safe: both blocks are owned by this value, initialised here, and freed in deinit. libyaml
    // reads `input` only within its size.
    unsafe parser = .allocate(capacity: 1)
    unsafe input = .allocate(capacity: max(bytes.count, 1))
    unsafe parser.initialize(to: yaml_parser_t())
    _ = unsafe input.update(fromContentsOf: bytes)
    let created = unsafe yaml_parser_initialize(parser)
    precondition(created == 1, "out of memory")
    unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    unsafe yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
  }

  deinit {
    // Safe: allocated and initialised in init, used by nobody else.
    unsafe yaml_parser_delete(parser)
    unsafe parser.deallocate()
    unsafe input.deallocate()
  }

  /// Reads events to the end. When it throws, `tree.sections` holds the sections before the error.
  mutating func parse() throws(SyntaxError) {
    // An event takes at least one byte, but for the few that end things.
    for _ in 0..<Source.byteCountMax * 2 {
      if try step() { return }
    }
    throw SyntaxError(message: "the file is too complex", line: 1, column: 1, resumeLine: .max)
  }

  /// Handles one event; true at the end.
  private mutating func step() throws(SyntaxError) -> Bool {
    // Safe: the event is initialised by libyaml and deleted before it goes out of scope; the
    // members of its union are read only as its type says.
    var event = unsafe yaml_event_t()
    guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw failure() }
    defer { unsafe yaml_event_delete(&event) }
    let mark = unsafe event.start_mark
    switch unsafe event.type {
    case YAML_STREAM_END_EVENT:
      return true
    case YAML_DOCUMENT_START_EVENT:
      documentCount += 1
      if documentCount > 1 {
        throw error(
          "a second document begins here; expected one; remove the '---' and what follows", mark)
      }
    case YAML_ALIAS_EVENT:
      try addAlias(named: unsafe text(event.data.alias.anchor), mark)
    case YAML_SCALAR_EVENT:
      let scalar = unsafe event.data.scalar
      try checkTag(unsafe text(scalar.tag), mark)
      guard unsafe scalar.length <= TreeLimit.scalarByteCount else {
        throw error(
          "this text is longer than \(TreeLimit.scalarByteCount) bytes; expected a short value; "
            + "check that a quote is closed", mark)
      }
      // Safe: libyaml gives `length` bytes at `value`.
      let value = unsafe String(
        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
      let node = try newNode(.scalar(value, isPlain: isPlain), mark)
      try keepAnchor(unsafe text(scalar.anchor), node, mark)
      try add(node, mark)
    case YAML_SEQUENCE_START_EVENT:
      let start = unsafe event.data.sequence_start
      try begin(
        isMapping: false, anchor: unsafe text(start.anchor), tag: unsafe text(start.tag), mark)
    case YAML_MAPPING_START_EVENT:
      let start = unsafe event.data.mapping_start
      try begin(
        isMapping: true, anchor: unsafe text(start.anchor), tag: unsafe text(start.tag), mark)
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
      try end(mark)
    default:
      break
    }
    return false
  }

  private mutating func newNode(
    _ content: Tree.Content, _ mark: yaml_mark_t
  ) throws(SyntaxError) -> Int {
    guard tree.nodes.count < TreeLimit.nodeCount else {
      throw error(
        "the file has more than \(TreeLimit.nodeCount) values; expected a smaller one; "
          + "check that it is the right file", mark)
    }
    tree.nodes.append(
      Tree.Node(
        content: content, line: Int(mark.line) + 1 + lineOffset, column: Int(mark.column) + 1,
        weight: 1))
    return tree.nodes.count - 1
  }

  private mutating func begin(
    isMapping: Bool, anchor: String, tag: String, _ mark: yaml_mark_t
  ) throws(SyntaxError) {
    try checkTag(tag, mark)
    guard open.count < TreeLimit.depth else {
      throw error(
        "this is nested more than \(TreeLimit.depth) deep; expected a flat file; check the "
          + "indentation and brackets", mark)
    }
    if open.isEmpty, !isMapping {
      throw error(
        "the file is a list; expected sections such as 'device:' and 'sensors:'; remove the '-'",
        mark)
    }
    let node = try newNode(isMapping ? .mapping([]) : .sequence([]), mark)
    try keepAnchor(anchor, node, mark)
    open.append(Open(node: node, isMapping: isMapping))
  }

  private mutating func end(_ mark: yaml_mark_t) throws(SyntaxError) {
    guard let closed = open.popLast() else { return }
    tree.nodes[closed.node].content =
      closed.isMapping ? .mapping(closed.entries) : .sequence(closed.items)
    tree.nodes[closed.node].weight = closed.weight
    if !open.isEmpty { try add(closed.node, mark) }
  }

  /// Puts a complete node into the collection that is open.
  private mutating func add(_ node: Int, _ mark: yaml_mark_t) throws(SyntaxError) {
    guard !open.isEmpty else {
      throw error(
        "the file is a single value; expected sections such as 'device:' and 'sensors:'; put a "
          + "colon and a space after each key", mark)
    }
    let top = open.count - 1
    open[top].weight += tree.nodes[node].weight
    guard open[top].weight <= TreeLimit.nodeCount else {
      throw error(
        "the aliases stand for more than \(TreeLimit.nodeCount) values; expected fewer; write "
          + "the values out", mark)
    }
    guard open[top].entries.count < TreeLimit.entryCount,
      open[top].items.count < TreeLimit.entryCount
    else {
      throw error(
        "there are more than \(TreeLimit.entryCount) entries here; expected fewer; check that "
          + "this is the right file", mark)
    }
    if !open[top].isMapping {
      open[top].items.append(node)
    } else if let key = open[top].key {
      open[top].key = nil
      open[top].entries.append(Tree.Entry(key: key, value: node))
      if top == 0 { tree.sections.append(Tree.Entry(key: key, value: node)) }
    } else if tree.text(node) != nil {
      open[top].key = node
    } else {
      throw error("this key is a list or a map; expected a word; check the brackets", mark)
    }
  }

  private mutating func keepAnchor(
    _ name: String, _ node: Int, _ mark: yaml_mark_t
  ) throws(SyntaxError) {
    guard !name.isEmpty else { return }
    guard anchors.count < TreeLimit.anchorCount else {
      throw error(
        "there are more than \(TreeLimit.anchorCount) anchors; expected fewer; write the values "
          + "out", mark)
    }
    anchors.append((name, node))
  }

  private mutating func addAlias(named name: String, _ mark: yaml_mark_t) throws(SyntaxError) {
    guard let anchor = anchors.last(where: { $0.name.isSame(as: name) }) else {
      throw error(
        "no anchor '&\(name)' stands before this alias; expected one; write the value out", mark)
    }
    guard !open.contains(where: { $0.node == anchor.node }) else {
      throw error(
        "the alias '*\(name)' stands inside its own anchor; expected a value; write it out", mark)
    }
    try add(anchor.node, mark)
  }

  private func checkTag(_ tag: String, _ mark: yaml_mark_t) throws(SyntaxError) {
    guard !tag.isEmpty else { return }
    throw error("tags such as \(quoted(tag)) are not used here; expected a value; remove it", mark)
  }

  private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String {
    // Safe: libyaml's strings are terminated.
    guard let pointer = unsafe pointer else { return "" }
    return unsafe String(cString: pointer)
  }

  private func error(_ message: String, _ mark: yaml_mark_t) -> SyntaxError {
    let line = Int(mark.line) + 1 + lineOffset
    let column = Int(mark.column) + 1
    // A section that begins right where the one before it turned out to be broken may be sound.
    return SyntaxError(
      message: message, line: line, column: column, resumeLine: column == 1 ? line : line + 1)
  }

  /// libyaml's own message. Where a quote or bracket is never closed it finds that only much later:
  /// then the place that is told, and the line from which parsing may resume, is where it was
  /// opened.
  private func failure() -> SyntaxError {
    // Safe: the parser lives; its messages are terminated constants.
    let problem =
      unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "it cannot be parsed"
    let context = unsafe parser.pointee.context.map { unsafe String(cString: $0) } ?? ""
    let contextMark = unsafe parser.pointee.context_mark
    let problemMark = unsafe parser.pointee.problem_mark
    let isUnclosed =
      context.begins(with: "while scanning") || context.begins(with: "while parsing a flow")
    let mark = isUnclosed ? contextMark : problemMark
    var message = "not valid YAML: \(problem)"
    if !context.isEmpty { message += " \(context)" }
    var result = error("\(message); \(Self.remedy(problem, context))", mark)
    if isUnclosed { result.resumeLine = result.line + 1 }
    return result
  }

  private static func remedy(_ problem: String, _ context: String) -> String {
    if contains(Array(problem.utf8)[...], "cannot start any token") {
      return "expected a key or a value; indent with spaces instead of tabs, and put text that "
        + "begins with a special character in quotes"
    }
    if contains(Array(context.utf8)[...], "quoted scalar") {
      return "expected a closing quote; add it"
    }
    if contains(Array(context.utf8)[...], "flow") {
      return "expected a closing bracket; add it, and commas between the values"
    }
    if contains(Array(problem.utf8)[...], "mapping values") {
      return "expected one 'key: value' on a line; put text with a colon in quotes, and check the "
        + "indentation"
    }
    return "expected 'key: value' lines; check the colons, and the indentation here and above"
  }
}
