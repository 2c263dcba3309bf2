import Desk
import Foundation

/// The loop of `weirctl receive`: reads, stores, acknowledges, asks, and says how it stands.
final class Receiving {
  let collector: Collector
  /// Why it ended before its time.
  private(set) var fault: String?
  private let receiver: Receiver
  private let broker: String
  private var state: ConnectionState?
  private var tendedAt = 0.0
  private var summarizedAt = 0.0

  private static let tendSeconds = 0.5
  private static let summarySeconds = 10.0
  /// Each turn ends at the latest after this, in milliseconds; with something to store, when that
  /// is due.
  private static let turnMilliseconds: Int32 = 100
  private static let pendingMilliseconds: Int32 = 5

  init(
    _ settings: BrokerSettings, store: any EventStore, asksForReplay: Bool
  ) throws(ReceiverFailure) {
    let collector = Collector(store: store, asksForReplay: asksForReplay) { Self.say($0) }
    self.collector = collector
    broker = "\(settings.host):\(settings.port)"
    receiver = try Receiver(
      settings,
      onTypedMessage: { topic, payload, type in
        collector.receive(topic: topic, payload: payload, contentType: type, now: Self.now)
      })
  }

  /// Runs until a signal, the end of the time, or a fault.
  func run(seconds: Double?) throws(StoreFailure) {
    let end = seconds.map { Self.now + $0 }
    summarizedAt = Self.now
    while Signals.ending == nil, fault == nil {
      let now = Self.now
      if let end, now >= end { break }
      receiver.step(
        timeoutMilliseconds: collector.isPending
          ? Self.pendingMilliseconds : Self.turnMilliseconds)
      try settle(isEnding: false)
      tell()
    }
    try settle(isEnding: true)
    summarize()
  }

  private func settle(isEnding: Bool) throws(StoreFailure) {
    let now = Self.now
    // What came on a connection that broke comes again; stored now, it is known then.
    if isEnding || receiver.state != .subscribed || collector.isDue(now: now) {
      try collector.commit()
      receiver.acknowledge()
    }
    guard isEnding || now - tendedAt >= Self.tendSeconds || now < tendedAt else { return }
    guard !collector.isPending else { return }
    tendedAt = now
    try collector.tend(now: now) { receiver.publish(topic: $0, payload: $1) }
  }

  private func tell() {
    let now = Self.now
    if receiver.isReplaced {
      fault =
        "another program uses the client name at \(broker): end it, or choose another --client"
    }
    if receiver.state != state {
      state = receiver.state
      switch receiver.state {
      case .connecting: break
      case .subscribed: Self.say("connected to \(broker)")
      case .disconnected(let reason): Self.say("waiting for the broker at \(broker): \(reason)")
      }
    }
    guard now - summarizedAt >= Self.summarySeconds || now < summarizedAt else { return }
    summarizedAt = now
    summarize()
  }

  func summarize() {
    let figures = collector.figures
    let stored = figures.stored
    Self.say(
      "received \(stored.newCount) (historical \(stored.historicalCount), replayed "
        + "\(stored.replayedCount)), duplicates \(stored.duplicateCount), gaps explained "
        + "\(stored.gapCount) (\(stored.goneCount) events), holes \(figures.holeCount), lost "
        + "\(figures.lostCount), requests \(figures.requestCount), conflicts "
        + "\(stored.conflictCount), malformed \(figures.malformedCount), messages "
        + "\(figures.messageCount), commits \(figures.commitCount)")
  }

  private static var now: Double { Date().timeIntervalSince1970 }

  /// Tells the user something, at once and in one piece.
  static func say(_ line: String) {
    // Nobody can be told that standard error is gone.
    _ = writeAll("weirctl: \(line)\n", to: 2)
  }
}
