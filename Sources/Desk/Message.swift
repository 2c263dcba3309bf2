// The module Desk: what a program at a desk knows of a gateway's messages. It receives them,
// decodes them, accounts for what is missing, and draws them. It never publishes. `weirctl` and the
// tests of the whole system use it; nothing of the product does.

/// One message of a gateway, decoded.
public enum Message: Equatable, Sendable {
  case record(Record)
  case status(Status)
}

/// One SenML record (RFC 8428) with Weir's labels.
public struct Record: Equatable, Sendable {
  /// The base name without its last slash.
  public var device: String
  /// The name: a channel, or empty for a gap of the device itself.
  public var channel: String
  /// A registered SenML unit, or empty.
  public var unit: String
  /// Seconds since 1970 UTC; relative times of the payload are resolved with the time of receipt.
  public var time: Double
  /// Counts the boots of the device.
  public var epoch: UInt64
  /// Of the device, from 0 in every epoch, without holes.
  public var sequence: UInt64
  /// Of the channel, from 0 in every epoch: the (last) reading behind this record.
  public var readingSequence: UInt64?
  public var content: Content

  public init(
    device: String, channel: String, unit: String = "", time: Double, epoch: UInt64,
    sequence: UInt64, readingSequence: UInt64? = nil, content: Content
  ) {
    self.device = device
    self.channel = channel
    self.unit = unit
    self.time = time
    self.epoch = epoch
    self.sequence = sequence
    self.readingSequence = readingSequence
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

  /// What a graph draws: the value, the mean of a window, the level of an edge.
  public var number: Double? {
    switch self {
    case .value(let value): value
    case .window(let window): window.mean
    case .alarm(_, let value): value
    case .edge(let level, _): level ? 1 : 0
    case .bad, .gap: nil
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
  /// The first sequence number that is missing: of the device's records for `droppedEvents`, of the
  /// channel's readings otherwise.
  public var first: UInt64
  public var count: UInt64

  public init(kind: Kind, first: UInt64, count: UInt64) {
    self.kind = kind
    self.first = first
    self.count = count
  }

  public enum Kind: String, Equatable, Sendable {
    case missedDeadlines = "missed-deadlines"
    case lostEdges = "lost-edges"
    case droppedReadings = "dropped-readings"
    case droppedEvents = "dropped-events"
  }
}

/// The retained message that says whether a gateway is there.
public struct Status: Equatable, Sendable {
  public var device: String
  public var isOnline: Bool
  public var epoch: UInt64?
  public var version: String?

  public init(device: String, isOnline: Bool, epoch: UInt64? = nil, version: String? = nil) {
    self.device = device
    self.isOnline = isOnline
    self.epoch = epoch
    self.version = version
  }
}
