// The module Desk: what a program at a desk knows of a gateway's messages. It receives them,
// decodes them, accounts for what is missing, draws them, and keeps them. The only thing that it
// ever publishes is the request to send a range of events again. `weirctl` and the tests of the
// whole system use it; nothing of the product does.

/// One message of a gateway, decoded.
public enum Message: Equatable, Sendable {
  case record(Record)
  case status(Status)
  case log(LogRecord)
  case boot(BootNotice)
  case crash(CrashReport)
  case checkpoint(Checkpoint)
  case replayed(ReplayAnswer)
}

/// One line of the log of one of a gateway's tasks.
public struct LogRecord: Equatable, Sendable {
  public var device: String
  public var epoch: UInt64
  /// Such as `sense@i2c-1`.
  public var task: String
  /// Which life of the task wrote it; 0 for the supervisor.
  public var start: UInt64
  /// Its number in the task's log, from 0 in every epoch.
  public var number: UInt64
  public var level: String
  /// Seconds since 1970 UTC.
  public var time: Double
  public var text: String
  /// Lines like it that the gateway kept back before it.
  public var suppressedCount: UInt64
  /// Lines of the task that were overwritten before they could be sent.
  public var lostCount: UInt64

  public init(
    device: String, epoch: UInt64, task: String, start: UInt64, number: UInt64, level: String,
    time: Double, text: String, suppressedCount: UInt64 = 0, lostCount: UInt64 = 0
  ) {
    self.device = device
    self.epoch = epoch
    self.task = task
    self.start = start
    self.number = number
    self.level = level
    self.time = time
    self.text = text
    self.suppressedCount = suppressedCount
    self.lostCount = lostCount
  }
}

/// One SenML record (RFC 8428) with Weir's labels.
public struct Record: Equatable, Sendable {
  /// The base name without its last slash.
  public var device: String
  /// The name: a channel, or empty for what concerns the device itself.
  public var channel: String
  /// A registered SenML unit, or empty.
  public var unit: String
  /// Seconds since 1970 UTC; relative times of the payload are resolved with the time of receipt. 0
  /// for an event of a boot whose time was never known: then `bootTime` says when.
  public var time: Double
  /// Seconds since that boot, for an event whose time of day nobody ever knew.
  public var bootTime: Double?
  /// Counts the boots of the device.
  public var epoch: UInt64
  /// Of the device, from 0 in every epoch, without holes.
  public var sequence: UInt64
  /// Of the channel, from 0 in every epoch: the (last) reading behind this record.
  public var readingSequence: UInt64?
  /// A window that stands for the events of its channel up to `sequence`, which had to make room.
  /// It is another event than the one that had this number.
  public var isThinned: Bool
  /// It was sent behind later ones, after an outage.
  public var isHistorical: Bool
  /// It was sent again, because somebody asked for it.
  public var isReplayed: Bool
  public var content: Content

  public init(
    device: String, channel: String, unit: String = "", time: Double, bootTime: Double? = nil,
    epoch: UInt64, sequence: UInt64, readingSequence: UInt64? = nil, isThinned: Bool = false,
    isHistorical: Bool = false, isReplayed: Bool = false, content: Content
  ) {
    self.device = device
    self.channel = channel
    self.unit = unit
    self.time = time
    self.bootTime = bootTime
    self.epoch = epoch
    self.sequence = sequence
    self.readingSequence = readingSequence
    self.isThinned = isThinned
    self.isHistorical = isHistorical
    self.isReplayed = isReplayed
    self.content = content
  }
}

/// What a record tells.
public enum Content: Equatable, Sendable {
  case value(Double)
  case window(Window)
  case alarm(raised: Bool, value: Double)
  case edge(level: Bool, edge: String)
  /// A reading without a value, and the reason, such as `nack`.
  case bad(quality: String)
  case gap(Gap)
  /// How overloaded the gateway is, 0 to 3.
  case overload(level: UInt64)

  /// What a graph draws: the value, the mean of a window, the level of an edge.
  public var number: Double? {
    switch self {
    case .value(let value): value
    case .window(let window): window.mean
    case .alarm(_, let value): value
    case .edge(let level, _): level ? 1 : 0
    case .bad, .gap, .overload: nil
    }
  }
}

