import Linux

/// What `weir run` was asked for.
struct RunArguments {
  var configuration = ""
  var board: String?
  var state: String?
  var threshold = LogLevel.info

  enum Problem: Error {
    case message(String)
  }

  init(_ arguments: [String]) throws(Problem) {
    var files: [String] = []
    var index = 0
    while index < arguments.count {
      let argument = arguments[index]
      index += 1
      switch argument {
      case "--board": board = try Self.value(of: argument, arguments, &index)
      case "--state": state = try Self.value(of: argument, arguments, &index)
      case "--quiet": threshold = .warning
      case "--verbose": threshold = .debug
      default:
        guard argument.utf8.first != UInt8(ascii: "-") else {
          throw .message("there is no option '\(argument)'")
        }
        files.append(argument)
      }
    }
    guard files.count == 1 else {
      throw .message(
        files.isEmpty
          ? "the configuration file is missing" : "takes one configuration file, not \(files.count)"
      )
    }
    configuration = files[0]
  }

  private static func value(
    of option: String, _ arguments: [String], _ index: inout Int
  ) throws(Problem) -> String {
    guard index < arguments.count else { throw .message("\(option) wants a value") }
    index += 1
    return arguments[index - 1]
  }
}
