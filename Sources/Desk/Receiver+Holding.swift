import CMosquitto
import Glibc

// Acknowledging late. libmosquitto 2 queues the PUBACK of a QoS 1 message before it calls back, and
// writes it at once; it has no acknowledgement by hand. But of a client that says it is driven by
// threads of its own (`mosquitto_threaded_set`) it only queues packets, and leaves the writing to
// who calls `mosquitto_loop_write`. So here we read and write ourselves, and write nothing while
// messages are held: no PUBACK, and no PING, for which the owner has the seconds of the keepalive.
extension Receiver {
  /// Beside each connection attempt the keepalive, in seconds.
  private static let keepAliveSeconds: Int32 = 15
  /// How much may be held before `step` returns, so that it is stored within a fifth of a second:
  /// 200 packs of 64 events take that long to decode and store.
  private static let heldCountMax = 200
  private static let heldByteCountMax = 4 << 20

  /// Lets the broker forget all messages that were handed over so far.
  public func acknowledge() {
    heldCount = 0
    heldByteCount = 0
    // Safe: the client lives as long as this object. An error shows again in the next step.
    _ = unsafe mosquitto_loop_write(client, 1)
  }

  /// Publishes with QoS 1, not retained. Without a connection it is not sent, and false.
  @discardableResult
  public func publish(topic: String, payload: String) -> Bool {
    guard state == .subscribed else { return false }
    let bytes = Array(payload.utf8)
    // Safe: topic and payload are copied by the library.
    return unsafe bytes.withUnsafeBytes {
      unsafe mosquitto_publish(
        client, nil, topic, Int32($0.count), $0.baseAddress, 1, false)
    } == MOSQ_ERR_SUCCESS.intValue
  }

  func setVersion() {
    // Safe: the client lives as long as this object. Both numbers are valid.
    if settings.isVersion5 {
      unsafe mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, Int32(MQTT_PROTOCOL_V5))
      unsafe mosquitto_int_option(
        client, MOSQ_OPT_RECEIVE_MAXIMUM, Int32(Receiver.heldCountMax))
    }
    if settings.holdsAcknowledgements { unsafe mosquitto_threaded_set(client, true) }
  }

  /// Trusts whom the system trusts.
  func trustSystem() throws(ReceiverFailure) {
    // Safe: as above.
    let result = unsafe mosquitto_int_option(client, MOSQ_OPT_TLS_USE_OS_CERTS, 1)
    guard result == MOSQ_ERR_SUCCESS.intValue else {
      throw ReceiverFailure("the system's authorities cannot be used: name one with --ca")
    }
  }

  /// Connects, with the session's lifetime. It blocks until the connection stands or a signal
  /// comes: libmosquitto takes properties in no other way.
  func connectVersion5() -> Int32 {
    var properties: OpaquePointer?
    // Safe: the list is ours until it is freed, and copied by the library.
    defer { unsafe mosquitto_property_free_all(&properties) }
    let result = unsafe mosquitto_property_add_int32(
      &properties, Int32(MQTT_PROP_SESSION_EXPIRY_INTERVAL.rawValue), settings.sessionSeconds)
    guard result == MOSQ_ERR_SUCCESS.intValue else { return result }
    return unsafe mosquitto_connect_bind_v5(
      client, settings.host, Int32(settings.port), Self.keepAliveSeconds, nil, properties)
  }

  /// One turn: waits, reads all there is, and writes if nothing is held.
  func serveHolding(_ timeoutMilliseconds: Int32) -> Int32 {
    let socket = unsafe mosquitto_socket(client)
    guard socket >= 0 else { return MOSQ_ERR_CONN_LOST.intValue }
    var item = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    if heldCount == 0, wantsWrite { item.events |= Int16(POLLOUT) }
    // Safe, in all of this: the structure outlives the call, the client lives as long as this
    // object.
    guard unsafe poll(&item, 1, timeoutMilliseconds) >= 0 else { return 0 }
    var isReadable = item.revents & ~Int16(POLLOUT) != 0
    while isReadable {
      let result = unsafe mosquitto_loop_read(client, 1)
      guard result == 0, unsafe mosquitto_socket(client) == socket else {
        return result == 0 ? MOSQ_ERR_CONN_LOST.intValue : result
      }
      guard heldCount < Self.heldCountMax, heldByteCount < Self.heldByteCountMax else { break }
      item.events = Int16(POLLIN)
      isReadable = unsafe hasBytes || poll(&item, 1, 0) > 0
    }
    let result = unsafe mosquitto_loop_misc(client)
    guard result == 0, heldCount == 0, unsafe mosquitto_want_write(client) else { return result }
    return unsafe mosquitto_loop_write(client, 1)
  }

  /// Whether to wait until output is possible. In a handshake of TLS libmosquitto always has
  /// CONNECT to write, and the wait would be none.
  private var wantsWrite: Bool {
    guard unsafe mosquitto_want_write(client) else { return false }
    guard let ssl = unsafe mosquitto_ssl_get(client) else { return true }
    return unsafe SSL_is_init_finished(OpaquePointer(ssl)) != 0
  }

  /// Whether TLS has bytes that a wait would not see.
  private var hasBytes: Bool {
    guard let ssl = unsafe mosquitto_ssl_get(client) else { return false }
    return unsafe SSL_pending(OpaquePointer(ssl)) > 0
  }
}
