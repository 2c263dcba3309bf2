import Linux

/// Why there is no session with the broker. Two faults are equal when a person would do the same
/// about them; only a change of fault is logged.
public enum UplinkFault: Error, Equatable, Sendable {
  /// The broker's name does not exist.
  case nameUnknown
  /// No name server answered.
  case nameServerSilent(NameError)
  /// The kernel's reason why there is no connection: refused, no route and so on.
  case network(Errno)
  /// No connection before the deadline: the packets go nowhere.
  case connectTimeout
  /// A connection, but no answer to CONNECT before the deadline.
  case silent
  /// The answer is not MQTT.
  case notMQTT
  /// We speak plainly, and the other side speaks TLS.
  case speaksTLS
  /// We speak TLS, and the other side does not.
  case notTLS
  /// The other side ended the connection before it answered.
  case closedBeforeAnswer
  case certificateExpired
  case certificateNotYetValid
  case certificateUnknownAuthority
  case certificateWrongHost
  /// Another fault of the broker's certificate: X509_V_ERR_* of OpenSSL.
  case certificateInvalid(Int32)
  /// The broker does not like our certificate, or that there is none: the TLS alert.
  case clientCertificateRefused(alert: Int32)
  /// Another end of the handshake: reason code of OpenSSL.
  case handshakeFailed(reason: Int32)
  case caFileUnusable
  case certificateFileUnusable
  case keyFileUnusable
  /// CONNACK, not accepted: reason code of MQTT 5 (3.1.1: its return code, 1 to 5).
  case refused(code: UInt8)
  /// The broker takes nothing above QoS 0.
  case qosUnsupported
  /// The connection ended without a word.
  case dropped
  /// The broker ended the session, with this reason code of MQTT 5.
  case sentAway(code: UInt8)
  /// The broker sends this client to another server (MQTT 5, section 4.11): its Server Reference,
  /// or nothing.
  case moved(isForGood: Bool, to: String)
  /// No answer to PINGREQ within the keep-alive time.
  case keepAlive
  /// Messages are out, and the broker acknowledges none of them.
  case acknowledgementTimeout
  /// What came is not MQTT any more.
  case protocolViolation
  case outOfMemory
  /// Another result of libmosquitto (MOSQ_ERR_*).
  case library(Int32)
}

extension UplinkFault {
  /// What happened and what to do about it, on one line, for the broker at `place` ("host:port").
  public func text(_ place: String) -> String {
    switch self {
    case .nameUnknown:
      "no host has the name in \(place): check uplink.broker, or the name server in network.dns"
    case .nameServerSilent(let error):
      "no name server answered for \(place) (\(error.text)): check the cable and network.dns"
    case .network(.refused):
      "\(place) refused the connection: is the broker running, and is the port right?"
    case .network(let number):
      "can't reach \(place): \(number.text): check the cable, the network and uplink.broker"
    case .connectTimeout:
      "no answer from \(place): check the address and the firewall"
    case .silent:
      "\(place) accepted the connection and does not answer: is that an MQTT broker, is it stuck?"
    case .notMQTT:
      "\(place) does not speak MQTT: check the port in uplink.broker"
    case .speaksTLS:
      "\(place) speaks TLS: write mqtts:// in uplink.broker"
    case .notTLS:
      "\(place) does not speak TLS: write mqtt://, or the port of the broker's TLS listener"
    case .closedBeforeAnswer:
      "\(place) closed the connection without an answer: check the port, whether it wants TLS"
        + " (mqtts://), and the broker's log"
    case .qosUnsupported:
      "the broker at \(place) takes no QoS 1 messages: allow them on the broker"
    case .dropped:
      "\(place) dropped the connection"
    case .keepAlive:
      "\(place) does not answer any more: keep-alive time is over"
    case .acknowledgementTimeout:
      "\(place) acknowledges no messages: is the broker stuck?"
    case .protocolViolation:
      "\(place) sent something that is not MQTT: is there a proxy in between?"
    case .outOfMemory:
      "out of memory while talking to \(place)"
    case .library(let result):
      "can't talk to \(place): libmosquitto error \(result)"
    case .certificateExpired, .certificateNotYetValid, .certificateUnknownAuthority,
      .certificateWrongHost, .certificateInvalid, .clientCertificateRefused, .handshakeFailed,
      .caFileUnusable, .certificateFileUnusable, .keyFileUnusable:
      securityText(place)
    case .refused(let code): UplinkFault.refusalText(code, place)
    case .sentAway(let code): UplinkFault.dismissalText(code, place)
    case .moved(let isForGood, let to): UplinkFault.moveText(isForGood, to, place)
    }
  }

