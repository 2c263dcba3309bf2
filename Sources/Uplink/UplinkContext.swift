import Configuration
import Journal
import Linux
import Ring

/// How it is known that CLOCK_REALTIME is right. Until then times are sent as relative.
public struct ClockTrust: Sendable {
  /// It is surely later than this: when the program was built, or the last time that was saved.
  /// In ns since 1970.
  public var lowerBound: Int64
  /// Whether being later than the lower bound is enough. True for a service: the system it runs
  /// on looks after its clock. False for PID 1, where the kernel must say that the clock is
  /// synchronized.
  public var isPlausibleEnough: Bool

  public init(lowerBound: Int64, isPlausibleEnough: Bool) {
    self.lowerBound = lowerBound
    self.isPlausibleEnough = isPlausibleEnough
  }

  /// Whether a clock that shows `real` is right.
  public func trusts(real: Int64, isSynchronized: Bool) -> Bool {
    guard real >= lowerBound else { return false }
    return isPlausibleEnough || isSynchronized
  }

  /// How messages that are sent now write their times. UTC is mapped once for each turn.
  func messageTime() -> MessageTime {
    if let offset { return .absolute(offset: offset) }
    return .relative(now: Clock.boot())
  }

  /// What is to be added to CLOCK_BOOTTIME for ns since 1970; nil while that is not known.
  public var offset: Int64? {
    let boot = Clock.boot()
    let real = Clock.real()
    // The kernel is asked only where its answer counts: that is a system call.
    let isSynchronized = isPlausibleEnough || Clock.isSynchronized
    return trusts(real: real, isSynchronized: isSynchronized) ? real - boot : nil
  }
}

/// The waits of the uplink, in nanoseconds.
public struct UplinkDeadlines: Sendable {
  /// For one turn of the loop, beside its sleep: what the supervisor is promised.
  public var turn: Int64 = 2_000_000_000
  /// For resolving the broker's name and reading certificates. The resolver asks each of at most
  /// three servers twice for 2 s, for each of two kinds of address (see `prepareUplinkProcess`).
  public var resolve: Int64 = 30_000_000_000
  /// From the first SYN to CONNACK.
  public var connect: Int64 = 15_000_000_000
  /// For TCP's handshake, in three attempts of four; the fourth has all of `connect`, for a line
  /// that is so slow. TCP repeats a SYN after 1, 3, 7 and 15 s (RFC 6298): in an attempt that lives
  /// long the network may be back for 8 s before the next is sent.
  public var reach: Int64 = 4_000_000_000
  /// While messages are under way: from the last sign that something reaches the broker, which is
  /// an acknowledgement of the broker, or of its machine's TCP. TCP repeats after pauses that
  /// double; after that time a new connection is sooner there than the next repetition.
  public var progress: Int64 = 10_000_000_000
  /// From the last acknowledgement of the broker, while messages are under way, however many bytes
  /// still reach its machine: a line that takes longer for one message is of no use.
  public var acknowledgement: Int64 = 120_000_000_000
  /// From one checkpoint to the next.
  public var checkpoint: Int64 = 60_000_000_000
  /// At the end: for events that are still in the journal.
  public var drain: Int64 = 1_000_000_000
  /// At the end: for the broker's answer to "offline". With `drain` less than the 2 s that are
  /// promised.
  public var leave: Int64 = 500_000_000

  public init() {}
}

/// A task whose health is told to the broker.
public struct WatchedTask: Sendable {
  public var title: String
  public var slot: TaskSlot

  public init(title: String, slot: TaskSlot) {
    self.title = title
    self.slot = slot
  }
}

/// What was so in an earlier boot, whose events the journal still holds.
public struct EpochFacts: Sendable {
  /// An event's `channel` is the index in this list.
  public var channels: [ChannelSettings]
  /// What is to be added to that boot's times for ns since 1970; nil when that was never known.
  public var offset: Int64?

  public init(channels: [ChannelSettings], offset: Int64?) {
    self.channels = channels
    self.offset = offset
  }

  /// For a boot of which nothing is known: channels have numbers for names.
  static var unknown: EpochFacts {
    EpochFacts(
      channels: (0..<1024).map { ChannelSettings(name: "channel-\($0)", unit: "") }, offset: nil)
  }
}

/// Everything that the uplink is given.
public struct UplinkContext: Sendable {
  public var settings: UplinkSettings
  public var channels: [ChannelSettings]
  public var device: String
  public var epoch: UInt64
  public var version: String
  public var journal: JournalShare
  public var doorbell: Doorbell
  /// The event counter that a producer signals when the doorbell needs it.
  public var doorbellDescriptor: Int32
  /// Readable when the task must end: signals, for example.
  public var stopDescriptor: Int32
  public var slot: TaskSlot
  public var clock: ClockTrust
  public var deadlines = UplinkDeadlines()
  /// The tasks whose health the status message tells of; none for none.
  public var tasks: [WatchedTask] = []
  /// Of this boot epoch; nil for no traces.
  public var trace: Trace?
  /// By the sequence number of an event of this boot: how long it took until it was durable
  /// (`HopNote`); nil where nobody notes.
  public var notes: RingNotes?
  /// What is known of an earlier boot whose events are in the journal; nil for nothing.
  public var facts: @Sendable (UInt64) -> EpochFacts? = { _ in nil }
  /// Whether events are still on their way into the journal, which at the end is worth a moment.
  public var hasMoreToCome: @Sendable () -> Bool = { false }
  /// The tasks whose lines of log are sent; none for none.
  public var logs: [LogSource] = []
  /// How far they were sent, in the same order; nil for nothing is sent.
  public var logCursors: LogCursors?
  /// The last crashes of all tasks; nil for none is told.
  public var crashes: CrashLog?
  /// How far they were sent, with one cursor.
  public var crashCursor: LogCursors?
  /// The members of the JSON object that tells of one.
  public var crashMembers: @Sendable (CrashEntry) -> [UInt8] = { _ in [] }
  /// The health of the whole, from those of the tasks.
  public var overall: @Sendable ([HealthState]) -> HealthState = { _ in .healthy }
  /// A reason in words for people.
  public var healthText: @Sendable (Health) -> String = { $0.state.name.description }
  /// Called at the begin of each turn of the loop: for drills.
  public var turnHook: @Sendable () -> Void = {}
  /// Where a pair of certificate and key is kept that a broker has accepted, and where it is shown
  /// that one is to be kept; empty and nil for no rotation.
  public var keptPairFile = ""
  public var acceptedPair: AcceptedPair?
  /// What is told of this boot and of the one before; nil where nobody knows.
  public var boot: BootNotice?

  public init(
    settings: UplinkSettings, channels: [ChannelSettings], device: String, epoch: UInt64,
    version: String, journal: JournalShare, doorbell: Doorbell, doorbellDescriptor: Int32,
    stopDescriptor: Int32, slot: TaskSlot, clock: ClockTrust
  ) {
    self.settings = settings
    self.channels = channels
    self.device = device
    self.epoch = epoch
    self.version = version
    self.journal = journal
    self.doorbell = doorbell
    self.doorbellDescriptor = doorbellDescriptor
    self.stopDescriptor = stopDescriptor
    self.slot = slot
    self.clock = clock
  }
}
