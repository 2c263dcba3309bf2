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

/// Where a key of the journal is.
public enum KeySource: Equatable, Sendable {
  /// An absolute path.
  case file(String)
  /// What systemd gives the service under this name (LoadCredential=), in $CREDENTIALS_DIRECTORY.
  case credential(String)
}

/// How the journal is encrypted at rest.
public struct EncryptionSettings: Equatable, Sendable {
  /// What new events are sealed with; nil: they are written in the clear.
  public var key: KeySource?
  /// What older events were sealed with: at most `oldKeyCountMax`.
  public var oldKeys: [KeySource] = []
  /// Whether there was an error in it: then the file is left alone, lest anything is written there
  /// that was to be a secret.
  public var isBroken = false

  public static let oldKeyCountMax = 8

  public init() {}
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
  /// Nil: events are written in the clear, and none are read that are sealed.
  public var encryption: EncryptionSettings?

  public init() {}
}
