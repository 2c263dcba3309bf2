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
  /// A task without which there is no going on died too often, or can't be ended: its title.
  case failed(task: String)
}

/// What the supervisor calls; none of it may block.
public struct SupervisorHooks {
  /// For each SIGHUP, periodically if that was asked for, and before the tasks are stopped.
  public var report: ([TaskStatus]) -> Void
  /// Once a turn, at least every `Supervisor.sleepMillisecondsMax`, while every critical task is at
  /// work: feeds the hardware's watchdog. Nil where there is none.
  public var feed: ((_ now: Int64) -> Void)?
  /// Once, when a critical task is at work no more and can't be brought back, so that `feed` will
  /// not be called again and the hardware resets the board: title and reason.
  public var giveUp: ((_ task: String, _ reason: String) -> Void)?

  /// As `feed`, also where there is no watchdog.
  public var whileWell: ((_ now: Int64) -> Void)?
  /// Once a turn: whether the keeper is to be started; it must be in the task table.
  public var wantsKeeper: (() -> Bool)?
  /// Once for each task that left a record of its death.
  public var crashed: ((_ title: String, CrashRecord) -> Void)?
  /// Once a turn, for drills.
  public var turn: ((_ now: Int64, [TaskStatus]) -> Void)?

  public init(report: @escaping ([TaskStatus]) -> Void) { self.report = report }
}

/// Starts the declared tasks, watches their signs of life, ends those that show none, starts again
/// what ended, and stops them all in order.
public struct Supervisor: ~Copyable {
  /// The longest sleep of the loop: what bounds the delay of periodic work.
  public static let sleepMillisecondsMax: Int64 = 1000
  /// How long after the start the supervisor is taken to have settled.
  static let settleNanoseconds: Int64 = 5_000_000_000
  /// How long the tasks of one phase may take to end after SIGTERM, before SIGKILL.
  static let stopNanosecondsMax: Int64 = 3_000_000_000
  /// While a task waits for another one to become healthy, it is looked at so often.
  static let needPollNanoseconds: Int64 = 5_000_000
  /// How long a critical task may be away in all, with every try to bring it back: longer than
  /// three of the longest pauses between restarts.
  static let absenceNanosecondsMax: Int64 = 40_000_000_000
  /// The most connections to the health socket that one turn answers.
  static let answerCountMax = 8

  var tasks: [SupervisedTask]
  let signals: SignalReader
  let isInit: Bool
  private let listener: LocalListener?
  /// Nanoseconds between reports that nobody asked for; 0 for none.
  private let reportPeriod: Int64
  private var reportTime: Int64
  /// When the pages of code are given back that only the start needed; .max when they were.
  private var settleTime: Int64
  var budget = StartBudget()
  var random: UInt64
  private var pollItems: [PollItem]
  /// Records of tasks, by their place, that nobody was told of yet.
  var newCrashes: [(index: Int, record: CrashRecord)] = []
  let startTime: Int64
  /// The critical task that was given up.
  var givenUp: (title: String, reason: String)?

  /// Blocks the signals that the loop takes. `isInit` says whether this is PID 1; a report is made
  /// every `reportPeriod` nanoseconds, 0 for only when it is asked for. Who connects to `listener`
  /// is told the health of all tasks.
  ///
  /// Traps on a task that needs one that is not in the table, or itself in a circle: the table is
  /// the program's own.
  public init(
    _ declarations: [TaskDeclaration], isInit: Bool, reportPeriod: Int64 = 0,
    listener: consuming LocalListener? = nil
  ) throws(SystemError) {
    tasks = Self.table(declarations)
    signals = try SignalReader([
      Linux.Signal.child, Linux.Signal.terminate, Linux.Signal.interrupt, Linux.Signal.user1,
      Linux.Signal.user2, Linux.Signal.hangUp,
    ])
    self.isInit = isInit
    self.reportPeriod = reportPeriod
    startTime = Clock.boot()
    settleTime = startTime + Self.settleNanoseconds
    reportTime = reportPeriod > 0 ? startTime + reportPeriod : .max
    random = UInt64(bitPattern: Clock.real()) ^ UInt64(bitPattern: Clock.monotonic()) | 1
    pollItems = [PollItem(signals.descriptor.number)]
    // Looking into an optional that can't be copied is only possible while it is consumed.
    switch consume listener {
    case .some(let given):
      pollItems.append(PollItem(given.descriptor.number))
      self.listener = consume given
    case .none: self.listener = nil
    }
  }

