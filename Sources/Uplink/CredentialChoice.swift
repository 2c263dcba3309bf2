import Linux

/// Which pair of certificate and key the next attempt shows the broker.
///
/// | there is | shown |
/// | --- | --- |
/// | a next pair that was not refused within the last hour | that one |
/// | a kept pair, and the configured one is still that whose place it took | the kept one |
/// | else | the configured one |
///
/// A refused next pair is followed at once by what was shown before. When that is refused too, the
/// kept and the configured pair take turns: whatever the broker knows this device by is found.
struct CredentialChoice {
  enum Source: Equatable {
    case configured
    case kept
    case next(digest: UInt64)
  }

  /// A next pair that was refused is tried again after so long, doubled up to a day; or when its
  /// files change. ns.
  static let pauseFirst: Int64 = 3_600_000_000_000
  static let pauseMax: Int64 = 86_400_000_000_000

  let configured: CredentialPair
  /// Empty where nothing can be kept.
  let keptFile: String
  /// What is shown in the present attempt.
  private(set) var source = Source.configured
  private(set) var pair: CredentialPair
  private var refusedDigest: UInt64 = 0
  private var retryTime: Int64 = 0
  private var pause = CredentialChoice.pauseFirst
  /// Whether the second choice of kept and configured is shown.
  private var isSwapped = false
  private var namedProblem = ""

  init(configured: CredentialPair, keptFile: String) {
    self.configured = configured
    self.keptFile = keptFile
    pair = configured
  }

  /// Chooses, at `now` (boot time, ns). `seconds` is the time since 1970, nil while nobody knows
  /// it; `lowerBound` has surely passed.
  mutating func choose(now: Int64, seconds: Int64?, lowerBound: Int64) {
    let own = digest(of: configured)
    let kept = keptFile.isEmpty ? nil : KeptPair(file: keptFile)
    if let digest = nextDigest(now: now, seconds: seconds, lowerBound: lowerBound),
      digest != own, digest != kept?.digest
    {
      source = .next(digest: digest)
      pair = configured.next
      return
    }
    var isKept = kept.map { own == nil || $0.replaced == own } ?? false
    if isSwapped, kept != nil, own != nil { isKept.toggle() }
    source = isKept ? .kept : .configured
    pair =
      isKept ? CredentialPair(certificateFile: keptFile, keyFile: keptFile) : configured
  }

  private func digest(of pair: CredentialPair) -> UInt64? {
    do {
      return try CredentialTexts(pair).digest
    } catch {
      return nil
    }
  }

  /// Of the next pair, if it may be shown.
  private mutating func nextDigest(now: Int64, seconds: Int64?, lowerBound: Int64) -> UInt64? {
    let next = configured.next
    guard !keptFile.isEmpty, next.isThere else {
      namedProblem = ""
      return nil
    }
    let texts: CredentialTexts
    do throws(SystemError) {
      texts = try CredentialTexts(next)
    } catch {
      name("\(next.certificateFile) and \(next.keyFile) can't both be read: \(error.text)")
      return nil
    }
    let digest = texts.digest
    guard digest != refusedDigest || now >= retryTime else { return nil }
    do throws(PairProblem) {
      _ = try checkPair(
        certificate: texts.certificate, key: texts.key, now: seconds, lowerBound: lowerBound)
      namedProblem = ""
      return digest
    } catch {
      name("\(next.certificateFile), \(next.keyFile): \(error.text.description)")
      return nil
    }
  }

  private mutating func name(_ problem: String) {
    guard problem != namedProblem else { return }
    namedProblem = problem
    Log.warning("the next certificate is not tried: \(problem); replace it, or remove both files")
  }

  /// The attempt has failed. Returns what is to be said when that was the next pair's doing:
  /// another one is shown at once.
  mutating func noteFailure(_ fault: UplinkFault, now: Int64) -> String? {
    guard fault.mayBeTheCertificates else { return nil }
    guard case .next(let digest) = source else {
      isSwapped.toggle()
      return nil
    }
    pause = digest == refusedDigest ? min(pause * 2, Self.pauseMax) : Self.pauseFirst
    refusedDigest = digest
    retryTime = now + pause
    source = .configured
    return "the next certificate (\(configured.next.certificateFile)) is not accepted, the one "
      + "before stays in use; the next is tried again in \(pause / 60_000_000_000) min, or when "
      + "its files change"
  }

  /// The broker has accepted this client: the digest of a pair that is to be kept.
  var accepted: UInt64? {
    guard case .next(let digest) = source else { return nil }
    return digest
  }
}

extension UplinkFault {
  /// Whether another certificate might have been accepted.
  var mayBeTheCertificates: Bool {
    switch self {
    case .clientCertificateRefused, .handshakeFailed, .certificateFileUnusable, .keyFileUnusable,
      .closedBeforeAnswer, .silent:
      return true
    // Neither a broker that is busy, nor one that sends away.
    case .refused(let code): return code != 3 && code != 136 && code != 137 && code != 151
    case .nameUnknown, .nameServerSilent, .network, .connectTimeout, .notMQTT, .speaksTLS, .notTLS,
      .certificateExpired, .certificateNotYetValid, .certificateUnknownAuthority,
      .certificateWrongHost, .certificateInvalid, .caFileUnusable, .qosUnsupported, .dropped,
      .sentAway, .moved, .keepAlive, .acknowledgementTimeout, .protocolViolation, .outOfMemory,
      .library:
      return false
    }
  }
}
