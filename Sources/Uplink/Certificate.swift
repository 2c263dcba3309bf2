import CMosquitto
import Linux

/// From when until when a certificate is valid, in seconds since 1970.
public struct Validity: Equatable, Sendable {
  public var begin: Int64
  public var end: Int64

  public init(begin: Int64, end: Int64) {
    self.begin = begin
    self.end = end
  }

  /// Of an X509 of OpenSSL; nil for times that are none.
  init?(_ certificate: OpaquePointer) {
    // Safe: the caller's certificate lives during the call, and owns both times.
    guard let begin = unsafe seconds(X509_get0_notBefore(certificate)),
      let end = unsafe seconds(X509_get0_notAfter(certificate))
    else { return nil }
    self.init(begin: begin, end: end)
  }
}

/// An ASN.1 time as seconds since 1970.
private func seconds(_ time: OpaquePointer?) -> Int64? {
  // Safe: what is made here is freed here, and both numbers outlive the call.
  guard let time = unsafe time, let epoch = unsafe ASN1_TIME_set(nil, 0) else { return nil }
  defer { unsafe ASN1_TIME_free(epoch) }
  var days: Int32 = 0
  var rest: Int32 = 0
  guard unsafe ASN1_TIME_diff(&days, &rest, epoch, time) == 1 else { return nil }
  return Int64(days) * 86_400 + Int64(rest)
}

/// What is wrong with a certificate and its key, before anybody is shown them.
public enum PairProblem: Error, Equatable, Sendable {
  case noCertificate
  case noKey
  case mismatch
  case expired
  case notYetValid

  public var text: StaticString {
    switch self {
    case .noCertificate: "the certificate is not in PEM form"
    case .noKey: "the key is not in PEM form, or has a password"
    case .mismatch: "the key does not belong to the certificate"
    case .expired: "the certificate has expired"
    case .notYetValid: "the certificate is not yet valid"
    }
  }
}

/// The largest file with a certificate or a key that is read: chains have some KiB.
public let certificateByteCountMax = 1 << 20

/// The validity of the first certificate in a PEM text.
public func certificateValidity(_ text: [UInt8]) throws(PairProblem) -> Validity {
  let certificate = try PEMCertificate(text)
  guard let validity = unsafe Validity(certificate.pointer) else { throw .noCertificate }
  return validity
}

/// Of all certificates in a PEM text, the end of the one that is valid for longest, in seconds
/// since 1970; nil without any.
public func lastEnd(_ text: [UInt8]) -> Int64? {
  var result: Int64?
  unsafe text.withUnsafeBufferPointer { bytes in
    // Safe: the text outlives the BIO, and each certificate is freed after its use.
    guard let bio = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else { return }
    defer { unsafe _ = BIO_free(bio) }
    // As many as fit a file of that size.
    for _ in 0..<10_000 {
      guard let certificate = unsafe PEM_read_bio_X509(bio, nil, { _, _, _, _ in 0 }, nil) else {
        break
      }
      if let validity = unsafe Validity(certificate) {
        result = max(result ?? validity.end, validity.end)
      }
      unsafe X509_free(certificate)
    }
  }
  ERR_clear_error()
  return result
}

/// Judges a certificate and its key, both PEM texts, at `now` (seconds since 1970; nil when nobody
/// knows, and then only against `lowerBound`, a time that has surely passed).
public func checkPair(
  certificate: [UInt8], key: [UInt8], now: Int64?, lowerBound: Int64
) throws(PairProblem) -> Validity {
  let first = try PEMCertificate(certificate)
  guard let validity = unsafe Validity(first.pointer) else { throw .noCertificate }
  let secret = try PEMKey(key)
  // Safe: both live until the end of this function.
  let fits = unsafe X509_check_private_key(first.pointer, secret.pointer) == 1
  ERR_clear_error()
  guard fits else { throw .mismatch }
  if validity.end <= max(now ?? lowerBound, lowerBound) { throw .expired }
  if let now, validity.begin > now { throw .notYetValid }
  return validity
}

/// An X509 of OpenSSL.
@safe private struct PEMCertificate: ~Copyable {
  let pointer: OpaquePointer

  init(_ text: [UInt8]) throws(PairProblem) {
    let pointer = unsafe text.withUnsafeBufferPointer { bytes -> OpaquePointer? in
      // Safe: the text outlives the BIO.
      guard let bio = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else {
        return nil
      }
      defer { unsafe _ = BIO_free(bio) }
      return unsafe PEM_read_bio_X509(bio, nil, { _, _, _, _ in 0 }, nil)
    }
    ERR_clear_error()
    guard let pointer = unsafe pointer else { throw .noCertificate }
    unsafe self.pointer = unsafe pointer
  }

  deinit {
    // Safe: it is this value's own.
    unsafe X509_free(pointer)
  }
}

/// An EVP_PKEY of OpenSSL, without a password.
@safe private struct PEMKey: ~Copyable {
  let pointer: OpaquePointer

  init(_ text: [UInt8]) throws(PairProblem) {
    let pointer = unsafe text.withUnsafeBufferPointer { bytes -> OpaquePointer? in
      // Safe: the text outlives the BIO.
      guard let bio = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else {
        return nil
      }
      defer { unsafe _ = BIO_free(bio) }
      return unsafe PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in 0 }, nil)
    }
    ERR_clear_error()
    guard let pointer = unsafe pointer else { throw .noKey }
    unsafe self.pointer = unsafe pointer
  }

  deinit {
    // Safe: it is this value's own.
    unsafe EVP_PKEY_free(pointer)
  }
}
