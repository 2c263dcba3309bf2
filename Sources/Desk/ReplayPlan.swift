/// What is to be done about a device's holes now. A store carries it out at once and whole, or not
/// at all: with several receivers on one store, exactly one of them asks.
public struct ReplayStep: Equatable, Sendable {
  public var device: String
  /// The request as the step found it: who finds another must not take the step.
  public var before: Replay?
  /// The request from now on; nil when none is open any more.
  public var after: Replay?
  /// What is given up.
  public var lost: [KnownGap] = []
  /// Epochs whose end was found.
  public var ended: [UInt64] = []

  /// Whether `after` must be sent to the gateway.
  public var asks: Bool { after != nil && after?.askedAt != before?.askedAt }
}

/// When holes are asked for, how often, and when they are given up. It has no clock of its own;
/// times are seconds since 1970 UTC.
///
/// - A hole is asked for when it is `ageSeconds` old, lies in what the gateway's last checkpoint
///   says that it holds and has sent, and nothing of the device comes out of a backlog just now.
/// - One request is open for each device. Without an answer, or refused, it is repeated after a
///   pause that doubles from `pauseSeconds` to `pauseSecondsMax`.
/// - What the answer says is missing is lost. What was sent and did not come is asked for again, at
///   most `attemptCountMax` times.
/// - What the gateway doesn't hold any more is lost after `unheldSeconds`: it may still be on its
///   way through the broker.
public struct ReplayPlan: Sendable {
  static let ageSeconds = 2.0
  static let backlogSeconds = 5.0
  static let pauseSeconds = 5.0
  static let pauseSecondsMax = 300.0
  static let attemptCountMax = 5
  static let unheldSeconds = 10.0
  /// After the answer, for other receivers of the group to write what they got.
  static let settleSeconds = 1.0
  /// Holes so near to each other are one request: what comes twice is known by its identity.
  static let nearCount: UInt64 = 1000
  /// How many epochs of a journal are looked at for their end, in one step.
  static let epochCountMax: UInt64 = 1000

  /// When each hole was seen first, by its begin.
  private var since: [Start: Double] = [:]
  private struct Start: Hashable {
    var device: String
    var place: Place
  }

  public init() {}

  /// What to do for a device, if anything.
  ///
  /// - Parameters:
  ///   - isOnline: false when the gateway said that it is away: nobody would answer.
  ///   - backlogAt: when something historical came last that nobody had asked for.
  public mutating func step(
    _ account: DeviceAccount, isOnline: Bool, backlogAt: Double?, now: Double
  ) -> ReplayStep? {
    let holes = account.holes
    note(holes, account.device, now)
    if let replay = account.replay { return goOn(replay, account, holes, now) }
    guard account.checkpoint != nil else { return nil }
    let isBacklogged = backlogAt.map { now - $0 < Self.backlogSeconds } ?? false
    let old = holes.filter { age($0, account.device, now) >= Self.ageSeconds }
    let unheld = unheld(old, account, now)
    if !unheld.isEmpty {
      return ReplayStep(device: account.device, before: nil, after: nil, lost: unheld)
    }
    guard isOnline, !isBacklogged,
      let next = wanted(old, account) ?? (old.count == holes.count ? tail(account) : nil)
    else { return nil }
    let replay = Replay(epoch: next.epoch, range: next.range, isTail: next.isTail, askedAt: now)
    return ReplayStep(device: account.device, before: nil, after: replay)
  }

  private mutating func note(_ holes: [Hole], _ device: String, _ now: Double) {
    var kept = since.filter { $0.key.device != device }
    for hole in holes {
      let start = start(hole, device)
      // A clock that was set back must not make a hole wait for ever.
      kept[start] = min(since[start] ?? now, now)
    }
    since = kept
  }

  private func start(_ hole: Hole, _ device: String) -> Start {
    Start(device: device, place: Place(epoch: hole.epoch, sequence: hole.range.lowerBound))
  }

  private func age(_ hole: Hole, _ device: String, _ now: Double) -> Double {
    now - (since[start(hole, device)] ?? now)
  }