/// Many readings condensed: what they were in the `span` seconds that end at the record's time.
public struct Window: Equatable, Sendable {
  public var mean: Double
  public var minimum: Double
  public var maximum: Double
  public var count: UInt64
  public var span: Double

  public init(mean: Double, minimum: Double, maximum: Double, count: UInt64, span: Double) {
    self.mean = mean
    self.minimum = minimum
    self.maximum = maximum
    self.count = count
    self.span = span
  }
}

/// What a gateway says it lost.
public struct Gap: Equatable, Sendable {
  public var kind: Kind
  /// The first sequence number that is missing: of the device's records for `droppedEvents`,
  /// `evicted` and `damaged`, of the channel's readings otherwise.
  public var first: UInt64
  /// Of `evicted` it counts windows too that stood for thinned events.
  public var count: UInt64
  /// The last number of those among which `count` are missing, for `slowed`, `evicted` and
  /// `damaged`; the others came, or will, or have a gap of their own. Elsewhere all of `count`
  /// numbers from `first` on are missing.
  public var last: UInt64?
  /// The epoch that `first` is of, where that is not the record's: then the gap begins at `first`
  /// of this epoch, has the epochs between whole, and ends at `last` of the record's epoch.
  public var firstEpoch: UInt64?
  /// The lane of the journal that `evicted` and `damaged` are of: `alarms` or `telemetry`.
  public var lane: String?

  public init(
    kind: Kind, first: UInt64, count: UInt64, last: UInt64? = nil, firstEpoch: UInt64? = nil,
    lane: String? = nil
  ) {
    self.kind = kind
    self.first = first
    self.count = count
    self.last = last
    self.firstEpoch = firstEpoch
    self.lane = lane
  }

  /// Whether something was lost; what was left out by policy was not.
  public var isLoss: Bool { kind != .slowed }

  public enum Kind: String, Equatable, Sendable {
    case missedDeadlines = "missed-deadlines"
    case lostEdges = "lost-edges"
    case droppedReadings = "dropped-readings"
    case droppedEvents = "dropped-events"
    /// Left out under overload.
    case slowed
    /// The journal had no room for them any more.
    case evicted
    /// The journal can't read them any more.
    case damaged
  }

  /// Whether the journal lost them. Such a gap has no number of its own: it stands in the place of
  /// the last event that is gone.
  public var isOfJournal: Bool { kind == .evicted || kind == .damaged }
}

/// The retained message that says whether a gateway is there.
public struct Status: Equatable, Sendable {
  public var device: String
  public var isOnline: Bool
  public var epoch: UInt64?
  public var version: String?
  /// The worst of its tasks: `healthy`, `starting`, `degraded`, `stalled`, `failed`.
  public var health: String?
  /// Each task's state, with its reason behind a colon.
  public var tasks: [String: String]

  public init(
    device: String, isOnline: Bool, epoch: UInt64? = nil, version: String? = nil,
    health: String? = nil, tasks: [String: String] = [:]
  ) {
    self.device = device
    self.isOnline = isOnline
    self.epoch = epoch
    self.version = version
    self.health = health
    self.tasks = tasks
  }
}

/// The retained message that says what ended a gateway's last boot, and how this one goes on.
public struct BootNotice: Equatable, Sendable {
  public var device: String
  public var epoch: UInt64
  public var version: String
  /// `first`, `restart`, `power-off`, `watchdog`, `failure` or `unknown`.
  public var cause: String
  /// Why the supervisor gave up, in words.
  public var detail: String?
  /// The last crash of the boot before, in words.
  public var lastCrash: String?
  /// Seconds that the boot before was up at least.
  public var uptime: UInt64?
  /// Boots in a row before this one that did not stay up.
  public var uncleanCount: UInt64
  /// Whether it runs without sensors and lines.
  public var isSafe: Bool

  public init(
    device: String, epoch: UInt64, version: String, cause: String, detail: String? = nil,
    lastCrash: String? = nil, uptime: UInt64? = nil, uncleanCount: UInt64, isSafe: Bool
  ) {
    self.device = device
    self.epoch = epoch
    self.version = version
    self.cause = cause
    self.detail = detail
    self.lastCrash = lastCrash
    self.uptime = uptime
    self.uncleanCount = uncleanCount
    self.isSafe = isSafe
  }
}
