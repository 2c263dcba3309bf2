import CMosquitto
import FoundationEssentials
import Glibc

/// Which broker to ask, and as whom.
public struct BrokerSettings: Sendable {
  public var host = "127.0.0.1"
  public var port = 1883
  public var topic = "weir/#"
  public var user: String?
  public var password: String?
  /// PEM files; with a CA the connection is TLS.
  public var authority: String?
  public var certificate: String?
  public var key: String?
  /// TLS with the authorities of the system, where `authority` is nil.
  public var usesSystemAuthorities = false
  /// A client name keeps its session at the broker over disconnections; without one each
  /// connection starts empty.
  public var client: String?
  /// MQTT 5 instead of 3.1.1.
  public var isVersion5 = false
  /// How long the broker keeps the session of an absent client, in seconds; MQTT 5 only, in 3.1.1
  /// the broker decides.
  public var sessionSeconds: UInt32 = 0
  /// The group with which the messages of `topic` are shared, so that each goes to one of the
  /// group.
  public var group: String?
  /// Topics to subscribe to beside it, not shared.
  public var moreTopics: [String] = []
  /// No message is acknowledged before `Receiver.acknowledge`.
  public var holdsAcknowledgements = false

  public init() {}
}

/// How the connection to the broker stands.
public enum ConnectionState: Equatable, Sendable {
  /// Not yet tried, or tried and not answered.
  case connecting
  /// The last attempt failed, or the connection broke, with the reason; tried again every second.
  case disconnected(String)
  /// Connected and subscribed.
  case subscribed
}

/// A subscriber: keeps a connection to a broker and hands over what comes. It belongs to one thread
/// and does something only inside `step`.
///
/// libmosquitto may ask for memory and may block while it resolves a name; the connection itself
/// does not block.
@safe public final class Receiver {
  public private(set) var state: ConnectionState = .connecting
  /// How often a connection was made; above one, messages may have been missed between two.
  public private(set) var connectionCount = 0

  /// Another client took the session over, so that going on would take it back, and so on.
  public private(set) var isReplaced = false

  let settings: BrokerSettings
  private let onMessage: (_ topic: String, _ payload: [UInt8], _ contentType: String?) -> Void
  let client: OpaquePointer
  private var isAttempting = false
  private var attemptedAt: Double = -.infinity
  private var lastLibraryError = ""
  private var confirmedCount = 0
  /// Messages since the last `acknowledge`.
  var heldCount = 0
  var heldByteCount = 0

  /// Between two attempts, in seconds: short enough for somebody who watches.
  private static let retrySeconds = 1.0
  /// A broker that takes the connection and says nothing is given up after this, in seconds.
  private static let answerSeconds = 10.0

  /// - Throws: `ReceiverFailure` when the settings cannot work, such as a CA that is no file.
  public convenience init(
    _ settings: BrokerSettings, onMessage: @escaping (String, [UInt8]) -> Void
  ) throws(ReceiverFailure) {
    try self.init(settings) { topic, payload, _ in onMessage(topic, payload) }
  }

  /// As above; the third of the message is its content type, which MQTT 3.1.1 does not have.
  public init(
    _ settings: BrokerSettings, onTypedMessage: @escaping (String, [UInt8], String?) -> Void
  ) throws(ReceiverFailure) {
    self.settings = settings
    self.onMessage = onTypedMessage
    mosquitto_lib_init()
    // Safe: the strings are copied by the library.
    guard
      let client = unsafe mosquitto_new(settings.client, settings.client == nil, nil)
    else { throw ReceiverFailure("libmosquitto gave no client: the name is not valid") }
    unsafe self.client = client
    // Safe: the pointer is given back only while this object lives: `deinit` destroys the client.
    unsafe mosquitto_user_data_set(client, Unmanaged.passUnretained(self).toOpaque())
    setCallbacks()
    try authenticate()
    setVersion()
  }

  deinit {
    // Safe: the client was made in `init` and nobody uses it after this.
    unsafe mosquitto_disconnect(client)
    unsafe mosquitto_destroy(client)
    mosquitto_lib_cleanup()
  }

  /// Does what there is to do, and waits at most `timeoutMilliseconds` for it. A signal ends the
  /// wait.
  public func step(timeoutMilliseconds: Int32) {
    if !isAttempting {
      let wait = attemptedAt + Self.retrySeconds - secondsOfMonotonicClock()
      guard wait <= 0 else {
        let pause = min(Int32(wait * 1000) + 1, timeoutMilliseconds)
        _ = poll(nil, 0, pause)
        return
      }
      attempt()
      return
    }
    // Safe: the client lives as long as this object.
    let result =
      settings.holdsAcknowledgements
      ? serveHolding(timeoutMilliseconds) : unsafe mosquitto_loop(client, timeoutMilliseconds, 1)
    if result != MOSQ_ERR_SUCCESS.intValue {
      fail(reason(result))
    } else if state != .subscribed,
      secondsOfMonotonicClock() - attemptedAt > Self.answerSeconds
    {
      fail("no answer within \(Int(Self.answerSeconds)) s")
    }
  }

  private func attempt() {
    isAttempting = true
    attemptedAt = secondsOfMonotonicClock()
    lastLibraryError = ""
    confirmedCount = 0
    // What was held has no connection any more to be acknowledged on, and comes again.
    // Safe: the host is copied by the library.
    let result =
      settings.isVersion5
      ? connectVersion5()
      : unsafe mosquitto_connect_async(client, settings.host, Int32(settings.port), 15)
    if result != MOSQ_ERR_SUCCESS.intValue { fail(reason(result)) }
  }

