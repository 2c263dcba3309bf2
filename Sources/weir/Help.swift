import Linux

/// The commands, in the order in which help lists them.
enum Command {
  case run
  case check
  case health
  case crashes
  case journal
  case version
  case help

  static var all: [Command] { [.run, .check, .health, .crashes, .journal, .version, .help] }

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
    case .health: "health"
    case .crashes: "crashes"
    case .journal: "journal"
    case .version: "version"
    case .help: "help"
    }
  }

  var summary: String {
    switch self {
    case .run: "run the gateway that a configuration describes"
    case .check: "say everything that is wrong with a configuration"
    case .health: "ask a running gateway how it is"
    case .crashes: "list what tasks left when they died"
    case .journal: "look into a journal: list, dump, verify, stat; key"
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
        --watchdog DEVICE  feed the board's watchdog, which resets it when this program hangs; not
                           together with systemd's RuntimeWatchdogSec=
        --quiet            log only warnings and errors
        --verbose          log everything
        --drill TASK:KIND[@SECONDS][!]
                           bring about a fault on purpose, so many seconds after the start (10), in
                           the task's first start (with !: in each), as in pipeline:trap@20. Kinds:
                           trap, segfault, exit, spin, deadlock, stop, memory, descriptors, ring,
                           escape, trespass, medium (of the journal); for boards also freeze,
                           clock, and of the supervisor spin, stop, trap, panic, restart, off,
                           busy

      SIGHUP says in the log what each task has done and counted.

      Exit status: 0 stopped as asked; 2 nothing in CONFIG can run; 64 used wrongly; 70 a critical
      task could not be brought back; 71 the system refused what every run needs.

      """
    case .check:
      """
      usage: weir check CONFIG [--board NAME|FILE]

      Prints every error and warning of CONFIG, each with file, line, column, what was expected and
      what to do. Starts nothing.

      Exit status: 0 CONFIG can run as it is; 2 it has errors; 64 used wrongly.

      """
    case .health:
      """
      usage: weir health [--state FOLDER] [--json] [--wait SECONDS]

      Asks the gateway that runs with that state folder (default: /var/lib/weir) how its tasks are:
      starting, healthy, degraded, stalled or failed, each with its reason.

        --json          one line of JSON instead of a table
        --wait SECONDS  ask again until all is healthy, at most so long

      Exit status: 0 all is healthy; 1 something is starting or degraded; 2 something is stalled or
      failed, or no gateway answers; 64 used wrongly. Fit for a container's health check.

      """
    case .crashes:
      """
      usage: weir crashes [--state FOLDER] [--json]

      Lists the last crashes of the gateway with that state folder (default: /var/lib/weir), of this
      boot and of earlier ones, the oldest first. `weirctl symbolize` on a desk turns them into
      functions, files and lines.

        --json  a line of JSON for each, as the broker gets them

      Exit status: 0 done; 1 some of them are damaged; 64 used wrongly.

      """
    case .journal:
      """
      usage: weir journal list|dump|verify|stat FILE [--lane alarms|telemetry] [--all]
               [--key KEY]...
             weir journal key KEY

      Looks into the journal FILE, and changes nothing in it. It may belong to a running gateway:
      what is just being written may then look damaged.

        list         the segments of each lane: which events they hold
        dump         each event and each gap, as a line of JSON
        verify       counts events and blocks, and says what is missing
        stat         how full and how old it is, and how much it writes to the flash
        --lane LANE  only this lane
        --all        dump, verify: also what the receiver has acknowledged, as far as it is there
        --key KEY    a file with the key of a sealed journal; several, after a change of keys
        key KEY      makes a file with a new key, for journal.encryption.key; one that is there is
                     left alone

      Exit status: 0 done; 1 `verify` found that events are lost, or FILE is sealed with a key that
      was not given; 2 FILE is no journal that can be read; 64 used wrongly.

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
