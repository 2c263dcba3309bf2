// The module Supervision: the process tree. It owns every child of the gateway, and only it forks.
// It has one thread, never waits for a child, never parses what comes from outside, and never takes
// a lock. Only the program `weir` calls it.

import Linux
import Ring

/// Why the supervisor's loop ended.
public enum SupervisorEnding: Equatable, Sendable {
  /// SIGTERM or SIGINT.
  case terminated
  /// As PID 1: SIGTERM, SIGINT (also Ctrl-Alt-Del) as busybox `reboot` sends them.
  case restart
  /// As PID 1: SIGUSR2, as busybox `poweroff` sends it, or SIGUSR1 of `halt`.
  case powerOff
}

/// Starts the declared tasks, starts them again when they end, and stops them in order.
public struct Supervisor: ~Copyable {
  /// The longest sleep of the loop: what bounds the delay of periodic work.
  static let sleepMillisecondsMax: Int64 = 1000
  /// How long after the start the supervisor is taken to have settled.
  static let settleNanoseconds: Int64 = 5_000_000_000
  /// How long the tasks of one phase may take to end after SIGTERM, before SIGKILL.
  static let stopNanosecondsMax: Int64 = 3_000_000_000

  private var tasks: [SupervisedTask]
  private let signals: SignalReader
  private let isInit: Bool
  /// Nanoseconds between reports that nobody asked for; 0 for none.
  private let reportPeriod: Int64
  private var reportTime: Int64
  /// When the pages of code are given back that only the start needed; .max when they were.
  private var settleTime: Int64
  private var random: UInt64
  private var pollItems: [PollItem]

  /// Blocks the signals that the loop takes. `isInit` says whether this is PID 1; a report is made
  /// every `reportPeriod` nanoseconds, 0 for only when it is asked for.
  public init(
    _ declarations: [TaskDeclaration], isInit: Bool, reportPeriod: Int64 = 0
  ) throws(SystemError) {
    tasks = []
    tasks.reserveCapacity(declarations.count)
    for declaration in declarations { tasks.append(SupervisedTask(declaration)) }
    signals = try SignalReader([
      Linux.Signal.child, Linux.Signal.terminate, Linux.Signal.interrupt, Linux.Signal.user1,
      Linux.Signal.user2, Linux.Signal.hangUp,
    ])
    self.isInit = isInit
    self.reportPeriod = reportPeriod
    settleTime = Clock.boot() + Self.settleNanoseconds
    reportTime = reportPeriod > 0 ? Clock.boot() + reportPeriod : .max
    random = UInt64(bitPattern: Clock.real()) ^ UInt64(bitPattern: Clock.monotonic()) | 1
    pollItems = [PollItem(signals.descriptor.number)]
  }

  /// Runs until a signal asks for the end, and all tasks have ended. `report` is called with the
  /// tasks for each SIGHUP, and before they are stopped; it must not block.
  public mutating func run(report: ([TaskStatus]) -> Void) -> SupervisorEnding {
    while true {
      let now = Clock.boot()
      startDue(now)
      if now >= settleTime {
        releaseCodePages()
        settleTime = .max
      }
      sleep(until: nextDeadline(after: now), now: now)
      let asked = takeSignals()
      if asked.report || asked.ending != nil || Clock.boot() >= reportTime {
        report(statuses())
        if reportPeriod > 0 { reportTime = Clock.boot() + reportPeriod }
      }
      if let ending = asked.ending {
        stopAll()
        return ending
      }
      reap()
    }
  }

  /// The tasks of this program; other programs show nothing of themselves.
  private func statuses() -> [TaskStatus] {
    var statuses: [TaskStatus] = []
    for task in tasks {
      guard case .task = task.declaration.body, task.state != .stopped else { continue }
      var process: ProcessID?
      if case .running(let running, _) = task.state { process = running }
      statuses.append(
        TaskStatus(
          title: task.declaration.title, process: process, generation: task.generation,
          slot: task.declaration.slot))
    }
    return statuses
  }

  /// The signals that wait, at most 64 a turn; the loop comes back for more.
  private func takeSignals() -> (ending: SupervisorEnding?, report: Bool) {
    var ending: SupervisorEnding?
    var report = false
    for _ in 0..<64 {
      guard let signal = signals.take() else { break }
      switch signal {
      case Linux.Signal.terminate, Linux.Signal.interrupt: ending = isInit ? .restart : .terminated
      case Linux.Signal.user1, Linux.Signal.user2: if isInit { ending = .powerOff }
      case Linux.Signal.hangUp: report = true
      default: break
      }
    }
    return (ending, report)
  }

  private func nextDeadline(after now: Int64) -> Int64 {
    var deadline = now + Self.sleepMillisecondsMax * 1_000_000
    for task in tasks {
      if case .waiting(let until) = task.state { deadline = min(deadline, until) }
    }
    return deadline
  }

