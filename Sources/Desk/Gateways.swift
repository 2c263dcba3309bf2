/// Everything that was received so far, as a watcher wants to see it: one state per gateway and per
/// channel, in the order in which they came. It has no clock of its own.
public struct Gateways: Sendable {
  public private(set) var devices: [DeviceState] = []
  public private(set) var channels: [ChannelState] = []
  /// Messages that came, malformed ones included.
  public private(set) var messageCount: UInt64 = 0
  public private(set) var malformedCount: UInt64 = 0
  /// What was wrong with the last malformed one, and its topic.
  public private(set) var lastMalformed: String = ""

  /// Names come from the network: beyond this many of a kind, new ones are counted as malformed.
  static let nameCountMax = 1024

  public init() {}

  /// Takes a message in. `now` is in seconds since 1970 UTC. Returns what it said.
  @discardableResult
  public mutating func receive(topic: String, payload: [UInt8], now: Double) -> [Message] {
    messageCount += 1
    do throws(DecodingFailure) {
      let messages = try decode(payload, receivedAt: now)
      for message in messages { apply(message, now: now) }
      return messages
    } catch {
      refuse("\(printable(topic)): \(error.text)")
      return []
    }
  }

  /// The receiver was disconnected and has a new session: what came meanwhile is not the
  /// gateway's loss.
  public mutating func receiverWasAway() {
    for index in devices.indices { devices[index].sequence.resume() }
  }

  /// All numbers that are missing and were not explained.
  public var missingCount: UInt64 { devices.reduce(0) { sum($0, $1.missingCount) } }
  public var duplicateCount: UInt64 { devices.reduce(0) { sum($0, $1.duplicateCount) } }
  /// What the gateways themselves said they lost.
  public var reportedCount: UInt64 { devices.reduce(0) { sum($0, $1.reportedCount) } }

  private mutating func refuse(_ reason: String) {
    malformedCount += 1
    lastMalformed = reason
  }

  private mutating func apply(_ message: Message, now: Double) {
    switch message {
    case .status(let status):
      guard let index = device(named: status.device) else { return }
      devices[index].isOnline = status.isOnline
      devices[index].version = status.version ?? devices[index].version
      devices[index].health = status.isOnline ? status.health : nil
    case .log, .crash, .checkpoint, .replayed: break
    case .boot(let boot):
      guard let index = device(named: boot.device) else { return }
      devices[index].isSafe = boot.isSafe
    case .record(let record):
      guard let index = device(named: record.device) else { return }
      guard devices[index].receive(record) else { return }
      guard !record.channel.isEmpty, let index = channel(of: record) else { return }
      channels[index].receive(record, now: now)
    }
  }

  private mutating func device(named name: String) -> Int? {
    if let index = devices.firstIndex(where: { $0.name == name }) { return index }
    guard devices.count < Self.nameCountMax else {
      refuse("more than \(Self.nameCountMax) devices")
      return nil
    }
    devices.append(DeviceState(name: name))
    return devices.count - 1
  }

  private mutating func channel(of record: Record) -> Int? {
    if let index = channels.firstIndex(where: {
      $0.name == record.channel && $0.device == record.device
    }) {
      return index
    }
    guard channels.count < Self.nameCountMax else {
      refuse("more than \(Self.nameCountMax) channels")
      return nil
    }
    channels.append(ChannelState(device: record.device, name: record.channel))
    return channels.count - 1
  }
}

/// One gateway, and the account of its messages.
public struct DeviceState: Sendable {
  public let name: String
  public internal(set) var isOnline: Bool?
  public internal(set) var version: String?
  /// What it says of its tasks, while it is online.
  public internal(set) var health: String?
  /// Whether it says that it runs without sensors and lines.
  public internal(set) var isSafe = false
  /// The boot that the last record came from.
  public private(set) var epoch: UInt64?
  var sequence = SequenceTracker()
  private var missingBefore: UInt64 = 0
  private var duplicatesBefore: UInt64 = 0
  /// Readings, edges and events that the gateway said it lost.
  public private(set) var reportedCount: UInt64 = 0
  /// How overloaded it said that it is, 0 to 3.
  public private(set) var overloadLevel: UInt64 = 0

