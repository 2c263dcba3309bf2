import CMosquitto
import Configuration
import Linux

/// One session with the broker, from the first SYN to its end. After any fault it is of no more
/// use: it is destroyed, and the next attempt makes a new one (libmosquitto objects are known to
/// wedge after errors of TLS: eclipse mosquitto 3258, 2421, 2328).
///
/// libmosquitto's thread is never started. The owner polls for `pollItem`
/// and calls `service` with what it found, at least once a second. Nothing here waits, but for
/// name resolution in `begin`: getaddrinfo(3) asks name servers for as long as the resolver's
/// settings say (`prepareProcess` limits it to 2 s a server, twice).
public struct MQTTSession: ~Copyable {
  /// How far the session is.
  public enum Phase: Equatable, Sendable {
    /// TCP's handshake.
    case connecting
    /// TLS's handshake, if any, and CONNECT until CONNACK.
    case greeting
    /// Accepted: messages can be published.
    case open
  }

  private var phase = Phase.connecting
  let handle: MosquittoHandle
  let events: SessionEvents
  private let usesTLS: Bool
  private let isVersion5: Bool

  /// What a process does once before its first session.
  public static func prepareProcess() {
    let result = mosquitto_lib_init()
    precondition(result == 0)  // it can only fail for lack of memory, at the start
  }

  /// Prepares a session; `begin` is next.
  public init(_ settings: SessionSettings) throws(UplinkFault) {
    let events = SessionEvents()
    handle = try MosquittoHandle.make(settings, events)
    self.events = events
    usesTLS = settings.usesTLS
    isVersion5 = settings.version == .v5
  }

  /// Starts to connect. Returns why that failed at once, or nil.
  public mutating func begin(_ settings: SessionSettings) -> UplinkFault? {
    // Safe: the pointer is used only during the call.
    let result = unsafe settings.host.withCString {
      unsafe mosquitto_connect_async(
        handle.pointer, $0, Int32(settings.port), Int32(settings.keepAliveSeconds))
    }
    return fault(result, .ofThread)
  }

  /// The descriptor, or -1 when the connection is gone.
  var socket: Int32 { handle.socket }

  /// What to poll for.
  public mutating func pollItem() -> PollItem { PollItem(socket, output: wantsOutput) }

  /// Whether to poll for output. While TLS shakes hands libmosquitto always has CONNECT to write,
  /// and polling for output would spin; there it is input that matters.
  private var wantsOutput: Bool {
    switch phase {
    case .connecting: true
    case .greeting: handle.wantsWrite && !(usesTLS && handle.isShakingHands)
    case .open: handle.wantsWrite
    }
  }

  /// How many bytes of the connection have reached the broker's machine; nil when that is unknown.
  func arrivedByteCount() -> Int64? { SocketInspection.arrivedByteCount(socket) }

  /// What the broker allows to be under way.
  public mutating func receiveMaximum() -> UInt16 { events.receiveMaximum }

  /// What a session is after it was served.
  public enum Outcome: Equatable, Sendable {
    case goesOn(Phase)
    case isOver(UplinkFault)
  }

  /// Does what a poll found to be possible, and what has become due.
  public mutating func service(_ item: PollItem) -> Outcome {
    if let fault = serve(item) { return .isOver(fault) }
    return .goesOn(phase)
  }

  private mutating func serve(_ item: PollItem) -> UplinkFault? {
    switch phase {
    case .connecting:
      guard item.hasOutput || item.hasFailed else { return nil }
      if let number = SocketInspection.takeError(socket) {
        let isClosed = number == .connectionReset || number == .brokenPipe
        return isClosed ? .closedBeforeAnswer : .network(number)
      }
      phase = .greeting
      return write()
    case .greeting:
      return greet(item)
    case .open:
      if item.hasInput || item.hasFailed, let fault = read() { return fault }
      if item.hasOutput, let fault = write() { return fault }
      let result = unsafe mosquitto_loop_misc(handle.pointer)
      return fault(result, .ofThread)
    }
  }

