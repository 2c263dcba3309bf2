/// What happens to a lane when it is full: a value, chosen in one place.
public enum Retention: UInt8, BitwiseCopyable, Sendable {
  /// The oldest segment makes room, and the receiver gets a gap of its range and count.
  case dropOldest = 0
  /// Nothing more is taken until the receiver has acknowledged a segment: what feeds the journal
  /// keeps its events, and counts those that it must drop.
  case stopAccepting = 1
  /// As `dropOldest`, and a window of each channel stands for what was dropped: a month without the
  /// broker leaves a coarse month rather than a fine week.
  case thin = 2
}

/// When what was appended is committed, if nobody asks before.
public struct CommitPolicy: BitwiseCopyable, Sendable {
  /// So long after the first event that is not yet durable, ns.
  public var delay: Int64 = 200_000_000
  /// When so many blocks are full: from 1 on.
  public var blockCount = 4

  public init() {}
}

/// How a journal is run; the same file can be run differently each time.
public struct JournalSettings: Sendable {
  public var alarmRetention = Retention.dropOldest
  public var telemetryRetention = Retention.dropOldest
  public var commit = CommitPolicy()
  /// Whether records are coded as differences: less is written, for some time of the processor.
  public var isDelta = false
  /// Of a simulation only, which is to be repeatable: what the salt is made of that is random in
  /// earnest. A salt that comes twice gives away what is sealed with it (`BlockSeal`).
  public var simulatedSalt: UInt64?

  public init() {}

  func retention(_ lane: Lane) -> Retention {
    switch lane {
    case .alarms: alarmRetention
    case .telemetry: telemetryRetention
    }
  }
}
