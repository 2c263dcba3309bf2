import Configuration
import Linux

/// What a gateway runs with, after everything that is wrong has been said.
struct Loaded {
  var configuration: Configuration
  var board: Board
}

/// Reads a configuration and its board, and says each problem in the log. What is wrong is left
/// out; a missing board is one without buses and lines.
func loadOrSay(_ path: String, board: String?) -> Loaded {
  let loaded = loadConfiguration(path: path, board: board)
  for problem in loaded.problems {
    switch problem.severity {
    case .warning: Log.always(.warning, problem.text)
    case .error: Log.always(.error, problem.text)
    }
  }
  if loaded.hasErrors {
    Log.error("\(path) has errors: the parts named above are left out, the rest runs")
  }
  return Loaded(configuration: loaded.configuration, board: loaded.board ?? Board())
}
