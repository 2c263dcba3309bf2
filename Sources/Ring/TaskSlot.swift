/// What is counted, per task. The names are what the console prints.
public enum Counter: UInt8, BitwiseCopyable, Sendable {
  /// How many there are; their raw values are 0 ..< count.
  public static var count: Int { 16 }

  /// Readings put into the ring to the pipeline, good or bad.
  case readings = 0
  /// Deadlines that passed without a reading.
  case missedDeadlines = 1
  /// Transfers on a bus that failed.
  case busErrors = 2
  /// Attempts to free a stuck bus.
  case busRecoveries = 3
  /// GPIO edges that the kernel's queue dropped.
  case lostEdges = 4
  /// Readings taken and then dropped, because the ring to the pipeline was full.
  case readingsDropped = 5
  /// Events put into the ring to the journal.
  case events = 6
  /// Events dropped, because the ring to the journal was full, or no broker could take them.
  case eventsDropped = 7
  /// Messages given to the broker, also those sent again.
  case published = 8
  /// Messages that the broker acknowledged.
  case acknowledged = 9
  /// Connections made with the broker.
  case connects = 10
  /// Attempts to connect that failed.
  case connectFailures = 11
  /// Deadlines left out by the overload policy.
  case slowed = 12
  /// Events that the journal has made durable.
  case stored = 13
  /// Events that made room in the journal before the broker had them.
  case evicted = 14
  /// Commits of the journal that failed.
  case storeFailures = 15

  public var name: StaticString {
    switch self {
    case .readings: "readings"
    case .missedDeadlines: "missed-deadlines"
    case .busErrors: "bus-errors"
    case .busRecoveries: "bus-recoveries"
    case .lostEdges: "lost-edges"
    case .readingsDropped: "readings-dropped"
    case .events: "events"
    case .eventsDropped: "events-dropped"
    case .published: "published"
    case .acknowledged: "acknowledged"
    case .connects: "connects"
    case .connectFailures: "connect-failures"
    case .slowed: "slowed"
    case .stored: "stored"
    case .evicted: "evicted"
    case .storeFailures: "store-failures"
    }
  }
}

/// What one task shows of itself, and what the supervisor thinks of it, in the arena: the console
/// and the uplink read it too. It outlives the task, so counters go on over restarts. All words are
/// atomic, and each has one writer at a time. The two parts are blocks of their own, so that they
/// can lie on pages of their own: a task can't write what the supervisor says of it.
///
/// The task's part:
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | time of the last sign of life, ns of CLOCK_BOOTTIME |
/// | 8 | 8 | deadline: when the next one is due, ns of CLOCK_BOOTTIME; 0 for none (\*) |
/// | 16 | 8 | progress: units of work done |
/// | 24 | 8 | code of the step it is in |
/// | 32 | 8 | condition: `Condition` |
/// | 40 | 8 | allocations since it reached its steady state |
/// | 48 | 8 | a second copy of the position in its input, where the ring's own is the only one |
/// | 56 | 8 | how many system calls were refused it; by its signal handler |
/// | 64 | 8 | the number of the last of them, plus 1; by its signal handler |
/// | 72 | 8 × n | counters, in the order of `Counter` |
///
/// (\*) Also written by the supervisor, before each start.
///
/// The supervisor's part:
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | process id, 0 while there is none |
/// | 8 | 8 | generation: how often it was started |
/// | 16 | 8 | health: `Health` |
/// | 24 | 8 | since when, ns of CLOCK_BOOTTIME |
/// | 32 | 8 | how often it died |
@safe public struct TaskSlot: Sendable {
  /// How much memory the task's part takes, in bytes.
  public static var taskByteCount: Int {
    roundedUpToLine((Field.firstCounter + Counter.count) * 8)
  }
  /// How much memory the supervisor's part takes, in bytes.
  public static var supervisorByteCount: Int { lineByteCount }

  private let own: ArenaBlock
  private let verdict: ArenaBlock

  /// Makes a slot of zeroes. Traps if a block is too small or not on a line.
  public static func format(task: ArenaBlock, supervisor: ArenaBlock) -> TaskSlot {
    let slot = TaskSlot(task: task, supervisor: supervisor)
    for index in 0..<(Field.firstCounter + Counter.count) { task.formatWord(at: index * 8) }
    for index in 0..<VerdictField.count { supervisor.formatWord(at: index * 8) }
    return slot
  }

  /// The slot that was formatted there. Traps if a block is too small or not on a line.
  public init(task: ArenaBlock, supervisor: ArenaBlock) {
    precondition(task.byteCount >= Self.taskByteCount && task.isOnLine)
    precondition(supervisor.byteCount >= Self.supervisorByteCount && supervisor.isOnLine)
    own = task
    verdict = supervisor
  }

  /// Where the step lies, of which a crash handler keeps a copy.
  @unsafe public var stepPointer: UnsafeRawPointer {
    // Safe: inside of the block.
    unsafe UnsafeRawPointer(own.base + Field.step * 8)
  }

  private enum Field {
    static var beatTime: Int { 0 }
    static var deadline: Int { 1 }
    static var progress: Int { 2 }
    static var step: Int { 3 }
    static var condition: Int { 4 }
    static var allocationCount: Int { 5 }
    static var position: Int { 6 }
    static var refusalCount: Int { 7 }
    static var lastRefusal: Int { 8 }
    static var firstCounter: Int { 9 }
  }

