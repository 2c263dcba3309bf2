import Linux

/// How long the supervisor may take to answer: it looks at its socket many times a second, and one
/// that takes longer hangs.
private let answerMilliseconds: Int32 = 3000
private let answerByteCountMax = 65_536
private let waitPause: Int64 = 100_000_000

/// `weir health [--state FOLDER] [--json] [--wait SECONDS]`: asks the running gateway how it is.
///
/// Returns the exit code: 0 all is healthy; 1 something is starting or degraded; 2 something is
/// stalled or failed, or no gateway answers; 64 used wrongly.
func healthCommand(_ arguments: [String]) -> Int32 {
  var folder = "/var/lib/weir"
  var isJSON = false
  var waitSeconds: Int64 = 0
  var index = 0
  while index < arguments.count {
    let argument = arguments[index]
    index += 1
    switch argument {
    case "--json": isJSON = true
    case "--state", "--wait":
      guard index < arguments.count else {
        return usageError("weir health: \(argument) wants a value; see `weir help health`")
      }
      let value = arguments[index]
      index += 1
      if argument == "--state" {
        folder = value
      } else if let number = seconds(value) {
        waitSeconds = number
      } else {
        return usageError("weir health: --wait wants seconds, 1 to 86400, not '\(value)'")
      }
    default:
      return usageError("weir health: there is no option '\(argument)'; see `weir help health`")
    }
  }
  let deadline = Clock.boot() + waitSeconds * 1_000_000_000
  var answer = ask(folder)
  while answer.exitStatus != ExitStatus.success, Clock.boot() < deadline {
    Futex.pause(nanoseconds: waitPause)
    answer = ask(folder)
  }
  return answer.tell(isJSON: isJSON)
}

/// What came back from the supervisor's socket.
private enum HealthAnswer {
  case report(HealthTable)
  case none(String)

  var exitStatus: Int32 {
    switch self {
    case .none: 2
    case .report(let table): table.exitStatus
    }
  }

  func tell(isJSON: Bool) -> Int32 {
    switch self {
    case .none(let reason):
      writeStandardError("weir health: \(reason)\n")
    case .report(let table):
      guard writeStandardOutput(isJSON ? table.json : table.text) else { return ExitStatus.failure }
    }
    return exitStatus
  }
}

private func ask(_ folder: String) -> HealthAnswer {
  let path = healthSocket(in: folder)
  do throws(SystemError) {
    let connection = try FileDescriptor(
      connectingTo: path, timeoutMilliseconds: answerMilliseconds)
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 4096)
    while bytes.count < answerByteCountMax {
      let count = try connection.read(into: &block)
      if count == 0 { break }
      bytes += block[..<count]
    }
    guard let table = HealthTable(bytes) else {
      return .none("what answers at \(path) is no gateway of this version, or was cut off")
    }
    return .report(table)
  } catch {
    switch error.number {
    case .notFound:
      return .none("no gateway has run with the state folder \(folder); name it with --state")
    case .refused: return .none("no gateway runs with the state folder \(folder)")
    case .again:
      return .none(
        "the gateway does not answer within \(answerMilliseconds / 1000) s: its supervisor hangs")
    default: return .none("\(path): \(error.text)")
    }
  }
}
