import CMosquitto

/// What libmosquitto's callbacks have seen. They only write here; whoever called into the library
/// looks afterwards. One thread, fixed memory.
final class SessionEvents {
  /// The most acknowledgements of one call: as many as messages can be under way.
  static let acknowledgementCountMax = 1024

  /// CONNACK's reason code; nil before it came.
  var connectCode: UInt8?
  /// What the broker allows to be under way: 65,535 unless its CONNACK says less (MQTT 5,
  /// section 3.2.2.3.3).
  var receiveMaximum: UInt16 = .max
  /// The numbers that stand for topics; none unless the CONNACK allows them.
  var aliases = TopicAliases(maximum: 0)
  /// Where the broker sends this client: its Server Reference (MQTT 5, section 4.11), cut to 300
  /// bytes; empty for nowhere.
  var serverReference: [UInt8] = []
  /// The largest packet that the broker takes, in bytes; nil for any (MQTT 5, section 3.2.2.3.6).
  var maximumPacketSize: UInt32?
  /// What the end of the connection was called: the broker's reason code when it sent DISCONNECT,
  /// otherwise a result of libmosquitto.
  var disconnectCode: Int32?
  /// The first reason code of OpenSSL, 0 for none.
  var securityReason: Int32 = 0
  /// OpenSSL's verdict on the broker's certificate (X509_V_*), 0 for good.
  var verification: Int32 = 0
  var isWrongHost = false
  var isAuthorityFileBad = false
  var isCertificateFileBad = false
  var isKeyFileBad = false

  /// Whether the broker has refused the one subscription.
  var isSubscriptionRefused = false

  /// The most requests of one call, and of each so many bytes: one more than is allowed shows that
  /// it is too long.
  static let requestCountMax = 8
  static let requestByteCountMax = RangeRequest.byteCountMax + 1
  private var requestBytes = [UInt8](
    repeating: 0, count: SessionEvents.requestCountMax * SessionEvents.requestByteCountMax)
  private var requestByteCounts = [Int](repeating: 0, count: SessionEvents.requestCountMax)
  private var requestCount = 0
  private var ignoredRequestCount: UInt64 = 0

  private var acknowledgements = [Acknowledgement](
    repeating: Acknowledgement(messageID: 0, code: 0),
    count: SessionEvents.acknowledgementCountMax)
  private var acknowledgementCount = 0

  func add(_ acknowledgement: Acknowledgement) {
    // There are never more than messages under way; one more would be sent again, not lost.
    guard acknowledgementCount < acknowledgements.count else { return }
    acknowledgements[acknowledgementCount] = acknowledgement
    acknowledgementCount += 1
  }

  /// Hands out what was acknowledged, in order, and forgets it.
  func takeAcknowledgements(_ body: (Acknowledgement) -> Void) {
    for index in 0..<acknowledgementCount { body(acknowledgements[index]) }
    acknowledgementCount = 0
  }

  /// Keeps a request, or counts it where there is no room.
  func add(request: UnsafeRawBufferPointer) {
    guard requestCount < Self.requestCountMax else {
      ignoredRequestCount &+= 1
      return
    }
    let count = min(request.count, Self.requestByteCountMax)
    for index in 0..<count {
      // Safe: inside of the message, which libmosquitto keeps during its callback.
      requestBytes[requestCount * Self.requestByteCountMax + index] = unsafe request[index]
    }
    requestByteCounts[requestCount] = count
    requestCount += 1
  }

  /// Hands out the requests, in order, and forgets them.
  func takeRequests() -> SessionRequests? {
    guard requestCount > 0 || ignoredRequestCount > 0 || isSubscriptionRefused else { return nil }
    var result = SessionRequests(
      isRefused: isSubscriptionRefused, ignoredCount: ignoredRequestCount)
    for index in 0..<requestCount {
      let start = index * Self.requestByteCountMax
      result.payloads.append(Array(requestBytes[start..<start + requestByteCounts[index]]))
    }
    requestCount = 0
    ignoredRequestCount = 0
    isSubscriptionRefused = false
    return result
  }

  func noteServerReference(_ properties: OpaquePointer?) {
    var text: UnsafeMutablePointer<CChar>?
    // Safe: the text is libmosquitto's copy, terminated, and freed here.
    guard
      unsafe mosquitto_property_read_string(
        properties, MQTT_PROP_SERVER_REFERENCE.number, &text, false) != nil,
      let text = unsafe text
    else { return }
    var index = 0
    while index < 300, unsafe text[index] != 0 {
      serverReference.append(UInt8(bitPattern: unsafe text[index]))
      index += 1
    }
    unsafe weir_free_text(text)
  }

  /// Reads what the library says about errors of TLS: it tells its callers nothing but that.
  func note(log text: UnsafePointer<CChar>, session: OpaquePointer?) {
    // Safe: libmosquitto's text is terminated, and only read before its 0.
    if unsafe startsWith(text, "OpenSSL Error[") {
      unsafe noteSecurityError(text, session)
    } else if unsafe startsWith(text, "Error: host name verification failed") {
      isWrongHost = true
    } else if unsafe startsWith(text, "Error: Unable to load CA certificates") {
      isAuthorityFileBad = true
    } else if unsafe startsWith(text, "Error: Unable to load client certificate") {
      isCertificateFileBad = true
    } else if unsafe startsWith(text, "Error: Unable to load client key")
      || startsWith(text, "Error: Client certificate/key")
    {
      isKeyFileBad = true
    }
  }

  /// `OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed`: the hexadecimal
  /// number holds the library above bit 23 and the reason below (openssl/err.h of OpenSSL 3).
  private func noteSecurityError(_ text: UnsafePointer<CChar>, _ session: OpaquePointer?) {
    if let session = unsafe session, let ssl = unsafe mosquitto_ssl_get(session) {
      // Safe: libmosquitto logs before it frees its SSL object, and this runs inside of that.
      let result = unsafe SSL_get_verify_result(OpaquePointer(ssl))
      if verification == 0 { verification = Int32(truncatingIfNeeded: result) }
    }
    guard securityReason == 0 else { return }
    var index = 0
    var colonCount = 0
    // 40: the prefix before the number is always shorter.
    while index < 40, colonCount < 2 {
      // Safe: stops at the terminating 0.
      let byte = unsafe text[index]
      if byte == 0 { return }
      if byte == CChar(UInt8(ascii: ":")) { colonCount += 1 }
      index += 1
    }
    var code: UInt32 = 0
    for _ in 0..<8 {
      // Safe: as above.
      guard let digit = unsafe hexadecimalValue(UInt8(bitPattern: text[index])) else { break }
      code = code << 4 | UInt32(digit)
      index += 1
    }
    securityReason = Int32(code & 0x7F_FFFF)
  }
}

/// What came on the topic of requests since it was last looked at.
struct SessionRequests {
  var payloads: [[UInt8]] = []
  /// Whether the broker has refused the subscription.
  var isRefused: Bool
  /// Requests that came while there was no room.
  var ignoredCount: UInt64
}

/// The broker's answer to one message: its packet identifier and reason code (MQTT 5, 3.4.2.1).
struct Acknowledgement: Equatable {
  var messageID: UInt16
  var code: UInt8
}

private func startsWith(_ text: UnsafePointer<CChar>, _ prefix: StaticString) -> Bool {
  for index in 0..<prefix.utf8CodeUnitCount {
    // Safe: both are terminated, and a difference ends the loop at the latest there.
    if unsafe UInt8(bitPattern: text[index]) != prefix.utf8Start[index] { return false }
  }
  return true
}

private func hexadecimalValue(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  default: nil
  }
}
