import Linux
import Ring

/// Where a task is in its life.
///
/// | state | event | next |
/// | --- | --- | --- |
/// | idle | somebody asks for it | waiting |
/// | waiting | its time has come, fork succeeds | running |
/// | waiting | its time has come, fork fails | waiting, longer each time |
/// | running | it ended | waiting, idle, stopped or failed, by its policy |
/// | running | its deadline passed | asked: a signal asks for its crash record |
/// | running | the same, but it waits in the kernel for the medium | running, up to `mediumPatience` longer |
/// | asked | it ended | as from running |
/// | asked | `answerNanoseconds` passed | killing: SIGKILL |
/// | killing | it ended | as from running |
/// | waiting, idle | stop asked | stopped |
/// | running, asked, killing | stop asked, it ended | stopped |
public enum TaskState: Equatable, Sendable {
  /// Started when it is asked for.
  case idle
  /// Started at `until`, ns of CLOCK_BOOTTIME.
  case waiting(until: Int64)
  case running(ProcessID, since: Int64)
  /// It missed its deadline and was asked for a record; killed at `until`.
  case asked(ProcessID, since: Int64, until: Int64)
  /// SIGKILL was sent at `from`.
  case killing(ProcessID, since: Int64, from: Int64)
  /// It died too often.
  case failed
  case stopped

  /// The process, while there is one.
  var process: ProcessID? {
    switch self {
    case .running(let process, _), .asked(let process, _, _), .killing(let process, _, _): process
    case .idle, .waiting, .failed, .stopped: nil
    }
  }

  /// When the process was started, while there is one.
  var since: Int64? {
    switch self {
    case .running(_, let since), .asked(_, let since, _), .killing(_, let since, _): since
    case .idle, .waiting, .failed, .stopped: nil
    }
  }
}

/// What a report says of one task.
public struct TaskStatus: Sendable {
  public let title: String
  /// Nil while it waits for its next start.
  public let process: ProcessID?
  /// Starts so far.
  public let generation: UInt32
  public let slot: TaskSlot?
  public let health: Health
  /// Since when it is in this state, ns of CLOCK_BOOTTIME.
  public let healthTime: Int64
  /// Deaths so far.
  public let deathCount: UInt64
  /// Its last lines.
  public var log: LogRing?
}

/// A declared task and its life so far. It makes no system call: the supervisor does what it says.
struct SupervisedTask {
  /// How long a task that missed its deadline may take to leave its record.
  static let answerNanoseconds: Int64 = 100_000_000
  /// Between two looks at one that is late and waits for the medium.
  static let recheckNanoseconds: Int64 = 100_000_000
  /// How long after SIGKILL a process that is still there counts as held by the kernel.
  static let killNanosecondsMax: Int64 = 2_000_000_000
  /// Between two tries after fork failed: doubled from the first to the last.
  static let forkPauseFirst: Int64 = 50_000_000
  static let forkPauseMax: Int64 = 5_000_000_000

  let declaration: TaskDeclaration
  /// Places in the task table of those that it needs.
  var needs: [Int] = []
  var state: TaskState
  /// Starts so far; the child is told its own number.
  var generation: UInt32 = 0
  /// Deaths in a row, without a life longer than the policy's `forgivenAfter` between them.
  var deathCount: UInt32 = 0
  /// Deaths in all.
  var deathTotal: UInt64 = 0
  private(set) var health = Health(.starting)
  private(set) var healthTime: Int64 = 0
  /// When a critical task was last seen at work.
  private(set) var soundTime: Int64 = 0
  /// Whether it was asked for while it ran.
  private var isDemanded = false
  /// Whether it was said that not even SIGKILL ends it.
  var isHeldNamed = false
  /// When one that is late, but waits for the medium, is looked at again.
  var recheckTime: Int64 = 0
  /// The deadline at which it was last said to wait for the medium.
  var namedDeadline: Int64 = 0
  /// Of the system calls that were refused it, those that were told.
  var seenRefusalCount: UInt64 = 0
  /// Why it is not running: of the last death, or of fork.
  private var absence = Health(.starting)
  private var deaths = DeathBucket()
  private var forkPause = forkPauseFirst
  /// The last beat that was seen and when: what bounds a slot that promises nonsense.
  private var seenBeat: Int64 = 0
  private var seenTime: Int64 = 0

  init(_ declaration: TaskDeclaration) {
    self.declaration = declaration
    state = declaration.policy.isOnDemand ? .idle : .waiting(until: 0)
  }

  /// A start succeeded. Called after the fork; `prepareStart` before it.
  mutating func noteStart(_ process: ProcessID, now: Int64) {
    state = .running(process, since: now)
    forkPause = Self.forkPauseFirst
    isHeldNamed = false
  }

  /// Before a fork: another generation, whose first beat is awaited.
  mutating func prepareStart(now: Int64) {
    generation &+= 1
    seenBeat = 0
    seenTime = now
    guard let slot = declaration.slot else { return }
    slot.generation = UInt64(generation)
    slot.condition = .fine
    slot.beatTime = 0
    let watch = declaration.watch
    let limit = generation == 1 ? max(watch.firstStartLimit, watch.startLimit) : watch.startLimit
    slot.deadline = now + limit
  }

  /// Somebody asks for it: what it does is done once from now on at least.
  mutating func demand() {
    switch state {
    case .idle: state = .waiting(until: 0)
    case .running, .asked, .killing: isDemanded = true
    case .waiting, .failed, .stopped: break
    }
  }

