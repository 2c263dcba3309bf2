/// A message to be stored, and when it came, in seconds since 1970 UTC.
public struct Delivery: Sendable {
  public var message: Message
  public var topic: String
  public var receivedAt: Double

  public init(message: Message, topic: String, receivedAt: Double) {
    self.message = message
    self.topic = topic
    self.receivedAt = receivedAt
  }
}

/// What a commit brought. All of it is about events: a record that tells of a gap in the journal is
/// counted as a gap only.
public struct StoreTally: Equatable, Sendable {
  /// Events that were not there before; the two after it are among them.
  public var newCount: UInt64 = 0
  public var historicalCount: UInt64 = 0
  public var replayedCount: UInt64 = 0
  public var duplicateCount: UInt64 = 0
  /// Gaps that gateways told of, and how many events they said are gone.
  public var gapCount: UInt64 = 0
  public var goneCount: UInt64 = 0
  public var conflictCount: UInt64 = 0
  /// The first few conflicts of the commit, in words.
  public var conflicts: [String] = []

  public init() {}

  static let conflictTextCountMax = 4

  mutating func note(conflict record: Record, was: String) {
    conflictCount = cappedSum(conflictCount, 1)
    guard conflicts.count < Self.conflictTextCountMax else { return }
    conflicts.append(
      "\(printable(record.device)) epoch \(record.epoch) seq \(record.sequence)"
        + "\(record.isThinned ? " (thinned)" : "") came with another content: "
        + "\(printable(String(canonicalText(record).dropFirst()))); first \(was)")
  }

  mutating func note(new record: Record) {
    newCount = cappedSum(newCount, 1)
    if record.isHistorical { historicalCount = cappedSum(historicalCount, 1) }
    if record.isReplayed { replayedCount = cappedSum(replayedCount, 1) }
  }

  mutating func add(_ other: StoreTally) {
    newCount = cappedSum(newCount, other.newCount)
    historicalCount = cappedSum(historicalCount, other.historicalCount)
    replayedCount = cappedSum(replayedCount, other.replayedCount)
    duplicateCount = cappedSum(duplicateCount, other.duplicateCount)
    gapCount = cappedSum(gapCount, other.gapCount)
    goneCount = cappedSum(goneCount, other.goneCount)
    conflictCount = cappedSum(conflictCount, other.conflictCount)
  }
}

/// Where events are kept. A store knows each event by its identity, and keeps the first of it.
public protocol EventStore: AnyObject {
  /// Stores all of the deliveries, or none. When it returns they survive the end of the process and
  /// the loss of power.
  func commit(_ deliveries: [Delivery]) throws(StoreFailure) -> StoreTally

  /// What came so far, by device.
  func accounts() throws(StoreFailure) -> [DeviceAccount]

  /// Takes a step; false when another receiver has taken one since `accounts`.
  func take(_ step: ReplayStep) throws(StoreFailure) -> Bool
}

/// Why nothing can be stored, in one line with the remedy.
public struct StoreFailure: Error, Equatable, Sendable {
  public let text: String
  public init(_ text: String) { self.text = text }
}

extension Record {
  /// Whether it only stands where the journal lost events: then its number is that of the last of
  /// them, and no event of its own. One with a number behind what it tells of is an event too.
  var isPlaceholder: Bool {
    guard case .gap(let gap) = content, gap.isOfJournal, let last = gap.last else { return false }
    return sequence <= last
  }
}
