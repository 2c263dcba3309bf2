// The program: it wires the modules together, one file per task and one per command. Everything
// that can be decided elsewhere is decided elsewhere.

import Linux

@main
struct Weir {
  static func main() {
    if ProcessID.current == ProcessID(1) { runInit() }
    exitProcess(run(commandLineArguments()))
  }

  private static func run(_ arguments: [String]) -> Int32 {
    guard let name = arguments.first else {
      writeStandardError(Command.overview)
      return ExitStatus.usage
    }
    let rest = Array(arguments.dropFirst())
    switch name {
    case "--version", "-V": return versionCommand(rest)
    case "--help", "-h": return helpCommand(rest)
    default: break
    }
    guard let command = Command(name) else {
      return usageError("weir: there is no command '\(name)'; see `weir help`")
    }
    for argument in rest where argument == "--help" || argument == "-h" {
      return helpCommand([name])
    }
    return switch command {
    case .run: runCommand(rest)
    case .check: checkCommand(arguments: rest)
    case .health: healthCommand(rest)
    case .crashes: crashesCommand(rest)
    case .journal: journalCommand(rest)
    case .version: versionCommand(rest)
    case .help: helpCommand(rest)
    }
  }

  private static func versionCommand(_ arguments: [String]) -> Int32 {
    guard arguments.isEmpty else {
      return usageError("weir version: takes no arguments; see `weir help version`")
    }
    let written = writeStandardOutput("weir \(weirVersion) (\(weirArchitecture))\n")
    return written ? ExitStatus.success : ExitStatus.failure
  }
}
