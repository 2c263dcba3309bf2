/// A file that was read and parsed as far as it could be: what the schemas work on.
struct Document {
  var source: Source
  var tree = Tree()
  var problems: [Problem] = []

  /// `sections` are the keys at which parsing starts again after a syntax error.
  init(_ source: Source, sections: [String]) {
    self.source = source
    problems = source.problems
    guard source.isText else { return }
    parse(sections)
  }

  /// Parses the file; after a syntax error goes on at the next line that begins a known section, so
  /// that damage in one of them costs that one only, whatever their order.
  private mutating func parse(_ sections: [String]) {
    var line = 1
    for _ in 0..<TreeLimit.segmentCount {
      let start = source.lineStarts[line - 1]
      var parser = TreeParser(source.bytes[start...], lineOffset: line - 1, tree: tree)
      do throws(SyntaxError) {
        try parser.parse()
        tree = parser.tree
        return
      } catch {
        tree = whole(before: error, from: line) ?? parser.tree
        report(error)
        guard let next = nextSection(sections, from: max(error.resumeLine, line + 1)) else {
          return
        }
        line = next
      }
    }
  }

  /// What stands before the error, if the error's line begins a section: then all of that is whole,
  /// but the parser, which reads ahead, has not told the end of the last one.
  private func whole(before error: SyntaxError, from line: Int) -> Tree? {
    guard error.line > line, let first = source.lineBytes(error.line).first,
      first != UInt8(ascii: " "), first != UInt8(ascii: "\t")
    else { return nil }
    let bytes = source.bytes[source.lineStarts[line - 1]..<source.lineStarts[error.line - 1]]
    var parser = TreeParser(bytes, lineOffset: line - 1, tree: tree)
    do throws(SyntaxError) {
      try parser.parse()
      return parser.tree
    } catch {
      return nil
    }
  }

  private mutating func report(_ error: SyntaxError) {
    problems.append(
      Problem(
        severity: .error, file: source.name, line: error.line, column: error.column,
        message: error.message, source: source.excerpt(line: error.line)))
  }

  /// The first line from `from` on that begins with one of the keys and a colon.
  private func nextSection(_ keys: [String], from: Int) -> Int? {
    guard from <= source.lineStarts.count else { return nil }
    for line in from...source.lineStarts.count {
      let content = source.lineBytes(line)
      for key in keys
      where content.starts(with: key.utf8)
        && content.dropFirst(key.utf8.count).first == UInt8(ascii: ":")
      {
        return line
      }
    }
    return nil
  }
}