  /// The open request: waited for, repeated, or settled.
  private func goOn(
    _ replay: Replay, _ account: DeviceAccount, _ holes: [Hole], _ now: Double
  ) -> ReplayStep? {
    let doubled = Self.pauseSeconds * Double(UInt64(1) << UInt64(min(replay.attemptCount - 1, 10)))
    let pause = min(doubled, Self.pauseSecondsMax)
    guard let answeredAt = replay.answeredAt, !replay.isRefused else {
      guard now - replay.askedAt >= pause || now < replay.askedAt else { return nil }
      return again(replay, account, now)
    }
    guard now - answeredAt >= Self.settleSeconds || now < answeredAt else { return nil }
    let inside = holes.filter { $0.epoch == replay.epoch && $0.range.overlaps(replay.range) }
      .map { Hole(epoch: $0.epoch, range: $0.range.clamped(to: replay.range)) }
    let remaining = inside.reduce(0) { cappedSum($0, $1.range.numberCount) }
    let seen = account.covered[replay.epoch] ?? SequenceSet()
    let arrived = replay.range.numberCount - seen.missingCount(in: replay.range)
    let isLate = replay.isTail ? arrived < replay.sentCount : remaining > replay.missingCount
    if isLate, replay.attemptCount < Self.attemptCountMax {
      guard now - replay.askedAt >= pause else { return nil }
      return again(replay, account, now, inside)
    }
    var step = ReplayStep(device: account.device, before: replay, after: nil)
    step.lost = inside.map { lost($0) }
    if replay.isTail, !seen.contains(replay.range.upperBound) { step.ended = [replay.epoch] }
    return step
  }

  /// Asks for the same, or for what is still missing of it.
  private func again(
    _ replay: Replay, _ account: DeviceAccount, _ now: Double, _ rest: [Hole] = []
  ) -> ReplayStep {
    var range = replay.range
    if !replay.isTail, let first = rest.first, let last = rest.last {
      range = first.range.lowerBound...last.range.upperBound
    }
    let next = Replay(
      epoch: replay.epoch, range: range, isTail: replay.isTail,
      attemptCount: replay.attemptCount + 1, askedAt: now)
    return ReplayStep(device: account.device, before: replay, after: next)
  }

  private func lost(_ hole: Hole) -> KnownGap {
    KnownGap(
      kind: .lost, first: Place(epoch: hole.epoch, sequence: hole.range.lowerBound),
      last: Place(epoch: hole.epoch, sequence: hole.range.upperBound),
      count: hole.range.numberCount)
  }

  /// The parts of holes that lie before what the journal holds.
  private func unheld(_ holes: [Hole], _ account: DeviceAccount, _ now: Double) -> [KnownGap] {
    guard let lowest = account.checkpoint?.lowest else { return [] }
    var result: [KnownGap] = []
    for hole in holes where age(hole, account.device, now) >= Self.unheldSeconds {
      if hole.epoch < lowest.epoch {
        result.append(lost(hole))
      } else if hole.epoch == lowest.epoch, hole.range.lowerBound < lowest.sequence {
        let end = min(hole.range.upperBound, lowest.sequence - 1)
        result.append(lost(Hole(epoch: hole.epoch, range: hole.range.lowerBound...end)))
      }
    }
    return result
  }

  private typealias Wanted = (epoch: UInt64, range: ClosedRange<UInt64>, isTail: Bool)

  /// The lowest hole that the gateway can fill, with those near it.
  private func wanted(_ holes: [Hole], _ account: DeviceAccount) -> Wanted? {
    guard let lowest = account.checkpoint?.lowest, let end = account.reachable else { return nil }
    var result: Wanted?
    for hole in holes {
      guard hole.epoch >= lowest.epoch, hole.epoch <= end.epoch else { continue }
      let lower = hole.epoch == lowest.epoch ? lowest.sequence : 0
      let upper = hole.epoch == end.epoch ? end.sequence : .max
      guard lower <= upper, hole.range.overlaps(lower...upper) else { continue }
      let range = hole.range.clamped(to: lower...upper)
      guard let before = result else {
        result = (hole.epoch, limited(range), false)
        continue
      }
      guard before.epoch == hole.epoch, range.lowerBound - before.range.upperBound < Self.nearCount
      else { break }
      let whole = before.range.lowerBound...range.upperBound
      guard whole.numberCount <= ReplayRequest.numberCountMax else { break }
      result = (hole.epoch, whole, false)
    }
    return result
  }

  private func limited(_ range: ClosedRange<UInt64>) -> ClosedRange<UInt64> {
    let most = cappedSum(range.lowerBound, ReplayRequest.numberCountMax - 1)
    return range.lowerBound...min(range.upperBound, most)
  }

  /// What may be behind the last number that we have of an epoch that is over.
  private func tail(_ account: DeviceAccount) -> Wanted? {
    guard let lowest = account.checkpoint?.lowest, let end = account.reachable,
      lowest.epoch < end.epoch
    else { return nil }
    let most = end.epoch - min(end.epoch, Self.epochCountMax)
    for epoch in max(lowest.epoch, most)..<end.epoch where !account.ended.contains(epoch) {
      let begin = epoch == lowest.epoch ? lowest.sequence : 0
      let next = max(begin, account.covered[epoch]?.last.map { cappedSum($0, 1) } ?? 0)
      guard next < .max - ReplayRequest.numberCountMax else { continue }
      return (epoch, next...next + (ReplayRequest.numberCountMax - 1), true)
    }
    return nil
  }
}
