import Linux
import Supervision

/// What `weir run` was asked for.
struct RunArguments {
  var configuration = ""
  var board: String?
  var state: String?
  var threshold = LogLevel.info
  /// Between two reports; 0 for none but those that are asked for.
  var reportSeconds: Int64 = 0
  /// The board's watchdog, which this program then feeds; nil leaves it to others.
  var watchdog: String?

  var drills = Drills()

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
      case "--watchdog": watchdog = try Self.value(of: argument, arguments, &index)
      case "--report":
        let text = try Self.value(of: argument, arguments, &index)
        guard let number = seconds(text) else {
          throw .message("--report wants seconds, 1 to 86400, not '\(text)'")
        }
        reportSeconds = number
      case "--drill":
        let text = try Self.value(of: argument, arguments, &index)
        do {
          drills = try Drills(text)
        } catch {
          switch error {
          case .message(let text): throw .message("--drill: " + text)
          }
        }
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

  /// Opens the watchdog that was asked for; 15 s is the most that a Raspberry Pi's allows.
  func openWatchdog() -> HardwareWatchdog {
    guard let watchdog else { return HardwareWatchdog() }
    return HardwareWatchdog(path: watchdog, timeoutSeconds: 15, place: "--watchdog")
  }

  private static func value(
    of option: String, _ arguments: [String], _ index: inout Int
  ) throws(Problem) -> String {
    guard index < arguments.count else { throw .message("\(option) wants a value") }
    index += 1
    return arguments[index - 1]
  }
}

/// A whole number of seconds, 1 to 86,400; nil for anything else.
func seconds(_ text: String) -> Int64? {
  guard let number = decimalNumber(Array(text.utf8), digitCountMax: 5), number >= 1,
    number <= 86_400
  else {
    return nil
  }
  return Int64(number)
}
