import Linux
import Ring
import Supervision

/// `weir crashes [--state FOLDER] [--json]`: what tasks left when they died, in this boot and in
/// earlier ones, the oldest first.
///
/// Returns the exit code: 0; 1 the file is damaged, in part or altogether; 64 used wrongly.
func crashesCommand(_ arguments: [String]) -> Int32 {
  var folder = "/var/lib/weir"
  var isJSON = false
  var index = 0
  while index < arguments.count {
    let argument = arguments[index]
    index += 1
    switch argument {
    case "--json": isJSON = true
    case "--state":
      guard index < arguments.count else {
        return usageError("weir crashes: --state wants a folder; see `weir help crashes`")
      }
      folder = arguments[index]
      index += 1
    default:
      return usageError("weir crashes: there is no option '\(argument)'; see `weir help crashes`")
    }
  }
  let file = CrashFile(folder + "/crashes")
  let content = file.read()
  var output = Output()
  for entry in content.entries { output.write(isJSON ? json(entry) : text(entry)) }
  guard output.flush() else { return ExitStatus.failure }
  if let problem = content.problem {
    writeStandardError("weir crashes: \(file.path): \(problem)\n")
    return ExitStatus.failure
  }
  if content.damageCount > 0 {
    writeStandardError(
      "weir crashes: \(file.path): \(content.damageCount) records are damaged and left out\n")
    return ExitStatus.failure
  }
  if content.entries.isEmpty { writeStandardError("weir crashes: none is kept in \(folder)\n") }
  return ExitStatus.success
}

/// The lines of the console, with the boot and its clock's time.
private func text(_ entry: CrashEntry) -> String {
  var text = "boot \(entry.epoch), \(entry.realTime / 1_000_000_000) s since 1970:\n"
  for line in crashLines(entry.record, of: entry.title, step: nil) { text += "  " + line + "\n" }
  return text
}

private func json(_ entry: CrashEntry) -> String {
  let members = crashMembers(entry, architecture: weirArchitecture)
  return "{\"t\":" + decimalSeconds(max(0, entry.realTime)) + ","
    + String(decoding: members, as: UTF8.self) + "}\n"
}