  private func fail(_ reason: String) {
    // A refusal names itself before the connection closes; that name is the better one.
    if isAttempting { state = .disconnected(reason) }
    isAttempting = false
    // Safe: the client lives as long as this object. An error means that it was not connected.
    _ = unsafe mosquitto_disconnect(client)
  }

  private func authenticate() throws(ReceiverFailure) {
    if let user = settings.user {
      // Safe: the strings are copied by the library.
      guard unsafe mosquitto_username_pw_set(client, user, settings.password) == 0 else {
        throw ReceiverFailure("the user name or password is not valid")
      }
    }
    guard let authority = settings.authority else {
      if settings.usesSystemAuthorities { try trustSystem() }
      return
    }
    // Safe: the strings are copied by the library.
    let result = unsafe mosquitto_tls_set(
      client, authority, nil, settings.certificate, settings.key, nil)
    guard result == MOSQ_ERR_SUCCESS.intValue else {
      throw ReceiverFailure("the CA, certificate or key cannot be used: \(reason(result))")
    }
  }

  private func reason(_ result: Int32) -> String {
    // What went wrong with TLS is only in the library's log; the result may name any consequence.
    if !lastLibraryError.isEmpty { return lastLibraryError }
    if result == MOSQ_ERR_ERRNO.intValue {
      // Safe: strerror returns a terminated string that lives until the next call.
      return unsafe String(cString: strerror(errno))
    }
    // Safe: a static, terminated string.
    return unsafe String(cString: mosquitto_strerror(result))
  }

  // What the library calls, all of it inside `mosquitto_loop`.

  private func setCallbacks() {
    // Safe in each of the five: the object outlives its client, and so does what the library passes
    // outlive the call.
    unsafe mosquitto_connect_callback_set(client) { _, object, code in
      unsafe Receiver.from(object).connected(code)
    }
    unsafe mosquitto_subscribe_callback_set(client) { _, object, _, count, granted in
      let refused = unsafe count > 0 && (granted.map { unsafe $0[0] } ?? 0) >= 0x80
      unsafe Receiver.from(object).subscribed(isRefused: refused)
    }
    unsafe mosquitto_message_v5_callback_set(client) { _, object, message, properties in
      guard let message = unsafe message else { return }
      let topic = unsafe String(cString: message.pointee.topic)
      let bytes = unsafe UnsafeRawBufferPointer(
        start: message.pointee.payload, count: Int(message.pointee.payloadlen))
      let receiver = unsafe Receiver.from(object)
      receiver.heldCount += 1
      receiver.heldByteCount += bytes.count
      receiver.onMessage(topic, unsafe Array(bytes), unsafe contentType(properties))
    }
    unsafe mosquitto_disconnect_v5_callback_set(client) { _, object, code, _ in
      guard code == 0x8E else { return }  // session taken over (MQTT 5, §3.14.2.1)
      unsafe Receiver.from(object).isReplaced = true
    }
    unsafe mosquitto_log_callback_set(client) { _, object, level, text in
      guard level == 0x08, let text = unsafe text else { return }  // MOSQ_LOG_ERR
      unsafe Receiver.from(object).lastLibraryError = unsafe String(cString: text)
    }
  }

  private static func from(_ object: UnsafeMutableRawPointer?) -> Receiver {
    // Safe: it is what `init` set, and set once.
    unsafe Unmanaged<Receiver>.fromOpaque(object.unsafelyUnwrapped).takeUnretainedValue()
  }

  private func connected(_ code: Int32) {
    guard code == 0 else {
      // Safe: a static, terminated string.
      fail(
        unsafe String(
          cString: settings.isVersion5
            ? mosquitto_reason_string(code) : mosquitto_connack_string(code)))
      return
    }
    for topic in topics {
      // Safe: the topic is copied by the library.
      let result = unsafe mosquitto_subscribe(client, nil, topic, 1)
      if result != MOSQ_ERR_SUCCESS.intValue { return fail("cannot subscribe to '\(topic)'") }
    }
  }

  private var topics: [String] {
    [settings.group.map { "$share/\($0)/" + settings.topic } ?? settings.topic]
      + settings.moreTopics
  }

  private func subscribed(isRefused: Bool) {
    if isRefused {
      fail("the broker refuses a subscription to '\(settings.topic)'")
      return
    }
    confirmedCount += 1
    guard confirmedCount == topics.count else { return }
    connectionCount += 1
    state = .subscribed
  }
}

/// Why a receiver cannot even start, in one line for the user.
public struct ReceiverFailure: Error, Equatable, Sendable {
  public let text: String
  init(_ text: String) { self.text = text }
}

extension mosq_err_t {
  var intValue: Int32 { Int32(rawValue) }
}

/// The content type among the properties of a message.
private func contentType(_ properties: OpaquePointer?) -> String? {
  var text: UnsafeMutablePointer<CChar>?
  // Safe: the text is a copy, which is ours to free.
  guard
    unsafe mosquitto_property_read_string(
      properties, Int32(MQTT_PROP_CONTENT_TYPE.rawValue), &text, false) != nil,
    let text = unsafe text
  else { return nil }
  defer { unsafe free(text) }
  return unsafe String(cString: text)
}

private func secondsOfMonotonicClock() -> Double {
  var time = timespec()
  // Safe: the structure outlives the call; the clock exists on every Linux.
  _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
