import Linux
import Ring

/// One line of the task table: everything that the supervisor knows of a task before it runs.
public struct TaskDeclaration {
  /// The role, such as `sense`.
  public var name: StaticString
  /// Which one of its role, such as `i2c-1`; empty where there is one.
  public var detail: String
  public var policy: RestartPolicy
  /// Tasks are stopped in the order of their phases: producers before consumers.
  public var stopPhase: UInt8
  /// Where the task shows its life; other programs have none, and are not watched.
  public var slot: TaskSlot?
  /// Where its lines of log are kept beyond its death; without it they are only on the console.
  public var log: LogRing?
  /// Where it leaves the record of its death; without it its end is only a signal's name.
  public var crash: CrashSlot?
  /// What a code of its steps means, in a word; nil where nobody knows.
  public var stepName: ((UInt64) -> StaticString?)?
  /// Titles of tasks that must be healthy before this one is started for the first time. A restart
  /// does not wait for them: what arrives meanwhile would be lost.
  public var needs: [String] = []
  /// Whether the board is reset when this task hangs and can't be ended or brought back.
  public var isCritical = false
  /// What the task promises of its life.
  public var watch = WatchPolicy()
  /// How it gets the processor.
  public var scheduling = Scheduling()
  /// What it keeps of the supervisor's rights; nil for all.
  public var rights: TaskRights?
  public var body: TaskBody

  public init(
    name: StaticString, detail: String = "", policy: RestartPolicy = .task, stopPhase: UInt8 = 0,
    slot: TaskSlot? = nil, body: TaskBody
  ) {
    self.name = name
    self.detail = detail
    self.policy = policy
    self.stopPhase = stopPhase
    self.slot = slot
    self.body = body
  }

  /// `sense@i2c-1`.
  public var title: String {
    detail.isEmpty ? name.description : name.description + "@" + detail
  }
}

/// The bounds of a task's heartbeats, in nanoseconds. Each beat brings its own deadline
/// (`TaskSlot.beat`); these hold where there is none yet, and against a slot full of nonsense.
public struct WatchPolicy: Equatable, Sendable {
  /// From the start to the first beat, in ns.
  public var startLimit: Int64 = 5_000_000_000
  /// The same for the first start of all, and for its first step: where that is more. Then all
  /// tasks start at once, and get their code from a card that may be busy with a new journal.
  public var firstStartLimit: Int64 = 0
  /// How far a task may be behind its deadline while it waits in the kernel for the medium, in ns.
  /// Nothing ends it there, not even SIGKILL: to count it as lost would reset a board whose card
  /// only needs its time. One that is stopped, or spins, is ended at its deadline all the same.
  public var mediumPatience: Int64 = 0
  /// So long Linux waits while a card writes its cache, before it resets the card; for any other
  /// request 10 s (MMC_CACHE_FLUSH_TIMEOUT_MS and MMC_BLK_TIMEOUT_MS in drivers/mmc/core).
  public static let cardPatience: Int64 = 30_000_000_000
  /// No step may declare more: a beat that is older than this is a stall, whatever the slot says.
  public var stepLimitMax: Int64 = 120_000_000_000

  public init() {}
}

/// What a task is told when it starts.
public struct TaskStart: Sendable {
  /// How often it was started, this time included.
  public let generation: UInt32
  /// Where it shows its life, if its declaration has a slot.
  public let slot: TaskSlot?
}

/// What runs in the child.
public enum TaskBody {
  /// A task of this program, called in the child.
  case task((TaskStart) -> Never)
  /// Another program: its path, and its arguments including the name.
  case program(path: String, arguments: [String])
}
