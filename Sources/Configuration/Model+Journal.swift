/// What happens when a lane of the journal is full, because the broker is away for longer than it
/// holds.
public enum JournalFull: UInt8, BitwiseCopyable, Sendable {
  /// The oldest events make room; how many is told.
  case dropOldest = 0
  /// Nothing more is taken, until the broker is back.
  case stop = 1
  /// The oldest events become one window for each channel.
  case thin = 2
}

/// The durable log between the pipeline and the uplink.
public struct JournalConfiguration: Equatable, Sendable {
  /// The size of its file, fixed when it is made: 1 MiB to 16 GiB.
  public var byteCount: Int64 = 64 << 20
  /// How much of it only alarms use, in percent: 1 to 90.
  public var alarmShare: UInt8 = 12
  public var full = JournalFull.dropOldest
  public var alarmsFull = JournalFull.dropOldest
  /// So long an event may wait for others before it is made durable together with them, in ns:
  /// 0 s to 1 min. Alarms never wait.
  public var commitDelay: Int64 = 200_000_000
  /// Whether events are stored as differences: less is written, for more time of the processor.
  public var isDelta = true

  public init() {}
}
