/// When a task that ended is started again.
///
/// The first time at once; then after `pauseFirst`, doubled with each further death up to
/// `pauseMax`, and spread by up to a quarter so that tasks that died together do not come back
/// together. A task that lived for `forgivenAfter` starts from the beginning. All nanoseconds.
public struct RestartPolicy: Equatable, Sendable {
  public var pauseFirst: Int64
  public var pauseMax: Int64
  public var forgivenAfter: Int64

  /// Whether an end with status 0 is the task's purpose, after which it is not started again.
  public var isOnce = false

  public init(pauseFirst: Int64, pauseMax: Int64, forgivenAfter: Int64) {
    precondition(pauseFirst > 0 && pauseMax >= pauseFirst && forgivenAfter >= 0)
    self.pauseFirst = pauseFirst
    self.pauseMax = pauseMax
    self.forgivenAfter = forgivenAfter
  }

  /// For tasks of this program: 100 ms to 10 s. One second of life is a thousand times what a task
  /// needs to start, so a task that reached it did not die of its start.
  public static var task: RestartPolicy {
    RestartPolicy(
      pauseFirst: 100_000_000, pauseMax: 10_000_000_000, forgivenAfter: 1_000_000_000)
  }

  /// For other programs, such as the DHCP client: 1 s to 60 s.
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
