/// What is counted, per task. The names are what the console prints.
public enum Counter: UInt8, BitwiseCopyable, Sendable {
  /// How many there are; their raw values are 0 ..< count.
  public static var count: Int { 12 }

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
  /// Events put into the ring to the uplink.
  case events = 6
  /// Events dropped, because the ring to the uplink was full.
  case eventsDropped = 7
  /// Messages given to the broker, also those sent again.
  case published = 8
  /// Messages that the broker acknowledged.
  case acknowledged = 9
  /// Connections made with the broker.
  case connects = 10
  /// Attempts to connect that failed.
  case connectFailures = 11

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
    }
  }
}

/// What one task shows of itself, in the arena: the supervisor and the console read it. It outlives
/// the task, so counters go on over restarts. All words are atomic; each has one writer.
///
/// | offset | size | field | written by |
/// | ---: | ---: | --- | --- |
/// | 0 | 8 | process id, 0 while there is none | the supervisor |
/// | 8 | 8 | generation: how often it was started | the supervisor |
/// | 128 | 8 | time of the last sign of life, ns of CLOCK_BOOTTIME | the task |
/// | 136 | 8 | progress: units of work done | the task |
/// | 144 | 8 | code of the step it is in | the task |
/// | 152 | 8 | allocations since it reached its steady state | the task |
/// | 160 | 8 × 12 | counters, in the order of `Counter` | the task |
@safe public struct TaskSlot: Sendable {
  /// How much memory a slot takes, in bytes.
  public static var byteCount: Int { 3 * lineByteCount }

  private let block: ArenaBlock

  /// Makes a slot of zeroes. Traps if the block is too small or not on a line.
  public static func format(_ block: ArenaBlock) -> TaskSlot {
    let slot = TaskSlot(block)
    for index in 0..<Field.count { block.formatWord(at: slot.offset(ofWord: index)) }
    return slot
  }

  /// The slot that was formatted there. Traps if the block is too small or not on a line.
  public init(_ block: ArenaBlock) {
    precondition(block.byteCount >= Self.byteCount && block.isOnLine)
    self.block = block
  }

  /// The process, 0 while there is none.
  public var processID: Int32 {
    get { Int32(truncatingIfNeeded: word(Field.processID).load()) }
    nonmutating set { word(Field.processID).store(UInt64(UInt32(bitPattern: newValue))) }
  }

  /// How often the task was started.
  public var generation: UInt64 {
    get { word(Field.generation).load() }
    nonmutating set { word(Field.generation).store(newValue) }
  }

  /// When the task last showed that it lives, in ns of CLOCK_BOOTTIME.
  public var beatTime: Int64 {
    get { Int64(bitPattern: word(Field.beatTime).load()) }
    nonmutating set { word(Field.beatTime).store(UInt64(bitPattern: newValue)) }
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

  /// How many allocations the task made since it reached its steady state.
  public var allocationCount: UInt64 {
    get { word(Field.allocationCount).load() }
    nonmutating set { word(Field.allocationCount).store(newValue) }
  }

  /// The value of a counter.
  public subscript(counter: Counter) -> UInt64 { word(counter).loadRelaxed() }

  /// Adds to a counter. Only the task itself does it, so reading and writing need not be one step.
  public func add(_ count: UInt64 = 1, to counter: Counter) {
    let word = word(counter)
    word.storeRelaxed(word.loadRelaxed() &+ count)
  }

  /// The words, in the order of the table.
  private enum Field {
    static var processID: Int { 0 }
    static var generation: Int { 1 }
    static var beatTime: Int { 2 }
    static var progress: Int { 3 }
    static var step: Int { 4 }
    static var allocationCount: Int { 5 }
    static var firstCounter: Int { 6 }
    static var count: Int { firstCounter + Counter.count }
  }

  private func word(_ counter: Counter) -> PositionWord {
    word(Field.firstCounter + Int(counter.rawValue))
  }

  private func word(_ index: Int) -> PositionWord { block.word(at: offset(ofWord: index)) }

  /// The supervisor's two words have a line of their own.
  private func offset(ofWord index: Int) -> Int {
    index < Field.beatTime ? index * 8 : lineByteCount + (index - Field.beatTime) * 8
  }
}
