/// Events of a device that will not come, and why.
public struct KnownGap: Hashable, Sendable {
  /// What is known of them.
  public enum Kind: String, Sendable {
    case evicted, damaged
    case droppedEvents = "dropped-events"
    /// Nobody said a word of them, and the gateway doesn't have them.
    case lost
  }

  public var kind: Kind
  /// `alarms`, `telemetry`, or empty.
  public var lane: String
  public var first: Place
  public var last: Place
  /// How many of the numbers between are gone; the others came, or will.
  public var count: UInt64

  public init(kind: Kind, lane: String = "", first: Place, last: Place, count: UInt64) {
    self.kind = kind
    self.lane = lane
    self.first = first
    self.last = last
    self.count = count
  }

  /// What a record says of numbers of the device that will not come; nil for any other.
  init?(_ record: Record) {
    guard case .gap(let gap) = record.content, gap.count > 0 else { return nil }
    let kind: Kind
    switch gap.kind {
    case .evicted: kind = .evicted
    case .damaged: kind = .damaged
    case .droppedEvents: kind = .droppedEvents
    case .missedDeadlines, .lostEdges, .droppedReadings, .slowed: return nil
    }
    self.init(
      kind: kind, lane: gap.lane ?? "",
      first: Place(epoch: gap.firstEpoch ?? record.epoch, sequence: gap.first),
      last: Place(epoch: record.epoch, sequence: gap.last ?? gap.first + (gap.count - 1)),
      count: gap.count)
  }

  /// The numbers of an epoch that it spans.
  func range(in epoch: UInt64) -> ClosedRange<UInt64>? {
    guard first.epoch <= epoch, epoch <= last.epoch, first <= last else { return nil }
    let lower = epoch == first.epoch ? first.sequence : 0
    // How many numbers an epoch had nobody says.
    return lower...(epoch == last.epoch ? last.sequence : .max)
  }

  /// Whether all the numbers of its range are gone, or it can't be told which and how many of each
  /// epoch are.
  var isWhole: Bool { kind == .droppedEvents || kind == .lost || first.epoch != last.epoch }
}

/// Numbers of one epoch of which nothing came and nothing was said.
public struct Hole: Hashable, Sendable {
  public var epoch: UInt64
  public var range: ClosedRange<UInt64>
}

/// A range that was asked for again, and what came of it. One at a time for each device.
public struct Replay: Equatable, Sendable {
  public var epoch: UInt64
  public var range: ClosedRange<UInt64>
  /// It looks for the end of an epoch that is over: how many numbers that had nobody says.
  public var isTail: Bool
  /// How often it was asked for.
  public var attemptCount: Int
  /// Seconds since 1970 UTC.
  public var askedAt: Double
  public var answeredAt: Double?
  public var sentCount: UInt64
  public var missingCount: UInt64
  public var isRefused: Bool

  public init(
    epoch: UInt64, range: ClosedRange<UInt64>, isTail: Bool, attemptCount: Int = 1,
    askedAt: Double, answeredAt: Double? = nil, sentCount: UInt64 = 0, missingCount: UInt64 = 0,
    isRefused: Bool = false
  ) {
    self.epoch = epoch
    self.range = range
    self.isTail = isTail
    self.attemptCount = attemptCount
    self.askedAt = askedAt
    self.answeredAt = answeredAt
    self.sentCount = sentCount
    self.missingCount = missingCount
    self.isRefused = isRefused
  }

  /// The request to the device. Its `id` is the device's own, because an answer names none: it is
  /// the same for every receiver, so that each understands an answer to any of them.
  func request(to device: String) -> ReplayRequest {
    ReplayRequest(
      id: "weirctl " + String(digest(device), radix: 16), epoch: epoch, first: range.lowerBound,
      last: range.upperBound)
  }

  /// Takes an answer in; false when it is none to this request.
  mutating func take(_ answer: ReplayAnswer, from device: String, now: Double) -> Bool {
    let request = request(to: device)
    guard answer.id == request.id, answeredAt == nil else { return false }
    // A refusal may name no range.
    let isSame =
      (answer.epoch, answer.first, answer.last)
      == (request.epoch, request.first, request.last)
    guard isSame || answer.refusal != nil else { return false }
    answeredAt = now
    sentCount = answer.sentCount
    missingCount = answer.missingCount
    isRefused = answer.refusal != nil
    return true
  }
}