  private mutating func greet(_ item: PollItem) -> UplinkFault? {
    if item.hasInput || item.hasFailed {
      if !usesTLS {
        // libmosquitto would take any four bytes for a length and allocate that much.
        let (bytes, count) = SocketInspection.peek(socket)
        if count == 0 { return .closedBeforeAnswer }
        if let count,
          let fault = UplinkFault.ofFirstBytes(bytes, count: count, isVersion5: isVersion5)
        {
          return fault
        }
      }
      if let fault = read() { return fault }
    }
    if events.connectCode == 0 {
      phase = .open
      // From here on each message would be a line of log that nobody reads.
      handle.stopLog()
    }
    return handle.wantsWrite ? write() : nil
  }

  private func read() -> UplinkFault? {
    // Safe: the object lives as long as this session.
    let result = unsafe mosquitto_loop_read(handle.pointer, 1)
    return fault(result, .ofThread)
  }

  private func write() -> UplinkFault? {
    // Safe: as above.
    let result = unsafe mosquitto_loop_write(handle.pointer, 1)
    return fault(result, .ofThread)
  }

  /// Hands out the acknowledgements that the last `service` brought.
  mutating func takeAcknowledgements(_ body: (Acknowledgement) -> Void) {
    events.takeAcknowledgements(body)
  }

  /// Hands out the requests that came, if any, and whether the subscription was refused.
  mutating func takeRequests() -> SessionRequests? { events.takeRequests() }

  /// Says DISCONNECT, so that the broker forgets the will. The session is over.
  public mutating func leave() {
    // Safe: the object lives as long as this session. Nobody is left to be told of a failure: the
    // broker then publishes the will, which says the same.
    _ = unsafe mosquitto_disconnect(handle.pointer)
    _ = unsafe mosquitto_loop_write(handle.pointer, 1)
  }
}

/// What became of a message.
enum PublishResult: Equatable {
  /// Under way, with this packet identifier.
  case sent(messageID: UInt16)
  /// The broker's maximum packet size is smaller, or the topic is not one: it can never be sent.
  case impossible
  case failed(UplinkFault)
}

extension MQTTSession {
  /// Publishes with QoS 1. `properties` count only in MQTT 5.
  mutating func publish(
    topic: [CChar], payload: UnsafeBufferPointer<UInt8>, retained: Bool,
    properties: borrowing MessageProperties
  ) -> PublishResult {
    precondition(phase == .open)
    var messageID: Int32 = 0
    // What is told once a session needs no number.
    let use = retained ? .whole : properties.add(events.aliases.use(of: topic))
    // Safe: libmosquitto copies topic, payload and properties before it returns.
    let result = unsafe topic.withUnsafeBufferPointer {
      unsafe mosquitto_publish_v5(
        handle.pointer, &messageID, use.isTopicLeftOut ? nil : $0.baseAddress,
        Int32(payload.count), payload.baseAddress, 1, retained,
        isVersion5 ? properties.list : nil)
    }
    let number = Errno.ofThread
    if result == 0, case .introduced = use { events.aliases.noteIntroduced(topic) }
    switch result {
    case 0: return .sent(messageID: UInt16(truncatingIfNeeded: messageID))
    case MOSQ_ERR_OVERSIZE_PACKET.rawValue, MOSQ_ERR_PAYLOAD_SIZE.rawValue,
      MOSQ_ERR_MALFORMED_UTF8.rawValue, MOSQ_ERR_INVAL.rawValue:
      return .impossible
    default: return .failed(fault(result, number) ?? .dropped)
    }
  }

  /// Asks for what is published on the topic, with QoS 1.
  mutating func subscribe(_ topic: [CChar]) -> PublishResult {
    precondition(phase == .open)
    var messageID: Int32 = 0
    // Safe: libmosquitto copies the topic before it returns.
    let result = unsafe topic.withUnsafeBufferPointer {
      unsafe mosquitto_subscribe_v5(handle.pointer, &messageID, $0.baseAddress, 1, 0, nil)
    }
    let number = Errno.ofThread
    switch result {
    case 0: return .sent(messageID: UInt16(truncatingIfNeeded: messageID))
    case MOSQ_ERR_OVERSIZE_PACKET.rawValue, MOSQ_ERR_MALFORMED_UTF8.rawValue,
      MOSQ_ERR_INVAL.rawValue:
      return .impossible
    default: return .failed(fault(result, number) ?? .dropped)
    }
  }