  private static func moveText(_ isForGood: Bool, _ to: String, _ place: String) -> String {
    let target = to.isEmpty ? "another server, which it does not name" : quotedReference(to)
    return isForGood
      ? "\(place) says that the broker has moved to \(target): write that in uplink.broker, or "
        + "follow_moves: true"
      : "\(place) sends this client to \(target) for now: allow it with follow_moves: true, or "
        + "ask the broker's administrator"
  }

  /// What came from outside, in printable characters.
  private static func quotedReference(_ text: String) -> String {
    let bytes = text.utf8.map { 0x20...0x7e ~= $0 ? $0 : UInt8(ascii: "?") }
    return "'" + String(decoding: bytes, as: UTF8.self) + "'"
  }

  private func securityText(_ place: String) -> String {
    switch self {
    case .certificateExpired:
      "the certificate of \(place) has expired: renew it on the broker (or is this clock wrong?)"
    case .certificateNotYetValid:
      "the certificate of \(place) is not yet valid: this device's clock is probably wrong; "
        + "it is set by network.ntp, tried again soon"
    case .certificateUnknownAuthority:
      "the certificate of \(place) is signed by nobody that uplink.ca trusts: give the CA that"
        + " signed it"
    case .certificateWrongHost:
      "the certificate of \(place) is for another name: use the name in the certificate in"
        + " uplink.broker"
    case .certificateInvalid(let code):
      "the certificate of \(place) is not accepted (X509 error \(code)): check it with openssl"
        + " verify"
    case .clientCertificateRefused(let alert):
      "\(place) does not accept this device's certificate (TLS alert \(alert)): check"
        + " uplink.certificate and uplink.key"
    case .handshakeFailed(let reason):
      "TLS with \(place) failed (OpenSSL reason \(reason)): the broker must offer TLS 1.2 or later"
    case .caFileUnusable:
      "can't use the file in uplink.ca: it must be readable and hold certificates in PEM form"
    case .certificateFileUnusable:
      "can't use the file in uplink.certificate: it must be readable and in PEM form"
    case .keyFileUnusable:
      "can't use the file in uplink.key: it must be readable, in PEM form, and fit the certificate"
    default: preconditionFailure("not a fault of TLS")
    }
  }

  private static func refusalText(_ code: UInt8, _ place: String) -> String {
    switch code {
    case 4, 134:
      "\(place) refuses the user or the password (code \(code)): check uplink.user and"
        + " uplink.password"
    case 5, 135:
      "\(place) does not authorize this client (code \(code)): check uplink.user, uplink.password"
        + " and the broker's access list"
    case 1, 132:
      "\(place) does not support this MQTT version (code \(code)): set uplink.version to the other"
        + " one, 3.1.1 or 5"
    case 2, 133:
      "\(place) does not accept the client identifier (code \(code)): change uplink.client"
    case 3, 136, 137:
      "\(place) is not available at the moment (code \(code))"
    case 138: "\(place) has banned this client (code 138): ask the broker's administrator"
    case 151, 159: "\(place) limits connections or quota (code \(code)): ask its administrator"
    default: "\(place) refused the session with reason code \(code)"
    }
  }

