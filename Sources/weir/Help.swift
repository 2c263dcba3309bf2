import Linux

/// The commands, in the order in which help lists them.
enum Command {
  case run
  case check
  case version
  case help

  static var all: [Command] { [.run, .check, .version, .help] }

  init?(_ name: String) {
    for command in Command.all where command.name == name {
      self = command
      return
    }
    return nil
  }

  var name: String {
    switch self {
    case .run: "run"
    case .check: "check"
    case .version: "version"
    case .help: "help"
    }
  }

  var summary: String {
    switch self {
    case .run: "run the gateway that a configuration describes"
    case .check: "say everything that is wrong with a configuration"
    case .version: "print the version"
    case .help: "explain a command"
    }
  }

  var help: String {
    switch self {
    case .run:
      """
      usage: weir run CONFIG [--board NAME|FILE] [--state FOLDER] [OPTION...]

      Reads the sensors that CONFIG names and sends their readings to its broker, until SIGTERM or
      Ctrl-C. Parts of CONFIG that are wrong are said and left out; the rest runs.

        --board NAME|FILE  the board, instead of the one that CONFIG names
        --state FOLDER     where the boot epoch is kept (default: CONFIG's `state`, or
                           /var/lib/weir)
        --report SECONDS   say what each task has done and counted, so often
        --quiet            log only warnings and errors
        --verbose          log everything

      SIGHUP says in the log what each task has done and counted.

      Exit status: 0 stopped as asked; 2 nothing in CONFIG can run; 64 used wrongly; 71 the system
      refused what every run needs.

      """
    case .check:
      """
      usage: weir check CONFIG [--board NAME|FILE]

      Prints every error and warning of CONFIG, each with file, line, column, what was expected and
      what to do. Starts nothing.

      Exit status: 0 CONFIG can run as it is; 2 it has errors; 64 used wrongly.

      """
    case .version:
      """
      usage: weir version

      Prints the version, and the architecture that the binary was made for.

      """
    case .help:
      """
      usage: weir help [COMMAND]

      Explains a command, or lists them all.

      """
    }
  }

  static var overview: String {
    var text = "usage: weir COMMAND ...\n\nThe runtime of a sensor gateway.\n\n"
    for command in all {
      var name = command.name
      while name.utf8.count < 9 { name += " " }
      text += "  " + name + command.summary + "\n"
    }
    return text + "\n`weir help COMMAND` explains one. As PID 1 it is the gateway itself.\n"
  }
}

/// `weir help [COMMAND]`.
func helpCommand(_ arguments: [String]) -> Int32 {
  guard let name = arguments.first else {
    return writeStandardOutput(Command.overview) ? ExitStatus.success : ExitStatus.failure
  }
  guard arguments.count == 1, let command = Command(name) else {
    return usageError("weir help: there is no command '\(name)'; see `weir help`")
  }
  return writeStandardOutput(command.help) ? ExitStatus.success : ExitStatus.failure
}

/// Says what was wrong with the command line, in one line.
func usageError(_ message: String) -> Int32 {
  writeStandardError(message + "\n")
  return ExitStatus.usage
}