  /// Publishes a JSON object, not retained.
  mutating func publishText(_ payload: [UInt8], topic: [CChar]) -> PublishResult {
    let properties = MessageProperties(contentType: "application/json")
    // Safe: the buffer outlives the call.
    return unsafe payload.withUnsafeBufferPointer {
      unsafe publish(topic: topic, payload: $0, retained: false, properties: properties)
    }
  }

  /// Publishes one of the two states of this device, or its checkpoint, retained.
  mutating func publishStatus(_ payload: [UInt8], topic: [CChar]) -> PublishResult {
    let properties = MessageProperties()
    // Safe: the buffer outlives the call.
    return unsafe payload.withUnsafeBufferPointer {
      unsafe publish(topic: topic, payload: $0, retained: true, properties: properties)
    }
  }
}

// MARK: - Faults

extension MQTTSession {
  /// Why the session is over, from a result of libmosquitto, the errno of that call, and what its
  /// callbacks saw; nil when it is not over.
  private func fault(_ result: Int32, _ number: Errno) -> UplinkFault? {
    if result == 0, socket >= 0 { return nil }
    if let code = events.connectCode, code != 0 { return moved(code) ?? .refused(code: code) }
    if result == 0 {
      // Closed without an error: the broker's DISCONNECT.
      let code = UInt8(truncatingIfNeeded: events.disconnectCode ?? 0)
      return moved(code) ?? .sentAway(code: code)
    }
    if usesTLS, phase != .open, let fault = securityFault() { return fault }
    switch result {
    case MOSQ_ERR_NOMEM.rawValue: return .outOfMemory
    case MOSQ_ERR_CONN_LOST.rawValue: return lost
    case MOSQ_ERR_NO_CONN.rawValue: return lost
    case MOSQ_ERR_KEEPALIVE.rawValue: return .keepAlive
    case MOSQ_ERR_QOS_NOT_SUPPORTED.rawValue: return .qosUnsupported
    case MOSQ_ERR_MALFORMED_PACKET.rawValue where phase != .open && usesTLS && isVersion5:
      // Inside of TLS the first bytes can't be looked at: what libmosquitto can't read there is the
      // shorter CONNACK of a broker that only knows MQTT 3.
      return .refused(code: 1)
    case MOSQ_ERR_PROTOCOL.rawValue, MOSQ_ERR_MALFORMED_PACKET.rawValue,
      MOSQ_ERR_DUPLICATE_PROPERTY.rawValue:
      return phase == .open ? .protocolViolation : .notMQTT
    case MOSQ_ERR_TLS.rawValue: return lost  // without a reason: the connection broke
    case MOSQ_ERR_EAI.rawValue:
      let error = NameError(number.rawValue)
      return error.isUnknownName ? .nameUnknown : .nameServerSilent(error)
    case MOSQ_ERR_ERRNO.rawValue:
      switch number {
      // libmosquitto's word for an error of TLS without a reason; a write after the end; and none
      // at all, when the stream ends inside of a packet.
      case .protocolFault, .brokenPipe, .connectionReset, .none: return lost
      default: return .network(number)
      }
    default: return .library(result)
    }
  }

  /// 0x9C: use another server, 0x9D: server moved (MQTT 5, section 4.11).
  private func moved(_ code: UInt8) -> UplinkFault? {
    guard code == 0x9C || code == 0x9D else { return nil }
    return .moved(
      isForGood: code == 0x9D, to: String(decoding: events.serverReference, as: UTF8.self))
  }

  private var lost: UplinkFault { phase == .open ? .dropped : .closedBeforeAnswer }

  private func securityFault() -> UplinkFault? {
    if events.isAuthorityFileBad { return .caFileUnusable }
    if events.isCertificateFileBad { return .certificateFileUnusable }
    if events.isKeyFileBad { return .keyFileUnusable }
    guard events.securityReason != 0 || events.isWrongHost else { return nil }
    return UplinkFault.ofTLS(
      reason: events.securityReason, verification: events.verification,
      isWrongHost: events.isWrongHost)
  }
}

extension Errno {
  /// Of the call that this thread just made.
  static var ofThread: Errno { SystemError.last("").number }
  /// EPROTO.
  static var protocolFault: Errno { Errno(rawValue: 71) }
  static var none: Errno { Errno(rawValue: 0) }
  /// ECONNRESET.
  static var connectionReset: Errno { Errno(rawValue: 104) }
  /// EPIPE.
  static var brokenPipe: Errno { Errno(rawValue: 32) }
}
