/// Takes what a receiver gets, has it stored, and sees to it that what is missing comes again.
///
/// It belongs to one thread, which calls `receive` for each message, `commit` when `isDue`, and
/// `tend` now and then. Only after `commit` has returned may the broker be told that it can forget
/// the messages. It has no clock of its own; times are seconds since 1970 UTC.
public final class Collector {
  /// What it has seen since it was made.
  public struct Figures: Equatable, Sendable {
    public var messageCount: UInt64 = 0
    public var malformedCount: UInt64 = 0
    public var stored = StoreTally()
    public var requestCount: UInt64 = 0
    public var commitCount: UInt64 = 0
    /// Numbers that are missing now, without a word of the gateway.
    public var holeCount: UInt64 = 0
    public var lostCount: UInt64 = 0
  }

  public private(set) var figures = Figures()
  private let store: any EventStore
  private let asksForReplay: Bool
  private let say: (String) -> Void
  private var batch: [Delivery] = []
  private var messagesInBatch = 0
  private var batchBegan = 0.0
  private var plan = ReplayPlan()
  private var isOnline: [String: Bool] = [:]
  private var backlogAt: [String: Double] = [:]

  /// A batch is stored when it is so old, in seconds: what is waited for are messages, and the
  /// broker sends no more of them than may be unacknowledged, 20 as a rule.
  static let batchSeconds = 0.02
  /// Or when it has so many messages: most of what a broker sends without an acknowledgement.
  static let batchMessageCount = 20
  /// How many devices' states are remembered; names come from the network.
  static let deviceCountMax = 4096

  /// - Parameters:
  ///   - asksForReplay: whether holes are asked for; otherwise they are only counted.
  ///   - say: takes what the user must know at once, in a line.
  public init(
    store: any EventStore, asksForReplay: Bool, say: @escaping (String) -> Void
  ) {
    self.store = store
    self.asksForReplay = asksForReplay
    self.say = say
  }

  /// Takes a message in.
  public func receive(topic: String, payload: [UInt8], contentType: String?, now: Double) {
    figures.messageCount += 1
    if messagesInBatch == 0 { batchBegan = now }
    messagesInBatch += 1
    do throws(DecodingFailure) {
      for message in try decode(payload, contentType: contentType, receivedAt: now) {
        guard message.isStorable else { throw .wrong("epoch or seq") }
        note(message, now: now)
        batch.append(Delivery(message: message, topic: topic, receivedAt: now))
      }
    } catch {
      figures.malformedCount += 1
      if figures.malformedCount <= 10 {
        say("malformed message on \(printable(topic)): \(error.text)")
      }
    }
  }

  private func note(_ message: Message, now: Double) {
    guard isOnline.count < Self.deviceCountMax, backlogAt.count < Self.deviceCountMax else {
      return
    }
    switch message {
    case .status(let status): isOnline[status.device] = status.isOnline
    case .record(let record) where record.isHistorical && !record.isReplayed:
      backlogAt[record.device] = now
    case .record, .checkpoint, .replayed, .log, .boot, .crash: break
    }
  }

  /// Whether something came that the broker must not forget yet.
  public var isPending: Bool { messagesInBatch > 0 }

  /// Whether it is time to commit.
  public func isDue(now: Double) -> Bool {
    isPending
      && (messagesInBatch >= Self.batchMessageCount || now - batchBegan >= Self.batchSeconds
        || now < batchBegan)
  }

  /// Stores everything that came.
  public func commit() throws(StoreFailure) {
    if !batch.isEmpty {
      let tally = try store.commit(batch)
      figures.commitCount += 1
      figures.stored.add(tally)
      for conflict in tally.conflicts { say("CONFLICT: \(conflict)") }
    }
    batch.removeAll(keepingCapacity: true)
    messagesInBatch = 0
  }

  /// Looks after the holes, and asks for what is missing by `publish(topic, payload)`. Needs
  /// nothing pending.
  public func tend(
    now: Double, publish: (String, String) -> Void
  ) throws(StoreFailure) {
    precondition(!isPending)
    figures.holeCount = 0
    figures.lostCount = 0
    for account in try store.accounts() {
      figures.holeCount = account.holes.reduce(figures.holeCount) {
        cappedSum($0, $1.range.numberCount)
      }
      figures.lostCount = cappedSum(figures.lostCount, account.lostCount)
      guard asksForReplay,
        let step = plan.step(
          account, isOnline: isOnline[account.device] ?? true,
          backlogAt: backlogAt[account.device], now: now),
        try store.take(step)
      else { continue }
      tell(step)
      guard step.asks, let replay = step.after, let topic = account.checkpointTopic else {
        continue
      }
      figures.requestCount += 1
      publish(
        siblingTopic(of: topic, named: "replay"), replay.request(to: account.device).payload)
    }
  }

  private func tell(_ step: ReplayStep) {
    for gap in step.lost {
      say(
        "lost: \(printable(step.device)) epoch \(gap.last.epoch) seq \(gap.first.sequence) to "
          + "\(gap.last.sequence): the gateway doesn't have them any more")
    }
    if step.asks, let replay = step.after, !replay.isTail {
      say(
        "missing: \(printable(step.device)) epoch \(replay.epoch) "
          + "seq \(replay.range.lowerBound) to \(replay.range.upperBound): asked for"
          + (replay.attemptCount > 1 ? ", attempt \(replay.attemptCount)" : ""))
    }
  }
}

extension Message {
  /// Whether all of its numbers fit the signed ones of a database. No gateway counts so far.
  var isStorable: Bool {
    let most = UInt64(Int64.max) - 1
    switch self {
    case .record(let record):
      if case .gap(let gap) = record.content, max(gap.first, gap.last ?? 0, gap.count) > most {
        return false
      }
      if case .window(let window) = record.content, window.count > most { return false }
      return max(record.epoch, record.sequence, record.readingSequence ?? 0) <= most
    case .checkpoint(let point):
      let places = [point.lowest, point.highest, point.acknowledged].compactMap { $0 }
      return places.allSatisfy { max($0.epoch, $0.sequence) <= most }
        && max(point.epoch, point.storedCount, point.evictedCount, point.droppedCount) <= most
    case .replayed(let answer): return max(answer.sentCount, answer.missingCount) <= most
    case .status, .log, .boot, .crash: return true
    }
  }
}
