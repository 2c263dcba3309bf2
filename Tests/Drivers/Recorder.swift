import Desk
import Foundation

/// A message as it came, and when.
public struct Received: Sendable {
  /// Seconds of CLOCK_MONOTONIC.
  public let at: Double
  public let topic: String
  public let payload: [UInt8]
  public let message: Message

  /// The crash inside, if it is one.
  public var crash: CrashReport? {
    if case .crash(let report) = message { report } else { nil }
  }

  /// The record inside, if it is one.
  public var record: Record? {
    if case .record(let record) = message { record } else { nil }
  }
}

/// A subscriber on a thread of its own that keeps everything that comes.
public final class Recorder: Sendable {
  private let shared = Shared()
  private let broker: String

  /// What the thread and the tests share, under its lock.
  private final class Shared: @unchecked Sendable {
    let condition = NSCondition()
    var received: [Received] = []
    var malformed: [String] = []
    var state: ConnectionState = .connecting
    var isEnding = false
    var hasEnded = false
  }

  /// Connects and subscribes; returns when the broker has confirmed it.
  ///
  /// - Parameter client: a name whose session the broker keeps, so that nothing is missed while it
  ///   restarts.
  public init(
    port: Int, topic: String = "weir/#", client: String? = nil, authority: Authority? = nil,
    user: (name: String, password: String)? = nil, end: NetworkLine.End? = nil
  ) throws {
    var settings = BrokerSettings()
    settings.port = port
    settings.topic = topic
    settings.client = client
    settings.authority = authority?.certificatePath
    settings.user = user?.name
    settings.password = user?.password
    if let end { settings.host = end.address }
    broker = "\(settings.host):\(port)"
    let shared = shared
    let fixed = settings
    Thread.detachNewThread {
      do {
        try end?.enter()
        Self.listen(fixed, shared)
      } catch {
        shared.condition.withLock {
          shared.state = .disconnected("\(error)")
          shared.hasEnded = true
        }
      }
    }
    try waitForSubscription(seconds: 10)
  }

  deinit {
    shared.condition.withLock { shared.isEnding = true }
    // The thread ends within one step, 50 ms.
    _ = waitUntil(seconds: 2) { shared.condition.withLock { shared.hasEnded } ? true : nil }
  }

  private static func listen(_ settings: BrokerSettings, _ shared: Shared) {
    defer { shared.condition.withLock { shared.hasEnded = true } }
    let receiver: Receiver
    do throws(ReceiverFailure) {
      receiver = try Receiver(settings) { topic, payload in take(topic, payload, shared) }
    } catch {
      shared.condition.withLock { shared.state = .disconnected(error.text) }
      return
    }
    while !shared.condition.withLock({ shared.isEnding }) {
      receiver.step(timeoutMilliseconds: 50)
      shared.condition.withLock {
        if shared.state != receiver.state { shared.condition.broadcast() }
        shared.state = receiver.state
      }
    }
  }

  private static func take(_ topic: String, _ payload: [UInt8], _ shared: Shared) {
    let at = secondsNow()
    shared.condition.withLock {
      do throws(DecodingFailure) {
        let messages = try decode(payload, receivedAt: Date().timeIntervalSince1970)
        shared.received += messages.map {
          Received(at: at, topic: topic, payload: payload, message: $0)
        }
      } catch {
        shared.malformed.append(
          "\(topic): \(error.text): \(String(decoding: payload, as: UTF8.self))")
      }
      shared.condition.broadcast()
    }
  }

  /// Everything so far, in the order in which it came.
  public var received: [Received] { shared.condition.withLock { shared.received } }
  public var records: [Record] { received.compactMap(\.record) }
  /// Payloads that are no messages of Weir, each with its reason.
  public var malformed: [String] { shared.condition.withLock { shared.malformed } }

  public func waitForSubscription(seconds: Double) throws {
    let end = Date().addingTimeInterval(seconds)
    try shared.condition.withLock {
      while shared.state != .subscribed {
        guard shared.condition.wait(until: end) else {
          throw DriverFailure("no subscription at \(broker): \(shared.state)")
        }
      }
    }
  }

  /// Waits for a message that answers the question, among all that came and come.
  @discardableResult
  public func wait<T>(
    _ what: String, seconds: Double, _ question: ([Received]) -> T?
  ) throws -> T {
    let end = Date().addingTimeInterval(seconds)
    shared.condition.lock()
    defer { shared.condition.unlock() }
    while true {
      if let answer = question(shared.received) { return answer }
      guard shared.condition.wait(until: end) else {
        if let answer = question(shared.received) { return answer }
        let last = shared.received.suffix(5).map { eventLine($0.message, now: 0) }
        throw DriverFailure(
          "not received within \(seconds) s: \(what); \(shared.received.count) messages came, "
            + "\(shared.malformed.count) malformed; the last:\n\(last.joined(separator: "\n"))")
      }
    }
  }

  /// Waits for one record.
  @discardableResult
  public func wait(
    _ what: String, seconds: Double, after: Double = 0, where test: (Record) -> Bool
  ) throws -> Received {
    try wait(what, seconds: seconds) { all in
      all.last { $0.at >= after && $0.record.map(test) == true }
    }
  }
}
