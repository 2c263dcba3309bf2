/// How much a problem matters.
public enum Severity: UInt8, Sendable {
  /// The part is used as it stands; a person should look at it.
  case warning = 0
  /// The part is left out of the result.
  case error = 1

  /// The word that is printed.
  public var text: StaticString {
    switch self {
    case .warning: "warning"
    case .error: "error"
    }
  }
}

/// Something that is wrong with a file: where, what, and what to do, in one line.
public struct Problem: Sendable {
  public var severity: Severity
  /// The file's name as the user gave it.
  public var file: String
  /// From 1; 0 when the file as a whole is meant (it could not be read).
  public var line: Int
  /// From 1, in characters (code points); 0 as for `line`.
  public var column: Int
  /// `what is wrong; expected …; do …`.
  public var message: String
  /// The line of the file, for showing a caret below it; empty where there is none, or where it
  /// may hold a password.
  public var source: String

  public init(
    severity: Severity, file: String, line: Int, column: Int, message: String, source: String = ""
  ) {
    self.severity = severity
    self.file = file
    self.line = line
    self.column = column
    self.message = message
    self.source = source
  }

  /// `FILE:LINE:COLUMN: error: MESSAGE`, without a line end.
  public var text: String {
    let place = line == 0 ? file : "\(file):\(line):\(column)"
    return "\(place): \(severity.text.description): \(message)"
  }

  /// `text`, and below it the line of the file with a caret under the column, as compilers do.
  public var textWithSource: String {
    guard line > 0, !source.isEmpty else { return text }
    var caret: [UInt8] = []
    var characters = source.unicodeScalars.makeIterator()
    for _ in 1..<max(column, 1) {
      guard let character = characters.next() else { break }
      // A tab stays a tab, so that the caret stands below its column whatever a tab's width is.
      caret.append(character == "\t" ? 0x09 : 0x20)
    }
    caret.append(UInt8(ascii: "^"))
    return "\(text)\n    \(source)\n    \(String(decoding: caret, as: UTF8.self))"
  }
}

/// The most problems that one file reports; after them one line says that there are more.
public let problemCountMax = 100

/// Sorts by place; problems at one place keep the order in which they were found.
func sortedByPlace(_ problems: [Problem]) -> [Problem] {
  let order = problems.indices.sorted { first, second in
    let (a, b) = (problems[first], problems[second])
    if a.line != b.line { return a.line < b.line }
    if a.column != b.column { return a.column < b.column }
    return first < second
  }
  return order.map { problems[$0] }
}
