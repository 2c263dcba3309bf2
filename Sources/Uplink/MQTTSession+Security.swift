import CMosquitto
import Linux

/// What TLS has agreed on, and until when the certificates of the broker's side are valid.
struct SecurityReport: Equatable {
  /// `TLSv1.3`.
  var version: String
  /// `TLS_AES_256_GCM_SHA384`.
  var cipher: String
  /// The group of the key exchange: `X25519MLKEM768`; empty where the version has none.
  var group: String
  /// Of the broker's own certificate, and of the one among its authorities that ends first.
  var broker: Validity?
  var authority: Validity?

  /// `TLSv1.3, TLS_AES_256_GCM_SHA384, X25519MLKEM768`.
  var words: String { version + ", " + cipher + (group.isEmpty ? "" : ", " + group) }
}

extension MQTTSession {
  private var ssl: OpaquePointer? {
    // Safe: libmosquitto's object lives as long as this session.
    unsafe mosquitto_ssl_get(handle.pointer).map { OpaquePointer($0) }
  }

  /// What the handshake has brought; nil without TLS.
  func securityReport() -> SecurityReport? {
    // Safe, in all of this function: OpenSSL's objects belong to the connection, which lives during
    // the call, and its texts are terminated.
    guard let ssl = unsafe ssl else { return nil }
    let cipher = unsafe SSL_get_current_cipher(ssl).flatMap {
      unsafe text(SSL_CIPHER_get_name($0))
    }
    var report = SecurityReport(
      version: unsafe text(SSL_get_version(ssl)) ?? "", cipher: cipher ?? "",
      group: unsafe groupName(ssl))
    guard let chain = unsafe SSL_get0_verified_chain(ssl) else { return report }
    for index in 0..<max(0, unsafe OPENSSL_sk_num(chain)) {
      guard let pointer = unsafe OPENSSL_sk_value(chain, index),
        let validity = unsafe Validity(OpaquePointer(pointer))
      else { continue }
      if index == 0 {
        report.broker = validity
      } else if validity.end < report.authority?.end ?? .max {
        report.authority = validity
      }
    }
    return report
  }

  private func groupName(_ ssl: OpaquePointer) -> String {
    // Safe: as above.
    let number = unsafe SSL_ctrl(ssl, 134, 0, nil)
    guard number > 0 else { return "" }
    return unsafe text(SSL_group_to_name(ssl, Int32(truncatingIfNeeded: number))) ?? "\(number)"
  }
}

extension MosquittoHandle {
  /// Judges the certificates of the broker's side by `time`, in seconds since 1970, which has
  /// surely passed: what has ended before it has ended. What begins later is taken, because nobody
  /// knows how much later it is. Before the connection.
  func judgeCertificates(after time: Int64) throws(UplinkFault) {
    // Safe: libmosquitto counts its own reference to the context. The number travels as an address
    // that nobody looks behind.
    guard let context = unsafe SSL_CTX_new(TLS_client_method()) else { throw .outOfMemory }
    defer { unsafe SSL_CTX_free(context) }
    unsafe SSL_CTX_set_cert_verify_callback(
      context, { judged, time in unsafe judge(judged, after: time) },
      UnsafeMutableRawPointer(bitPattern: Int(time)))
    // Without this libmosquitto would load no authorities, and check no name.
    guard
      unsafe mosquitto_int_option(pointer, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 1) == 0,
      unsafe mosquitto_void_option(pointer, MOSQ_OPT_SSL_CTX, UnsafeMutableRawPointer(context)) == 0
    else { throw .outOfMemory }
  }
}

/// X509_verify_cert(3), at that time.
private func judge(_ context: OpaquePointer?, after time: UnsafeMutableRawPointer?) -> Int32 {
  // Safe, in all of this function: OpenSSL's objects live during its call.
  unsafe X509_STORE_CTX_set_time(context, 0, Int(bitPattern: time))
  unsafe X509_STORE_CTX_set_verify_cb(context) { isGood, context in
    // 9: X509_V_ERR_CERT_NOT_YET_VALID; 0: X509_V_OK.
    if isGood == 0, unsafe X509_STORE_CTX_get_error(context) == 9 {
      unsafe X509_STORE_CTX_set_error(context, 0)
      return 1
    }
    // libmosquitto's own, which checks the name.
    let index = SSL_get_ex_data_X509_STORE_CTX_idx()
    guard let ssl = unsafe X509_STORE_CTX_get_ex_data(context, index),
      let check = unsafe SSL_CTX_get_verify_callback(SSL_get_SSL_CTX(OpaquePointer(ssl)))
    else { return 0 }
    return unsafe check(isGood, context)
  }
  return unsafe X509_verify_cert(context)
}

private func text(_ pointer: UnsafePointer<CChar>?) -> String? {
  // Safe: the callers' texts are terminated.
  unsafe pointer.map { unsafe String(cString: $0) }
}