  init(name: String) { self.name = name }

  /// Records that came, duplicates not counted.
  public private(set) var receivedCount: UInt64 = 0
  public var missingCount: UInt64 { sum(missingBefore, sequence.missingCount) }
  public var duplicateCount: UInt64 { sum(duplicatesBefore, sequence.duplicateCount) }

  /// False for a duplicate, whose content was taken before.
  mutating func receive(_ record: Record) -> Bool {
    if epoch != record.epoch {
      missingBefore = missingCount
      duplicatesBefore = duplicateCount
      // Who saw the last boot sees the next from its start.
      sequence = SequenceTracker(start: epoch == nil ? nil : 0)
      epoch = record.epoch
      overloadLevel = 0
    }
    guard sequence.receive(record.sequence) else { return false }
    receivedCount += 1
    if case .overload(let level) = record.content { overloadLevel = level }
    if case .gap(let gap) = record.content, gap.isLoss {
      reportedCount = sum(reportedCount, gap.count)
      if gap.kind == .droppedEvents { sequence.explain(first: gap.first, count: gap.count) }
    }
    return true
  }
}

/// One channel: what it said last, and the last numbers for a graph.
public struct ChannelState: Sendable {
  public let device: String
  public let name: String
  public private(set) var unit: String = ""
  /// The last content that was not a gap.
  public private(set) var last: Content?
  /// The last number, also when a bad reading came after it.
  public private(set) var value: Double?
  public private(set) var isAlarmed = false
  /// What this channel's gateway said was lost of it.
  public private(set) var lostCount: UInt64 = 0
  /// Seconds since 1970 UTC: when the last record was measured.
  public private(set) var measuredAt: Double = 0
  /// The last numbers, oldest first; nil stands for a bad reading.
  public private(set) var history: [Double?] = []
  /// When the last records came, for the rate; seconds since 1970 UTC, oldest first.
  private var arrivals: [Double] = []

  /// As many as the widest graph has columns.
  public static let historyCountMax = 32

  init(device: String, name: String) {
    self.device = device
    self.name = name
  }

  mutating func receive(_ record: Record, now: Double) {
    if !record.unit.isEmpty { unit = record.unit }
    if case .gap(let gap) = record.content {
      if gap.isLoss { lostCount = sum(lostCount, gap.count) }
      return
    }
    // A clock that runs ahead of ours must not make a reading younger than its receipt.
    measuredAt = record.bootTime == nil ? min(record.time, now) : now
    last = record.content
    if case .alarm(let raised, _) = record.content { isAlarmed = raised }
    if let number = record.content.number { value = number }
    append(record.content.number, to: &history)
    append(now, to: &arrivals)
  }

  /// Records per second over the last ones that came; nil while it cannot be known.
  public func rate(now: Double) -> Double? {
    guard let first = arrivals.first, arrivals.count > 1 else { return nil }
    let span = arrivals[arrivals.count - 1] - first
    let mean = span / Double(arrivals.count - 1)
    // After a silence of several periods the rate falls with every second.
    let silence = now - arrivals[arrivals.count - 1]
    guard silence > 3 * max(mean, 1) else { return span > 0 ? 1 / mean : nil }
    return Double(arrivals.count) / (span + silence)
  }

  private func append<T>(_ value: T, to list: inout [T]) {
    list.append(value)
    if list.count > Self.historyCountMax { list.removeFirst() }
  }
}

/// The sum of two counts, at most the greatest number: what comes from the network must not trap.
private func sum(_ a: UInt64, _ b: UInt64) -> UInt64 {
  let (result, overflow) = a.addingReportingOverflow(b)
  return overflow ? .max : result
}

/// Text from the network without what would move the cursor or change the terminal.
func printable(_ text: String) -> String {
  String(
    String.UnicodeScalarView(
      text.unicodeScalars.prefix(256).map { scalar in
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator: "\u{FFFD}"
        default: scalar
        }
      }))
}