  /// Fork failed: tried again later, for ever. It is not the task's fault, so no death.
  mutating func noteForkFailure(_ error: Errno, now: Int64) -> Int64 {
    let pause = forkPause
    forkPause = min(forkPause * 2, Self.forkPauseMax)
    absence = Health(.starting, .cannotStart, number: UInt32(bitPattern: error.rawValue))
    state = .waiting(until: now + pause)
    return pause
  }

  /// Notes an end at `now` and decides what follows. Returns the pause before the next start, nil
  /// when there is none.
  mutating func noteEnd(_ end: ProcessEnd, now: Int64, random: UInt64) -> Int64? {
    let wasStalled = isBeingEnded
    let policy = declaration.policy
    if case .exited(0) = end, !wasStalled, policy.isOnce || policy.isOnDemand {
      state = policy.isOnce ? .stopped : isDemanded ? .waiting(until: now) : .idle
      isDemanded = false
      return nil
    }
    if let since = state.since, now - since >= policy.forgivenAfter { deathCount = 0 }
    deathCount = deathCount == .max ? .max : deathCount + 1
    deathTotal &+= 1
    absence = wasStalled ? stallHealth(.starting) : Self.absence(after: end)
    if deaths.note(now: now, policy) {
      state = .failed
      return nil
    }
    let pause = policy.pause(deathCount: deathCount, random: random)
    state = .waiting(until: now + pause)
    return pause
  }

  private static func absence(after end: ProcessEnd) -> Health {
    switch end {
    case .exited(let status): Health(.starting, .exited, number: UInt32(bitPattern: status))
    case .killed(let signal): Health(.starting, .killed, number: UInt32(bitPattern: signal))
    }
  }

  private func stallHealth(_ state: HealthState) -> Health {
    let step = declaration.slot?.step ?? 0
    return Health(state, .missedDeadline, number: UInt32(truncatingIfNeeded: step))
  }

  private var isBeingEnded: Bool {
    switch state {
    case .asked, .killing: true
    case .idle, .waiting, .running, .failed, .stopped: false
    }
  }
}

// MARK: - Watching

extension SupervisedTask {
  /// When the supervisor must look at this task again.
  mutating func nextTime(now: Int64) -> Int64 {
    switch state {
    case .idle, .failed, .stopped: .max
    case .waiting(let until): until
    case .running: max(deadline(now: now), recheckTime)
    case .asked(_, _, let until): until
    case .killing(_, _, let from): isHeldNamed ? .max : from + Self.killNanosecondsMax
    }
  }

  /// When the running task is stalled if it shows no sign of life until then. `.max` for programs
  /// that show none.
  mutating func deadline(now: Int64) -> Int64 {
    guard let slot = declaration.slot else { return .max }
    // The beat first: a deadline that is read after it is at least as new.
    let beat = slot.beatTime
    let promised = slot.deadline
    if beat != seenBeat {
      seenBeat = beat
      seenTime = now
    }
    let ceiling = seenTime + declaration.watch.stepLimitMax
    return promised == 0 ? ceiling : min(promised, ceiling)
  }

  /// Whether the running process has shown a sign of life since its start.
  private var hasBeaten: Bool {
    guard let slot = declaration.slot else { return true }
    return slot.beatTime != 0
  }

  /// Brings the health up to date, also in the slot; whether it changed. `unmetNeed` is the place
  /// of a task that this one still waits for.
  mutating func updateHealth(now: Int64, unmetNeed: Int?) -> Bool {
    let new = judge(now: now, unmetNeed: unmetNeed)
    if new.state == .healthy || new.state == .degraded { soundTime = now }
    guard new != health || healthTime == 0 else { return false }
    let isNews = new.state != health.state || new.reason != health.reason
    if new.state != health.state || healthTime == 0 { healthTime = now }
    health = new
    declaration.slot?.health = new
    declaration.slot?.healthTime = healthTime
    declaration.slot?.deathCount = deathTotal
    return isNews
  }

  private func judge(now: Int64, unmetNeed: Int?) -> Health {
    switch state {
    case .idle, .stopped: return Health(.healthy)
    case .failed:
      return Health(
        .failed, .diedTooOften, number: UInt32(truncatingIfNeeded: min(deathTotal, 0xFFFF_FFFF)))
    case .waiting:
      if generation == 0, let unmetNeed {
        return Health(.starting, .waitsForAnother, number: UInt32(unmetNeed))
      }
      return absence
    case .asked: return stallHealth(.stalled)
    case .killing(_, _, let from):
      return now - from >= Self.killNanosecondsMax
        ? Health(.stalled, .cannotBeKilled) : stallHealth(.stalled)
    case .running(_, let since):
      guard hasBeaten else { return Health(.starting, .noSignOfLife) }
      if deathCount > 0, now - since < declaration.policy.forgivenAfter {
        return Health(.degraded, .restarted, number: deathCount)
      }
      let condition = declaration.slot?.condition ?? .fine
      return condition.code == .fine
        ? Health(.healthy)
        : Health(.degraded, .condition, number: condition.number, condition: condition.code)
    }
  }

  /// Whether the kernel holds the process so that not even SIGKILL ends it.
  func isHeld(now: Int64) -> Bool {
    guard case .killing(_, _, let from) = state else { return false }
    return now - from >= Self.killNanosecondsMax
  }
}
