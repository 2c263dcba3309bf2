import CMosquitto
import Configuration
import Linux

/// The libmosquitto object of a session, destroyed at the end of its life.
@safe struct MosquittoHandle: ~Copyable {
  let pointer: OpaquePointer

  /// An object that is ready to connect. `events` must outlive it.
  static func make(
    _ settings: SessionSettings, _ events: SessionEvents
  ) throws(UplinkFault) -> MosquittoHandle {
    let handle = try MosquittoHandle(settings.clientIdentifier, events)
    try handle.configure(settings)
    if settings.usesTLS { try handle.configureSecurity(settings) }
    return handle
  }

  private init(_ clientIdentifier: String, _ events: SessionEvents) throws(UplinkFault) {
    // Safe: the identifier is copied; the callbacks run only inside of calls that the owner of both
    // objects makes.
    let context = unsafe Unmanaged.passUnretained(events).toOpaque()
    let pointer = unsafe clientIdentifier.withCString { unsafe mosquitto_new($0, true, context) }
    guard let pointer = unsafe pointer else { throw .outOfMemory }
    unsafe self.pointer = unsafe pointer
    setCallbacks()
  }

  deinit {
    // Safe: nobody uses the object after its owner's life.
    unsafe mosquitto_destroy(pointer)
  }

  // Safe, in all that follows: the object lives as long as this handle.

  var socket: Int32 { unsafe mosquitto_socket(pointer) }

  var wantsWrite: Bool { unsafe mosquitto_want_write(pointer) }

  /// Whether TLS's handshake is going on.
  var isShakingHands: Bool {
    guard let ssl = unsafe mosquitto_ssl_get(pointer) else { return false }
    return unsafe SSL_is_init_finished(OpaquePointer(ssl)) == 0
  }

  func stopLog() { unsafe mosquitto_log_callback_set(pointer, nil) }

  private func setCallbacks() {
    unsafe mosquitto_connect_v5_callback_set(pointer) { _, context, code, _, properties in
      guard let events = unsafe sessionEvents(context) else { return }
      events.connectCode = UInt8(truncatingIfNeeded: code)
      var maximum: UInt16 = 0
      if unsafe mosquitto_property_read_int16(
        properties, MQTT_PROP_RECEIVE_MAXIMUM.number, &maximum, false) != nil, maximum > 0
      {
        events.receiveMaximum = maximum
      }
      var aliasMaximum: UInt16 = 0
      if unsafe mosquitto_property_read_int16(
        properties, MQTT_PROP_TOPIC_ALIAS_MAXIMUM.number, &aliasMaximum, false) != nil
      {
        events.aliases = TopicAliases(maximum: aliasMaximum)
      }
      unsafe events.noteServerReference(properties)
      var size: UInt32 = 0
      if unsafe mosquitto_property_read_int32(
        properties, MQTT_PROP_MAXIMUM_PACKET_SIZE.number, &size, false) != nil, size > 0
      {
        events.maximumPacketSize = size
      }
    }
    unsafe mosquitto_disconnect_v5_callback_set(pointer) { _, context, code, properties in
      guard let events = unsafe sessionEvents(context) else { return }
      events.disconnectCode = code
      unsafe events.noteServerReference(properties)
    }
    unsafe mosquitto_publish_v5_callback_set(pointer) { _, context, messageID, code, _ in
      unsafe sessionEvents(context)?.add(
        Acknowledgement(
          messageID: UInt16(truncatingIfNeeded: messageID),
          code: UInt8(truncatingIfNeeded: code)))
    }
    setSubscriptionCallbacks()
    unsafe mosquitto_log_callback_set(pointer) { session, context, level, text in
      // Errors only: the rest is a line for each packet.
      guard level == MOSQ_LOG_ERR, let text = unsafe text else { return }
      unsafe sessionEvents(context)?.note(log: text, session: session)
    }
  }

  private func setSubscriptionCallbacks() {
    unsafe mosquitto_message_v5_callback_set(pointer) { _, context, message, _ in
      guard let message = unsafe message?.pointee else { return }
      // A request that the broker keeps would be carried out in each session anew.
      guard unsafe !message.retain else { return }
      let bytes = unsafe UnsafeRawBufferPointer(
        start: message.payload, count: Int(max(message.payloadlen, 0)))
      unsafe sessionEvents(context)?.add(request: bytes)
    }
    unsafe mosquitto_subscribe_v5_callback_set(pointer) { _, context, _, count, codes, _ in
      guard count > 0, let codes = unsafe codes else { return }
      // 0x80 and above: refused, in both versions (MQTT 3.1.1, 3.9.3; MQTT 5, 3.9.3).
      if unsafe codes[0] >= 0x80 { unsafe sessionEvents(context)?.isSubscriptionRefused = true }
    }
  }

