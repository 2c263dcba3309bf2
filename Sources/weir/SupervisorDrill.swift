import Linux
import Supervision

/// A drill that the supervisor carries out: on itself, or on a task from outside.
struct SupervisorDrill {
  private let drill: Drill
  private var time: Int64
  private var isDone = false
  private var hasJumped = false

  init(_ drill: Drill, time: Int64) {
    self.drill = drill
    self.time = time
  }

  /// Called once a turn of the supervisor's loop.
  mutating func turn(_ now: Int64, _ tasks: [TaskStatus]) {
    guard !isDone, now >= time else { return }
    switch drill.kind {
    case .spin:
      Log.warning("drill: the supervisor spins")
      spinForDrill()
    case .trap:
      Log.warning("drill: the supervisor traps")
      trapForDrill()
    case .clock: jump(now)
    case .freeze: freeze(tasks)
    case .stop: once(stopForDrill)
    case .panic: once(panic)
    case .restart: once { signalForDrill(Linux.Signal.terminate) }
    case .off: once { signalForDrill(Linux.Signal.user2) }
    case .busy: isDone = true
    case .segfault, .exit, .deadlock, .memory, .descriptors, .ring, .escape, .trespass, .medium:
      Log.error("drill: the supervisor has no drill \(drill.kind.name)")
      isDone = true
    }
  }

  private mutating func once(_ strike: () -> Void) {
    isDone = true
    Log.warning("drill: \(drill.kind.name)")
    strike()
  }

  private func panic() {
    do {
      let trigger = try FileDescriptor(opening: "/proc/sysrq-trigger", .writeOnly)
      try trigger.write(all: [UInt8(ascii: "c")])
    } catch {
      Log.error("drill: /proc/sysrq-trigger: \(error.text)")
    }
  }

  /// Ten years of 365.25 days, in ns.
  private static let jumpNanoseconds: Int64 = 315_576_000_000_000_000
  private static let jumpPause: Int64 = 5_000_000_000

  private mutating func jump(_ now: Int64) {
    let offset = hasJumped ? -2 * Self.jumpNanoseconds : Self.jumpNanoseconds
    do {
      try System.setRealTime(Clock.real() + offset)
      Log.warning("drill: the clock jumps by \(hasJumped ? -20 : 10) years")
    } catch {
      Log.error("drill: the clock can't be set: \(error.text)")
    }
    isDone = hasJumped
    hasJumped = true
    time = now + Self.jumpPause
  }

  private static let freezer = "/tmp/freezer"

  /// A process that cgroup v1's freezer holds gets no signal, not even SIGKILL.
  private mutating func freeze(_ tasks: [TaskStatus]) {
    guard let process = tasks.first(where: { $0.title == drill.task })?.process else { return }
    isDone = true
    do {
      try System.mount("cgroup", on: Self.freezer, type: "cgroup", data: "freezer")
      System.makeFolder(Self.freezer + "/drill")
      try write("\(process.number)", to: "/drill/cgroup.procs")
      try write("FROZEN", to: "/drill/freezer.state")
      Log.warning("drill: \(drill.task) is frozen")
    } catch {
      Log.error("drill: can't freeze \(drill.task): \(error.call): \(error.text)")
    }
  }

  private func write(_ text: String, to name: String) throws(SystemError) {
    let file = try FileDescriptor(opening: Self.freezer + name, .writeOnly)
    try file.write(all: Array(text.utf8))
  }
}