  private enum VerdictField {
    static var processID: Int { 0 }
    static var generation: Int { 1 }
    static var health: Int { 2 }
    static var healthTime: Int { 3 }
    static var deathCount: Int { 4 }
    static var count: Int { 5 }
  }

  private func word(_ index: Int) -> PositionWord { own.word(at: index * 8) }
  private func verdictWord(_ index: Int) -> PositionWord { verdict.word(at: index * 8) }
}

// MARK: - The task's part

extension TaskSlot {
  /// A sign of life from the task's own loop: at `now` (ns of CLOCK_BOOTTIME) it begins `step`, and
  /// will be here again within `limit` ns. When it is not, the supervisor takes it for stalled.
  /// A step that may take long says so here, before it begins.
  public func beat(step: UInt64, now: Int64, within limit: Int64) {
    // The deadline first: a beat that is seen has its own deadline, never the one before.
    deadline = now &+ limit
    self.step = step
    beatTime = now
  }

  /// The first sign of life: as `beat`, but what the supervisor has given it for its start counts,
  /// if that is more.
  public func begin(step: UInt64, now: Int64, within limit: Int64) {
    beat(step: step, now: now, within: max(limit, deadline &- now))
  }

  /// When the task last showed that it lives, in ns of CLOCK_BOOTTIME.
  public var beatTime: Int64 {
    get { Int64(bitPattern: word(Field.beatTime).load()) }
    nonmutating set { word(Field.beatTime).store(UInt64(bitPattern: newValue)) }
  }

  /// When the next sign of life is due, in ns of CLOCK_BOOTTIME; 0 for no such promise.
  public var deadline: Int64 {
    get { Int64(bitPattern: word(Field.deadline).load()) }
    nonmutating set { word(Field.deadline).store(UInt64(bitPattern: newValue)) }
  }

  /// How many units of work the task has done; only that it grows has a meaning.
  public var progress: UInt64 {
    get { word(Field.progress).load() }
    nonmutating set { word(Field.progress).store(newValue) }
  }

  /// In which step of its work the task is, by its own code: where it was when it died.
  public var step: UInt64 {
    get { word(Field.step).load() }
    nonmutating set { word(Field.step).store(newValue) }
  }

  /// What the task itself says of its work.
  public var condition: Condition {
    get { Condition(word: word(Field.condition).load()) }
    nonmutating set { word(Field.condition).store(newValue.word) }
  }

  /// How many allocations the task made since it reached its steady state.
  public var allocationCount: UInt64 {
    get { word(Field.allocationCount).load() }
    nonmutating set { word(Field.allocationCount).store(newValue) }
  }

  /// The second copy of a position that has no commit cell.
  public var position: UInt64 {
    get { word(Field.position).load() }
    nonmutating set { word(Field.position).store(newValue) }
  }

  /// How many system calls the task tried that it may not make, over all its starts.
  public var refusalCount: UInt64 { word(Field.refusalCount).load() }

  /// The number of the last of them; nil before the first.
  public var lastRefusal: Int32? {
    let value = word(Field.lastRefusal).load()
    return value == 0 ? nil : Int32(truncatingIfNeeded: value &- 1)
  }

  /// Where the task's signal handler notes them: their count, and behind it the last one.
  @unsafe public var refusalWords: UnsafeMutablePointer<UInt64> {
    // Safe: inside of the block, which `init` has checked, and aligned.
    unsafe (own.base + Field.refusalCount * 8).assumingMemoryBound(to: UInt64.self)
  }

  /// The value of a counter.
  public subscript(counter: Counter) -> UInt64 { word(counter).loadRelaxed() }

  /// Adds to a counter. Only the task itself does it, so reading and writing need not be one step.
  public func add(_ count: UInt64 = 1, to counter: Counter) {
    let word = word(counter)
    word.storeRelaxed(word.loadRelaxed() &+ count)
  }

  private func word(_ counter: Counter) -> PositionWord {
    word(Field.firstCounter + Int(counter.rawValue))
  }
}

// MARK: - The supervisor's part

extension TaskSlot {
  /// The process, 0 while there is none.
  public var processID: Int32 {
    get { Int32(truncatingIfNeeded: verdictWord(VerdictField.processID).load()) }
    nonmutating set {
      verdictWord(VerdictField.processID).store(UInt64(UInt32(bitPattern: newValue)))
    }
  }

  /// How often the task was started.
  public var generation: UInt64 {
    get { verdictWord(VerdictField.generation).load() }
    nonmutating set { verdictWord(VerdictField.generation).store(newValue) }
  }

  /// What the supervisor thinks of the task.
  public var health: Health {
    get { Health(word: verdictWord(VerdictField.health).load()) }
    nonmutating set { verdictWord(VerdictField.health).store(newValue.word) }
  }

  /// Since when it thinks so, in ns of CLOCK_BOOTTIME.
  public var healthTime: Int64 {
    get { Int64(bitPattern: verdictWord(VerdictField.healthTime).load()) }
    nonmutating set {
      verdictWord(VerdictField.healthTime).store(UInt64(bitPattern: newValue))
    }
  }

  /// How often the task died, for whatever reason.
  public var deathCount: UInt64 {
    get { verdictWord(VerdictField.deathCount).load() }
    nonmutating set { verdictWord(VerdictField.deathCount).store(newValue) }
  }
}