  /// Version, window, user and will.
  private func configure(_ settings: SessionSettings) throws(UplinkFault) {
    let version = settings.version == .v5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311
    try check(
      unsafe mosquitto_int_option(pointer, MOSQ_OPT_PROTOCOL_VERSION, Int32(version)))
    // Room for birth and will beside the window, so that libmosquitto itself never queues.
    try check(
      unsafe mosquitto_int_option(
        pointer, MOSQ_OPT_SEND_MAXIMUM, Int32(settings.inFlightWindow) + 8))
    try check(unsafe mosquitto_int_option(pointer, MOSQ_OPT_TCP_NODELAY, 1))
    if !settings.user.isEmpty {
      try check(
        unsafe settings.user.withCString { user in
          unsafe settings.password.withCString {
            unsafe mosquitto_username_pw_set(
              pointer, user, settings.password.isEmpty ? nil : $0)
          }
        })
    }
    try check(
      unsafe settings.offlinePayload.withUnsafeBufferPointer { payload in
        unsafe settings.statusTopic.withUnsafeBufferPointer {
          unsafe mosquitto_will_set(
            pointer, $0.baseAddress, Int32(payload.count), payload.baseAddress, 1, true)
        }
      })
  }

  /// Authorities, our certificate, TLS 1.2 or later. The broker's certificate and its name are
  /// always checked: there is no setting that would switch it off.
  private func configureSecurity(_ settings: SessionSettings) throws(UplinkFault) {
    leaveOutErrorTexts()
    var authorities: String? = settings.caFile
    var folder: String?
    if settings.caFile.isEmpty {
      if SystemAuthorities.hasHashedFolder() {
        authorities = nil
        folder = SystemAuthorities.folder
      } else {
        authorities = SystemAuthorities.bundle
      }
    }
    if let authorities, !isReadable(authorities) { throw .caFileUnusable }
    let hasCertificate = !settings.certificateFile.isEmpty
    if hasCertificate {
      if !isReadable(settings.certificateFile) { throw .certificateFileUnusable }
      if !isReadable(settings.keyFile) { throw .keyFileUnusable }
    }
    let result = unsafe withOptionalCString(authorities) { authorities in
      unsafe withOptionalCString(folder) { folder in
        unsafe withOptionalCString(hasCertificate ? settings.certificateFile : nil) { certificate in
          unsafe withOptionalCString(hasCertificate ? settings.keyFile : nil) { key in
            // A key with a password: a gateway has nobody to ask, so the answer is always empty,
            // instead of libcrypto's question on the terminal.
            unsafe mosquitto_tls_set(
              pointer, authorities, folder, certificate, key, { _, _, _, _ in 0 })
          }
        }
      }
    }
    try check(result)
    // 1: the certificate is verified. "tlsv1.2" is libmosquitto's word for that and all later ones.
    try check(
      unsafe "tlsv1.2".withCString { unsafe mosquitto_tls_opts_set(pointer, 1, $0, nil) })
    try check(unsafe mosquitto_tls_insecure_set(pointer, false))
    if let time = settings.judgingTime { try judgeCertificates(after: time) }
  }

  private func check(_ result: Int32) throws(UplinkFault) {
    if result == MOSQ_ERR_NOMEM.rawValue { throw .outOfMemory }
    if result != 0 { throw .library(result) }
  }
}

/// The events behind the context pointer of a callback.
private func sessionEvents(_ context: UnsafeMutableRawPointer?) -> SessionEvents? {
  guard let context = unsafe context else { return nil }
  // Safe: the pointer was made from the session's events, which outlive the libmosquitto object.
  return unsafe Unmanaged<SessionEvents>.fromOpaque(context).takeUnretainedValue()
}

/// Keeps OpenSSL from loading the texts of its errors, 0.14 MB that nobody reads: a fault is known
/// by its number. Only the first call in a process counts (OPENSSL_init_ssl(3)), and it comes
/// before libmosquitto's.
private func leaveOutErrorTexts() {
  // OPENSSL_INIT_NO_LOAD_SSL_STRINGS and OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS. A failure is said by
  // the calls that follow.
  _ = OPENSSL_init_ssl(0x0010_0000 | 0x0000_0001, nil)
}

private func isReadable(_ path: String) -> Bool {
  do {
    _ = try FileDescriptor(opening: path, .readOnly)
    return true
  } catch {
    return false
  }
}

private func withOptionalCString<R>(
  _ text: String?, _ body: (UnsafePointer<CChar>?) -> R
) -> R {
  guard let text else { return body(nil) }
  // Safe: the pointer is used only during the call.
  return unsafe text.withCString { unsafe body($0) }
}