/// What a store knows of one device: which events came, and what is known of the others.
public struct DeviceAccount: Equatable, Sendable {
  public let device: String
  /// The numbers that came, of each epoch; thinned ones are not among them.
  public var covered: [UInt64: SequenceSet] = [:]
  public var gaps: Set<KnownGap> = []
  /// Epochs that are over and whose end is known.
  public var ended: Set<UInt64> = []
  public var checkpoint: Checkpoint?
  /// The topic that the last checkpoint came on.
  public var checkpointTopic: String?
  public var replay: Replay?

  public init(device: String) { self.device = device }

  /// The numbers of an epoch that must have been events, as far as we know; nil without any.
  ///
  /// An epoch begins at 0, but the first that we ever saw of a device begins where we came in; what
  /// the journal holds, or the broker has acknowledged, was an event too.
  func expected(in epoch: UInt64) -> ClosedRange<UInt64>? {
    let seen = covered[epoch]
    var lower = seen?.first
    var upper = seen?.last
    let knowsEarlier = covered.contains { $0.key < epoch && $0.value.first != nil }
    if knowsEarlier, lower != nil { lower = 0 }
    if let lowest = checkpoint?.lowest, lowest.epoch <= epoch {
      let begin = lowest.epoch == epoch ? lowest.sequence : 0
      if upper != nil || reachable?.epoch == epoch { lower = min(lower ?? begin, begin) }
    }
    if let end = reachable, end.epoch == epoch, lower != nil {
      upper = max(upper ?? end.sequence, end.sequence)
    }
    guard let lower, let upper, lower <= upper else { return nil }
    return lower...upper
  }

  /// The last event that the journal holds and that was sent before; what is behind it comes by
  /// itself.
  var reachable: Place? {
    guard let highest = checkpoint?.highest else { return nil }
    return min(highest, checkpoint?.acknowledged ?? highest)
  }

  /// The epochs that we know something of, ascending.
  var epochs: [UInt64] {
    var all = Set(covered.keys)
    if let end = reachable { all.insert(end.epoch) }
    return all.sorted()
  }

  /// All numbers of an epoch that are missing and explained by nobody.
  public func holes(in epoch: UInt64) -> [Hole] {
    guard let expected = expected(in: epoch) else { return [] }
    let seen = covered[epoch] ?? SequenceSet()
    var known = seen
    let all = gaps.compactMap { gap in gap.range(in: epoch).map { (gap, $0) } }
    for (gap, range) in all where gap.isWhole { known.insert(range) }
    for cluster in clusters(all.filter { !$0.0.isWhole }) {
      // More are missing than the gateway says: some of them can be had, or are lost without a
      // word.
      guard known.missingCount(in: cluster.range) <= cluster.count else { continue }
      known.insert(cluster.range)
    }
    return known.missing(in: expected).map { Hole(epoch: epoch, range: $0) }
  }

  public var holes: [Hole] { epochs.flatMap { holes(in: $0) } }

  /// Gaps of two lanes overlap; together they say how many numbers are missing.
  private func clusters(
    _ gaps: [(KnownGap, ClosedRange<UInt64>)]
  ) -> [(range: ClosedRange<UInt64>, count: UInt64)] {
    var result: [(range: ClosedRange<UInt64>, count: UInt64)] = []
    for (gap, range) in gaps.sorted(by: { $0.1.lowerBound < $1.1.lowerBound }) {
      if let last = result.last, last.range.upperBound >= range.lowerBound {
        let whole = last.range.lowerBound...max(last.range.upperBound, range.upperBound)
        result[result.count - 1] = (whole, cappedSum(last.count, gap.count))
      } else {
        result.append((range, gap.count))
      }
    }
    return result
  }

  /// How many numbers were given up, that did not come after all.
  public var lostCount: UInt64 {
    var byEpoch: [UInt64: SequenceSet] = [:]
    for gap in gaps where gap.kind == .lost {
      guard let range = gap.range(in: gap.last.epoch) else { continue }
      byEpoch[gap.last.epoch, default: SequenceSet()].insert(range)
    }
    return byEpoch.reduce(0) { total, one in
      let seen = covered[one.key] ?? SequenceSet()
      return one.value.ranges.reduce(total) { cappedSum($0, seen.missingCount(in: $1)) }
    }
  }
}