  private static func dismissalText(_ code: UInt8, _ place: String) -> String {
    switch code {
    case 142:
      "\(place) gave the session to another client with the same identifier: make uplink.client"
        + " unique"
    case 139: "the broker at \(place) is shutting down"
    case 141: "the broker at \(place) missed this client's keep-alive"
    case 135, 152: "\(place) ended the session (code \(code)): check the broker's access list"
    default: "\(place) ended the session with reason code \(code)"
    }
  }
}

// MARK: - Causes

extension UplinkFault {
  /// Whether this may be the same cause as `other`, less well seen: when the other side closes the
  /// connection, it depends on a race whether its reason (an alert of TLS, a CONNACK) still
  /// arrives.
  func isVagueForm(of other: UplinkFault) -> Bool {
    guard self == .closedBeforeAnswer else { return false }
    switch other {
    case .notMQTT, .speaksTLS, .notTLS, .clientCertificateRefused, .handshakeFailed, .refused:
      return true
    case .nameUnknown, .nameServerSilent, .network, .connectTimeout, .silent, .closedBeforeAnswer,
      .certificateExpired, .certificateNotYetValid, .certificateUnknownAuthority,
      .certificateWrongHost, .certificateInvalid, .caFileUnusable, .certificateFileUnusable,
      .keyFileUnusable, .qosUnsupported, .dropped, .sentAway, .moved, .keepAlive,
      .acknowledgementTimeout, .protocolViolation, .outOfMemory, .library:
      return false
    }
  }
}

extension UplinkFault {
  /// The fault behind an OpenSSL reason code and a result of certificate verification.
  ///
  /// Codes: X509_V_ERR_* of openssl/x509_vfy.h; SSL_R_* of openssl/sslerr.h, where an alert of the
  /// other side is 1000 + its number (RFC 8446, section 6).
  static func ofTLS(reason: Int32, verification: Int32, isWrongHost: Bool) -> UplinkFault {
    if isWrongHost { return .certificateWrongHost }
    switch verification {
    case 0, 1: break  // accepted, or an error that nobody named
    case 10: return .certificateExpired
    case 9: return .certificateNotYetValid
    case 2, 18, 19, 20, 21: return .certificateUnknownAuthority
    case 62, 64: return .certificateWrongHost
    default: return .certificateInvalid(verification)
    }
    switch reason {
    case 155, 156, 198, 252, 267: return .notTLS  // wrong version, unknown protocol, HTTP, lengths
    case 294: return .closedBeforeAnswer  // unexpected EOF while reading
    case 1042...1049, 1116: return .clientCertificateRefused(alert: reason - 1000)
    default: return .handshakeFailed(reason: reason)
    }
  }

  /// The fault behind the first bytes of an answer to CONNECT; nil when it may be a CONNACK.
  ///
  /// A CONNACK starts with 0x20 (MQTT 5, section 3.2.1), and one of a real broker is shorter than
  /// 16 KiB, so its length takes at most two bytes. A TLS record starts with its type, 20 to 23,
  /// and the version 3.x (RFC 8446, section 5.1).
  ///
  /// A broker that only knows MQTT 3 answers CONNECT of MQTT 5 with its own CONNACK, which has no
  /// properties and so two bytes (MQTT 3.1.1, section 3.2); libmosquitto takes it for garbage.
  static func ofFirstBytes(
    _ bytes: InlineArray<8, UInt8>, count: Int, isVersion5: Bool
  ) -> UplinkFault? {
    guard count > 0 else { return nil }
    if (20...23).contains(bytes[0]), count < 2 || bytes[1] == 3 { return .speaksTLS }
    if bytes[0] != 0x20 { return .notMQTT }
    if count >= 4, bytes[1] == 2, isVersion5 { return .refused(code: max(1, bytes[3])) }
    if count >= 3, bytes[1] >= 0x80, bytes[2] >= 0x80 { return .notMQTT }
    return nil
  }
}
