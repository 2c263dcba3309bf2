import Linux

/// A configuration with the board that it was checked against.
public struct LoadedConfiguration: Sendable {
  /// What is sound; see `ConfigurationResult`.
  public var configuration: Configuration
  /// Nil when there is none that could be read.
  public var board: Board?
  /// Where the board was found; empty when it was not.
  public var boardPath: String
  /// The board's problems, then the configuration's, each sorted by place.
  public var problems: [Problem]

  /// Whether anything was left out.
  public var hasErrors: Bool { problems.contains { $0.severity == .error } }
}

/// Where boards are looked for.
public struct BoardLookup: Sendable {
  /// The board of the image or the machine: it wins over the configuration's `board:`.
  public var installedPath = "/etc/weir/board.yaml"
  /// Folders that hold `NAME/board.yaml`, in the order in which they are tried.
  public var folders: [String]
  /// How many folders above the program's own are looked into: enough for a build folder in the
  /// checkout.
  private static let parentCountMax = 6

  /// The usual places: `boards` in the working folder, beside the program and in the folders above
  /// it, then in /usr/share/weir.
  public init() {
    folders = ["boards"]
    if var folder = executablePath().map({ parentFolder(of: $0) }) {
      for _ in 0..<Self.parentCountMax {
        folders.append((folder.isSame(as: "/") ? "" : folder) + "/boards")
        if folder.isSame(as: "/") { break }
        folder = parentFolder(of: folder)
      }
    }
    folders.append("/usr/share/weir/boards")
  }

  /// Other places, for tests.
  public init(installedPath: String, folders: [String]) {
    self.installedPath = installedPath
    self.folders = folders
  }

  /// The file of a board by its name, or the paths that were tried.
  func find(_ name: String) -> (path: String?, tried: [String]) {
    var tried: [String] = []
    for folder in folders {
      let path = "\(folder)/\(name)/board.yaml"
      if fileExists(path) { return (path, tried) }
      tried.append(path)
    }
    return (nil, tried)
  }
}

/// Reads a configuration and finds its board: `board` (from the command line: a name, or a path if
/// it has a slash or ends in `.yaml`), else the board of the image, else the file's `board:`.
public func loadConfiguration(
  path: String, board: String?, lookup: BoardLookup = BoardLookup()
) -> LoadedConfiguration {
  loadConfiguration(
    Document(Source(path: path), sections: Schema.sections), board: board, lookup)
}

func loadConfiguration(
  _ document: Document, board argument: String?, _ lookup: BoardLookup
) -> LoadedConfiguration {
  var choice = BoardChoice(document: document, lookup: lookup)
  choice.choose(argument)
  let result = readConfiguration(choice.document, choice.board)
  return LoadedConfiguration(
    configuration: result.configuration, board: choice.board, boardPath: choice.path,
    problems: choice.problems + result.problems)
}

/// The search for one configuration's board.
private struct BoardChoice {
  var document: Document
  let lookup: BoardLookup
  var board: Board?
  var path = ""
  /// Problems of the board's own file, and of an argument that names none.
  var problems: [Problem] = []

  mutating func choose(_ argument: String?) {
    if let argument {
      chooseNamed(argument)
      return
    }
    let key = document.tree.sections.first { section in
      document.tree.text(section.key).map { $0.isSame(as: "board") } ?? false
    }
    if fileExists(lookup.installedPath) {
      take(lookup.installedPath)
      if let board, let key, let name = document.tree.text(key.value), !name.isSame(as: board.name)
      {
        report(
          .warning, key.value,
          "this machine is the board '\(board.name)', not \(quoted(name)); "
            + "expected '\(board.name)'; correct it (\(lookup.installedPath) is used)")
      }
    } else if let key {
      chooseByKey(key.value)
    } else if document.source.isText {
      document.problems.append(
        Problem(
          severity: .error, file: document.source.name, line: 1, column: 1,
          message: "there is no 'board:', and no \(lookup.installedPath); expected the board's "
            + "name; write for example 'board: rpi-3b', or use --board",
          source: document.source.excerpt(line: 1)))
    }
  }

  private mutating func chooseNamed(_ argument: String) {
    let isPath = argument.utf8.contains(UInt8(ascii: "/")) || argument.hasEnding(".yaml")
    if isPath {
      take(argument)
    } else if isName(argument), case let (found?, _) = lookup.find(argument) {
      take(found)
    } else {
      problems.append(
        Problem(
          severity: .error, file: "--board", line: 0, column: 0,
          message: notFound(argument)))
    }
  }

  private mutating func chooseByKey(_ node: Int) {
    let name = document.tree.text(node) ?? ""
    // A name only: a path in a file that anyone may edit would lead out of the folders.
    guard isName(name), !name.begins(with: ".") else {
      report(
        .error, node,
        "'board' is not a name; expected a board such as rpi-3b; correct it, or give "
          + "a file with --board")
      return
    }
    if let found = lookup.find(name).path {
      take(found)
    } else {
      report(.error, node, notFound(name))
    }
  }

  private func notFound(_ name: String) -> String {
    "there is no board \(quoted(name)); expected one of \(list(lookup.find(name).tried)); correct "
      + "the name, or give a file with --board FILE"
  }

  private mutating func take(_ path: String) {
    let result = readBoard(path: path)
    board = result.board
    self.path = path
    problems += result.problems
  }

  private mutating func report(_ severity: Severity, _ node: Int, _ message: String) {
    let place = document.tree.nodes[node]
    document.problems.append(
      Problem(
        severity: severity, file: document.source.name, line: place.line, column: place.column,
        message: message, source: document.source.excerpt(line: place.line)))
  }
}