  /// Asks for a task whose policy is on demand: it is started in this turn of the loop; one that
  /// runs already, once more when it has ended. False when there is no such task.
  @discardableResult
  public mutating func demand(_ title: String) -> Bool {
    for index in tasks.indices where tasks[index].declaration.title == title {
      tasks[index].demand()
      return true
    }
    return false
  }

  /// Runs until a signal asks for the end or a task makes going on useless, and all tasks have
  /// ended.
  public mutating func run(_ hooks: SupervisorHooks) -> SupervisorEnding {
    while true {
      let now = Clock.boot()
      startDue(now)
      // After the start: the successor does not wait for words.
      tellCrashes(hooks)
      if hooks.wantsKeeper?() == true { demand(Keeper.title) }
      watch(now)
      tellRefusals()
      updateHealth(now)
      if let title = endingFailure(hooks) {
        hooks.report(statuses())
        stopAll(hooks)
        return .failed(task: title)
      }
      hooks.turn?(now, statuses())
      feed(hooks, now)
      settle(now)
      sleep(until: nextTime(after: now), now: now)
      let asked = takeSignals()
      if asked.report || asked.ending != nil || Clock.boot() >= reportTime {
        hooks.report(statuses())
        if reportPeriod > 0 { reportTime = Clock.boot() + reportPeriod }
      }
      if let ending = asked.ending {
        stopAll(hooks)
        return ending
      }
      reap()
      answer()
      Log.catchUp()
    }
  }

  private mutating func settle(_ now: Int64) {
    guard now >= settleTime else { return }
    releaseCodePages()
    settleTime = .max
  }

  /// All tasks and what is thought of them.
  func statuses() -> [TaskStatus] {
    tasks.map { task in
      TaskStatus(
        title: task.declaration.title, process: task.state.process, generation: task.generation,
        slot: task.declaration.slot, health: task.health, healthTime: task.healthTime,
        deathCount: task.deathTotal, log: task.declaration.log)
    }
  }

  /// Tells those that ask what is so now, and not what was when the loop last had to look.
  private mutating func answer() {
    guard pollItems.count > 1, pollItems[1].hasInput else { return }
    updateHealth(Clock.boot())
    for _ in 0..<Self.answerCountMax {
      switch listener {
      case .none: return
      case .some(let listener):
        guard listener.answerOne({ HealthReport.bytes(statuses(), now: Clock.boot()) }) else {
          return
        }
      }
    }
  }

  /// The signals that wait, at most 64 a turn; the loop comes back for more.
  func takeSignals() -> (ending: SupervisorEnding?, report: Bool) {
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

  mutating func sleep(until deadline: Int64, now: Int64) {
    let milliseconds = max(0, (deadline - now + 999_999) / 1_000_000)
    do {
      _ = try poll(&pollItems, timeoutMilliseconds: Int32(milliseconds))
    } catch {
      // Without poll the loop would spin; a poll that fails for such arguments never worked before.
      Log.error("supervisor: poll failed: \(error.text)")
      Futex.pause(nanoseconds: 100_000_000)
    }
  }

  mutating func nextRandom() -> UInt64 {
    // xorshift64: spreads restarts, nothing more.
    random ^= random << 13
    random ^= random >> 7
    random ^= random << 17
    return random
  }
}
