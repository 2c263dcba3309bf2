/// What follows when a task died so often that it is not started any more.
public enum FailurePolicy: Equatable, Sendable {
  /// The others run on without it; the gateway is degraded and says so.
  case runWithout
  /// The supervisor ends: PID 1 restarts the board, a service leaves it to its manager.
  case restartSystem
}

/// When a task that ended is started again, and when no more.
///
/// The first time at once; then after `pauseFirst`, doubled with each further death up to
/// `pauseMax`, and spread by up to a quarter so that tasks that died together do not come back
/// together. A task that lived for `forgivenAfter` starts from the beginning. More than `countMax`
/// deaths in `period` are too many: then `failure` says what follows. All times in nanoseconds.
public struct RestartPolicy: Equatable, Sendable {
  public var pauseFirst: Int64
  public var pauseMax: Int64
  public var forgivenAfter: Int64
  /// So many deaths in `period` are borne; 0 for any number.
  public var countMax: UInt32
  public var period: Int64
  public var failure: FailurePolicy

  /// Whether an end with status 0 is the task's purpose, after which it is not started again.
  public var isOnce = false
  /// Whether it waits until it is asked for (`Supervisor.demand`); after an end with status 0 it
  /// waits again.
  public var isOnDemand = false

  public init(
    pauseFirst: Int64, pauseMax: Int64, forgivenAfter: Int64, countMax: UInt32 = 0,
    period: Int64 = 600_000_000_000, failure: FailurePolicy = .runWithout
  ) {
    precondition(pauseFirst > 0 && pauseMax >= pauseFirst && forgivenAfter >= 0 && period > 0)
    self.pauseFirst = pauseFirst
    self.pauseMax = pauseMax
    self.forgivenAfter = forgivenAfter
    self.countMax = countMax
    self.period = period
    self.failure = failure
  }

  /// For tasks of this program: 100 ms to 10 s. One second of life is a thousand times what a task
  /// needs to start, so a task that reached it did not die of its start. At pauses of 10 s a task
  /// that always dies at once is given up after five minutes.
  public static var task: RestartPolicy {
    RestartPolicy(
      pauseFirst: 100_000_000, pauseMax: 10_000_000_000, forgivenAfter: 1_000_000_000,
      countMax: 30)
  }

  /// For other programs, such as the DHCP client: 1 s to 60 s, and never given up.
  public static var program: RestartPolicy {
    RestartPolicy(
      pauseFirst: 1_000_000_000, pauseMax: 60_000_000_000, forgivenAfter: 60_000_000_000)
  }

  /// For work that is done once, and tried again after 10 s to 10 min when it fails.
  public static var once: RestartPolicy {
    var policy = RestartPolicy(
      pauseFirst: 10_000_000_000, pauseMax: 600_000_000_000, forgivenAfter: .max)
    policy.isOnce = true
    return policy
  }

  /// For work that is done whenever it is asked for, and tried again after 1 s to 60 s when it
  /// fails.
  public static var onDemand: RestartPolicy {
    var policy = RestartPolicy(
      pauseFirst: 1_000_000_000, pauseMax: 60_000_000_000, forgivenAfter: 60_000_000_000)
    policy.isOnDemand = true
    return policy
  }

  /// The pause before the start that follows death number `deathCount` (1 is the first), with
  /// `random` any number.
  public func pause(deathCount: UInt32, random: UInt64) -> Int64 {
    precondition(deathCount > 0)
    if deathCount == 1 { return 0 }
    // 40 doublings exceed every pause; more would overflow.
    let doublings = min(deathCount - 2, 40)
    var pause = pauseFirst
    for _ in 0..<doublings where pause < pauseMax { pause *= 2 }
    pause = min(pause, pauseMax)
    let spread = UInt64(pause / 4)
    return pause + Int64(random % (spread + 1))
  }
}

/// Counts deaths in constant memory: a bucket that each death fills by `period / countMax`, and
/// that time empties. It overflows with the first death beyond `countMax` in a period; a slower
/// stream of deaths never fills it.
struct DeathBucket: Equatable {
  private var level: Int64 = 0
  private var time: Int64 = 0

  /// Notes a death at `now`. Whether it was one too many by the policy.
  mutating func note(now: Int64, _ policy: RestartPolicy) -> Bool {
    guard policy.countMax > 0 else { return false }
    let elapsed = max(0, now - time)
    time = max(time, now)
    level = max(0, level - min(elapsed, level)) + policy.period / Int64(policy.countMax)
    return level > policy.period
  }
}

/// How many starts there may be in all, so that a crash loop can't starve the rest: 64 at once, and
/// 50 a second after that. A start costs a millisecond, so this bounds it to a twentieth of a core.
struct StartBudget: Equatable {
  static let capacity: Int64 = 64
  static let refillNanoseconds: Int64 = 20_000_000

  private var spent: Int64 = 0
  private var time: Int64 = 0

  /// Takes one start, if there is one now.
  mutating func take(now: Int64) -> Bool {
    let refilled = max(0, now - time) / Self.refillNanoseconds
    if refilled > 0 {
      spent = max(0, spent - refilled)
      time += refilled * Self.refillNanoseconds
    }
    guard spent < Self.capacity else { return false }
    spent += 1
    return true
  }
}
