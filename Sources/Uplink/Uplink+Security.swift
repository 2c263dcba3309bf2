import Configuration
import Linux
import Ring

// Certificates of both sides, and what TLS has agreed on.
extension Uplink {
  /// Seconds since 1970, if the clock is right.
  private var realSeconds: Int64? {
    context.clock.offset.map { (Clock.boot() + $0) / 1_000_000_000 }
  }

  /// Before an attempt: which certificate is shown, and by which time those of the broker's side
  /// are judged: a clock that may be behind must not call them not yet valid.
  mutating func prepareSecurity() {
    guard sessionSettings.usesTLS else { return }
    let seconds = realSeconds
    sessionSettings.judgingTime =
      seconds == nil ? max(Clock.real(), context.clock.lowerBound) / 1_000_000_000 : nil
    let lowerBound = context.clock.lowerBound / 1_000_000_000
    credentials?.choose(now: Clock.boot(), seconds: seconds, lowerBound: lowerBound)
    guard let pair = credentials?.pair else { return }
    sessionSettings.certificateFile = pair.certificateFile
    sessionSettings.keyFile = pair.keyFile
  }

  /// Tells the keeper of a pair that the broker has accepted.
  func noteCertificateAccepted() {
    guard let digest = credentials?.accepted else { return }
    context.acceptedPair?.digest = digest
  }

  /// After an attempt that failed: true when the next one follows at once, with the pair of before.
  mutating func showAnotherCertificate(
    _ fault: UplinkFault, _ now: Int64, wasOpen: Bool
  ) -> Bool {
    guard !wasOpen, let words = credentials?.noteFailure(fault, now: now) ?? nil else {
      return false
    }
    Log.warning("\(fault.text(sessionSettings.place)); \(words)")
    phase = .waiting(until: now)
    return true
  }

  /// A session is open: notes what TLS has agreed on, and says it when it is news.
  mutating func noteSecurity() {
    guard sessionSettings.usesTLS, let report = session?.securityReport() ?? nil else { return }
    expiry.note(.broker, end: report.broker?.end)
    expiry.note(.authority, end: report.authority?.end)
    expiry.note(.client, end: ownEnd())
    let isNews = report.words != security?.words
    security = report
    if isNews { Log.info("TLS with \(sessionSettings.place): \(report.words)") }
    if realSeconds == nil, let begin = report.broker?.begin,
      begin > max(Clock.real(), context.clock.lowerBound) / 1_000_000_000
    {
      Log.warning(
        "this clock is behind: the broker's certificate begins later than it says; it is taken, "
          + "because only its end can be judged until network.ntp has set the clock")
    }
  }

  private func ownEnd() -> Int64? {
    guard !sessionSettings.certificateFile.isEmpty else { return nil }
    do throws(SystemError) {
      let text = try readFile(sessionSettings.certificateFile, limit: certificateByteCountMax)
      do throws(PairProblem) {
        return try certificateValidity(text).end
      } catch {
        return nil
      }
    } catch {
      return nil
    }
  }

  /// Warns of certificates that end soon.
  mutating func watchExpiry(_ now: Int64) {
    guard sessionSettings.usesTLS, now >= expiryTime else { return }
    expiryTime = now + Uplink.expiryPeriod
    guard let seconds = realSeconds else { return }
    for text in expiry.dueWarnings(now: seconds, time: now / 1_000_000_000) { Log.warning(text) }
    expiryCondition = expiry.condition(now: seconds)
  }

  /// `,"tls":{"version":"TLSv1.3","cipher":"…","group":"…","broker_expires":1764000000,…}`, or
  /// nothing without TLS. Times are seconds since 1970.
  var securityMembers: [UInt8] {
    guard let security else { return [] }
    var result = Array(",\"tls\":{\"version\":".utf8) + jsonString(security.version)
    result += Array(",\"cipher\":".utf8) + jsonString(security.cipher)
    result += Array(",\"group\":".utf8) + jsonString(security.group)
    for owner in CertificateOwner.allCases {
      guard let end = expiry.ends[owner.rawValue] else { continue }
      result += Array(",\"\(owner.key.description)\":\(end)".utf8)
    }
    return result + [UInt8(ascii: "}")]
  }
}
