/// What a task says of its own work, in its slot: fine, or in which way it is not. A task whose
/// work is only degraded is alive; nobody restarts it for that.
///
/// As a word: the code in the lowest byte, the number in the upper 32 bits.
public struct Condition: Equatable, BitwiseCopyable, Sendable {
  /// The codes; new ones are added at the end.
  public enum Code: UInt8, BitwiseCopyable, Sendable {
    case fine = 0
    /// Number: how many of the task's sensors or lines can't be read.
    case sensorsFailing = 1
    case busStuck = 2
    /// The broker can't be reached, or does not take what it is sent.
    case brokerAway = 3
    /// Number: the level of overload, 1 to 3.
    case overloaded = 4
    case storageFailing = 5
    /// A certificate of TLS ends soon, or has ended; number: whole days that are left.
    case certificateEnding = 6
    /// The journal's file can't be used: what is not yet at the broker is lost with the power.
    case journalInMemory = 7
    /// What the task itself wrote there is no code of this program.
    case unknown = 255

    public var text: StaticString {
      switch self {
      case .fine: "fine"
      case .sensorsFailing: "sensors that can't be read"
      case .busStuck: "bus stuck"
      case .brokerAway: "broker not reached"
      case .overloaded: "overload level"
      case .storageFailing: "storage failing"
      case .certificateEnding: "a certificate ends soon, days"
      case .journalInMemory: "journal in memory only"
      case .unknown: "says nonsense of itself"
      }
    }
  }

  public var code: Code
  public var number: UInt32

  public init(_ code: Code, number: UInt32 = 0) {
    self.code = code
    self.number = number
  }

  public static var fine: Condition { Condition(.fine) }

  /// Never traps: another task may have written nonsense.
  public init(word: UInt64) {
    code = Code(rawValue: UInt8(truncatingIfNeeded: word)) ?? .unknown
    number = UInt32(truncatingIfNeeded: word >> 32)
  }

  public var word: UInt64 { UInt64(code.rawValue) | UInt64(number) << 32 }
}

/// What the supervisor thinks of a task.
public enum HealthState: UInt8, BitwiseCopyable, Sendable {
  /// Not yet started, or started and without a sign of life of this start.
  case starting = 0
  case healthy = 1
  /// It lives, but its work is not whole.
  case degraded = 2
  /// It missed a deadline, and is being ended.
  case stalled = 3
  /// It died too often, and is not started any more.
  case failed = 4

  public var name: StaticString {
    switch self {
    case .starting: "starting"
    case .healthy: "healthy"
    case .degraded: "degraded"
    case .stalled: "stalled"
    case .failed: "failed"
    }
  }
}

/// Why a task is in its state. The number beside it has the meaning that stands here.
public enum HealthReason: UInt8, BitwiseCopyable, Sendable {
  case none = 0
  /// A task that it needs is not healthy yet; number: the other's place in the task table.
  case waitsForAnother = 1
  /// It was started and has given no sign of life yet.
  case noSignOfLife = 2
  /// It died of a signal; number: the signal.
  case killed = 3
  /// It ended by itself; number: the status.
  case exited = 4
  /// It can't be started; number: errno of fork.
  case cannotStart = 5
  /// It missed its deadline; number: the step that it was in.
  case missedDeadline = 6
  /// Not even SIGKILL ends it: the kernel holds it.
  case cannotBeKilled = 7
  /// It died too often; number: how often.
  case diedTooOften = 8
  /// It died not long ago; number: how often in a row.
  case restarted = 9
  /// What the task says of itself; number: the number of its `Condition`.
  case condition = 10
  /// What was read is no reason of this program.
  case unknown = 255
}

/// State and reason of a task. As a word: the state in byte 0, the reason in byte 1, the code of
/// the task's condition in byte 2, the number in the upper 32 bits.
public struct Health: Equatable, BitwiseCopyable, Sendable {
  public var state: HealthState
  public var reason: HealthReason
  /// With `.condition`: which one.
  public var condition: Condition.Code
  public var number: UInt32

  public init(
    _ state: HealthState, _ reason: HealthReason = .none, number: UInt32 = 0,
    condition: Condition.Code = .fine
  ) {
    self.state = state
    self.reason = reason
    self.number = number
    self.condition = condition
  }

  /// Never traps.
  public init(word: UInt64) {
    state = HealthState(rawValue: UInt8(truncatingIfNeeded: word)) ?? .failed
    reason = HealthReason(rawValue: UInt8(truncatingIfNeeded: word >> 8)) ?? .unknown
    condition = Condition.Code(rawValue: UInt8(truncatingIfNeeded: word >> 16)) ?? .unknown
    number = UInt32(truncatingIfNeeded: word >> 32)
  }

  public var word: UInt64 {
    UInt64(state.rawValue) | UInt64(reason.rawValue) << 8 | UInt64(condition.rawValue) << 16
      | UInt64(number) << 32
  }
}