  private mutating func sleep(until deadline: Int64, now: Int64) {
    let milliseconds = max(0, (deadline - now + 999_999) / 1_000_000)
    do {
      _ = try poll(&pollItems, timeoutMilliseconds: Int32(milliseconds))
    } catch {
      // Without poll the loop would spin; a poll that fails for such arguments never worked before.
      Log.error("supervisor: poll failed: \(error.text)")
      Futex.pause(nanoseconds: 100_000_000)
    }
  }
}

// MARK: - Starting and ending

extension Supervisor {
  private mutating func startDue(_ now: Int64) {
    for index in tasks.indices {
      guard case .waiting(let until) = tasks[index].state, until <= now else { continue }
      start(index, now)
    }
  }

  private mutating func start(_ index: Int, _ now: Int64) {
    let parent = ProcessID.current
    do {
      tasks[index].generation &+= 1
      tasks[index].declaration.slot?.generation = UInt64(tasks[index].generation)
      switch try forkProcess() {
      case .child:
        runChild(tasks[index].declaration, generation: tasks[index].generation, parent: parent)
      case .parent(let process):
        tasks[index].state = .running(process, since: now)
        tasks[index].declaration.slot?.processID = process.number
      }
    } catch {
      let pause = tasks[index].noteDeath(now: now, random: nextRandom())
      Log.error(
        "can't start \(tasks[index].declaration.title): fork: \(error.text); "
          + "next try in \(pause / 1_000_000) ms")
    }
  }

  private func runChild(
    _ declaration: TaskDeclaration, generation: UInt32, parent: ProcessID
  ) -> Never {
    becomeChild(named: "weir:" + declaration.name.description, parent: parent)
    // Safe: the child has one thread, and this is its first line of log.
    unsafe Log.task = declaration.name
    unsafe Log.taskDetail = declaration.detail
    switch declaration.body {
    case .task(let body):
      body(generation)
    case .program(let path, let arguments):
      let error = execute(path, arguments)
      Log.error("can't run \(path): \(error.text)")
      exitProcess(127)
    }
  }

  /// Takes every child that ended; those that are not ours are orphans that PID 1 inherits.
  private mutating func reap() {
    // As many as there can be processes: a bound that ends the loop even if children end for ever.
    for _ in 0..<32_768 {
      guard let (process, end) = reapChild() else { return }
      for index in tasks.indices {
        guard case .running(process, _) = tasks[index].state else { continue }
        noteEnd(index, end)
      }
    }
  }

  private mutating func noteEnd(_ index: Int, _ end: ProcessEnd) {
    tasks[index].declaration.slot?.processID = 0
    if tasks[index].declaration.policy.isOnce, case .exited(0) = end {
      tasks[index].state = .stopped
      return
    }
    let pause = tasks[index].noteDeath(now: Clock.boot(), random: nextRandom())
    let how =
      switch end {
      case .exited(let status): "exited with status \(status)"
      case .killed(let signal): "was killed by \(Linux.Signal.name(signal))"
      }
    Log.warning(
      "task \(tasks[index].declaration.title) \(how); starting it again in "
        + "\(pause / 1_000_000) ms (start \(tasks[index].generation + 1))")
  }

  private mutating func nextRandom() -> UInt64 {
    // xorshift64: spreads restarts, nothing more.
    random ^= random << 13
    random ^= random >> 7
    random ^= random << 17
    return random
  }
}

// MARK: - Stopping

extension Supervisor {
  /// Stops the tasks phase by phase: SIGTERM, then SIGKILL for those that take too long.
  private mutating func stopAll() {
    var phases: [UInt8] = []
    for task in tasks where !phases.contains(task.declaration.stopPhase) {
      phases.append(task.declaration.stopPhase)
    }
    phases.sort()
    for index in tasks.indices {
      if case .waiting = tasks[index].state { tasks[index].state = .stopped }
    }
    for phase in phases {
      signalPhase(phase, Linux.Signal.terminate)
      waitForPhase(phase)
      signalPhase(phase, Linux.Signal.kill)
      waitForPhase(phase)
    }
  }

  private func signalPhase(_ phase: UInt8, _ signal: Int32) {
    for task in tasks where task.declaration.stopPhase == phase {
      guard case .running(let process, _) = task.state else { continue }
      do {
        try sendSignal(signal, to: process)
      } catch {
        Log.error("can't stop \(task.declaration.title): kill: \(error.text)")
      }
    }
  }

  private mutating func waitForPhase(_ phase: UInt8) {
    let deadline = Clock.boot() + Self.stopNanosecondsMax
    while isRunning(phase), Clock.boot() < deadline {
      sleep(until: min(deadline, Clock.boot() + 100_000_000), now: Clock.boot())
      _ = takeSignals()
      for _ in 0..<32_768 {
        guard let (process, _) = reapChild() else { break }
        for index in tasks.indices {
          if case .running(process, _) = tasks[index].state { tasks[index].state = .stopped }
        }
      }
    }
  }

  private func isRunning(_ phase: UInt8) -> Bool {
    for task in tasks where task.declaration.stopPhase == phase {
      if case .running = task.state { return true }
    }
    return false
  }
}
