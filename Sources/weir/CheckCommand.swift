import Configuration
import Linux
import Uplink

private let checkUsage = "usage: weir check CONFIG [--board NAME|FILE]\n"

/// `weir check CONFIG [--board NAME|FILE]`: tells all that is wrong with a configuration on
/// standard error, and, when nothing is, what would run on standard output.
///
/// Returns the exit code: 0 (also with warnings), 2 for errors, 64 for a wrong command line.
func checkCommand(arguments: [String]) -> Int32 {
  var path: String?
  var board: String?
  var index = 0
  while index < arguments.count {
    let argument = arguments[index]
    if argument == "--board" {
      guard index + 1 < arguments.count else { return refuse("--board needs a NAME or a FILE") }
      board = arguments[index + 1]
      index += 1
    } else if argument.utf8.starts(with: "--board=".utf8) {
      board = String(decoding: argument.utf8.dropFirst(8), as: UTF8.self)
    } else if argument.utf8.first == UInt8(ascii: "-") {
      return refuse("unknown option '\(argument)'")
    } else if path == nil {
      path = argument
    } else {
      return refuse("one CONFIG is checked at a time; '\(argument)' is a second one")
    }
    index += 1
  }
  guard let path else { return refuse("which CONFIG?") }
  return check(path, board: board)
}

private func refuse(_ what: String) -> Int32 {
  writeStandardError("weir check: \(what)\n\(checkUsage)")
  return 64
}

private func check(_ path: String, board: String?) -> Int32 {
  let loaded = loadConfiguration(path: path, board: board)
  for problem in loaded.problems { writeStandardError(problem.textWithSource + "\n") }
  if loaded.hasErrors {
    let count = loaded.problems.count { $0.severity == .error }
    writeStandardError(
      "\(path): \(counted(count, "error")); a gateway would leave out the broken parts\n")
    return 2
  }
  for text in credentialProblems(loaded.configuration.uplink, now: Clock.real() / 1_000_000_000) {
    writeStandardError("\(path): warning: \(text)\n")
  }
  return writeStandardOutput("\(path): ok: \(summary(loaded))\n") ? 0 : 1
}

private func summary(_ loaded: LoadedConfiguration) -> String {
  let configuration = loaded.configuration
  let uplink = configuration.uplink
  let broker =
    uplink.host.isEmpty
    ? "no broker" : "broker \(uplink.usesTLS ? "mqtts" : "mqtt")://\(uplink.host):\(uplink.port)"
  return "device \(configuration.device), board \(loaded.board?.name ?? "none"), "
    + "\(counted(configuration.sensors.count, "sensor")), "
    + "\(counted(configuration.lines.count, "line")), "
    + "\(counted(configuration.channels.count, "channel")), \(broker)"
}

private func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}
