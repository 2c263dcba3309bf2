// Invariants:
// - a certificate and a key are told good, foreign, garbage, expired and not yet valid;
// - what ends soon is warned of once a day at each level, not once a session, and degrades the
//   uplink in its last week;
// - the status message tells what TLS has agreed on, and until when certificates are valid;
// - a clock that is behind takes a certificate that begins later, and none that has ended before a
//   time that has surely passed.

import Configuration
import Drivers
import Foundation
import Linux
import Ring
import Testing

@testable import Uplink

@Suite(.serialized) struct CertificateTests {
  private func bytes(_ path: String) throws -> [UInt8] {
    try readFile(path, limit: certificateByteCountMax)
  }

  private func problem(
    _ certificate: [UInt8], _ key: [UInt8], now: Int64? = 1_800_000_000, lowerBound: Int64 = 0
  ) -> PairProblem? {
    do throws(PairProblem) {
      _ = try checkPair(certificate: certificate, key: key, now: now, lowerBound: lowerBound)
      return nil
    } catch {
      return error
    }
  }

  @Test func pairs() throws {
    let certificates = try Certificates()
    let good = try certificates.make()
    let other = try certificates.make()
    let (certificate, key) = (try bytes(good.certificate), try bytes(good.key))
    #expect(problem(certificate, key) == nil)
    #expect(problem(certificate, try bytes(other.key)) == .mismatch)
    #expect(problem([], key) == .noCertificate)
    #expect(problem(Array("garbage".utf8), key) == .noCertificate)
    #expect(problem(certificate, Array("garbage".utf8)) == .noKey)
    #expect(problem(certificate, Array(key.prefix(key.count / 2))) == .noKey)
    // 2020 to 2049.
    #expect(problem(certificate, key, now: 1_500_000_000) == .notYetValid)
    #expect(problem(certificate, key, now: 2_600_000_000) == .expired)
    #expect(problem(certificate, key, now: nil) == nil)
    #expect(problem(certificate, key, now: nil, lowerBound: 2_600_000_000) == .expired)
    #expect(
      try certificateValidity(certificate) == Validity(begin: 1_577_836_800, end: 2_524_521_600))
  }

  @Test func garbageNeverTraps() throws {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed \(seed)")
    let certificates = try Certificates()
    let good = try certificates.make()
    let (certificate, key) = (try bytes(good.certificate), try bytes(good.key))
    var random = seed | 1
    for _ in 0..<2000 {
      var (one, two) = (certificate, key)
      for _ in 0..<4 {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let place = Int(random >> 33)
        if place % 2 == 0 {
          one[place / 2 % one.count] = UInt8(truncatingIfNeeded: random >> 20)
        } else {
          two[place / 2 % two.count] = UInt8(truncatingIfNeeded: random >> 20)
        }
      }
      _ = problem(one, two)
      _ = lastEnd(one)
    }
  }

  @Test func warnings() {
    let day: Int64 = 86_400
    var watch = ExpiryWatch(firstDays: 30)
    let end: Int64 = 2_000_000_000
    watch.note(.broker, end: end)
    var told: [Int64: Int] = [:]
    // Every hour for sixty days, with a new session each time.
    for hour in 0..<(60 * 24) as Range<Int64> {
      let now = end - 50 * day + hour * 3600
      watch.note(.broker, end: end)
      let count = watch.dueWarnings(now: now, time: hour * 3600).count
      if count > 0 { told[ExpiryWatch.days(until: end, now: now), default: 0] += count }
      let left = ExpiryWatch.days(until: end, now: now)
      #expect((watch.condition(now: now) != nil) == (left < 7))
    }
    #expect(told[30] == nil && told[29] == 1 && told[13] == 1 && told[6] == 1)
    let isOnceADay = told.allSatisfy { $0.key < 0 || $0.value <= 1 }
    #expect(isOnceADay, "\(told)")
    #expect(watch.condition(now: end - day) == Condition(.certificateEnding, number: 1))
    // A new one is judged anew, and a good one is silent.
    watch.note(.broker, end: end + 400 * day)
    #expect(watch.dueWarnings(now: end, time: 0).isEmpty)
    #expect(watch.condition(now: end) == nil)
  }

  private func broker(
    _ certificates: Certificates, _ files: (certificate: String, key: String)
  ) throws -> Broker {
    var options = Broker.Options()
    options.lines = [
      "cafile \(certificates.authority)", "certfile \(files.certificate)", "keyfile \(files.key)",
    ]
    let broker = try Broker(options)
    try broker.start()
    return broker
  }

  private func certificateTime(inDays days: Int) -> String {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "UTC")
    format.dateFormat = "yyyyMMddHHmmss'Z'"
    return format.string(from: Date().addingTimeInterval(Double(days) * 86_400 + 3600))
  }

  @Test func theStatusTellsWhatTLSHasAgreedOn() throws {
    let certificates = try Certificates()
    let ending = try certificates.make(to: certificateTime(inDays: 3))
    let broker = try broker(certificates, ending)
    var rig = try UplinkRig(broker.port) {
      $0.usesTLS = true
      $0.caFile = certificates.authority
    }
    let isOpen = rig.turnUntilOpen()
    #expect(isOpen)
    let report = rig.uplink.security
    let security = try #require(report)
    #expect(security.version == "TLSv1.3")
    #expect(security.cipher.hasPrefix("TLS_AES_") || security.cipher.hasPrefix("TLS_CHACHA20_"))
    #expect(security.group.lowercased() == "x25519", "\(security.group)")
    let status = String(decoding: rig.uplink.securityMembers, as: UTF8.self)
    #expect(status.hasPrefix(#","tls":{"version":"TLSv1.3","cipher":"TLS_"#))
    #expect(status.contains(#""broker_expires":"#) && status.contains(#""ca_expires":"#))
    #expect(!status.contains("certificate_expires"))
    _ = rig.turn(seconds: 1) { _ in false }
    #expect(rig.slot.condition == Condition(.certificateEnding, number: 3))
  }

  /// The clock of this machine, as a gateway sees it that has none: behind, and not trusted.
  @Test func aClockThatIsBehind() throws {
    let certificates = try Certificates()
    let future = try broker(certificates, certificates.make(from: certificateTime(inDays: 300)))
    let expired = try broker(certificates, certificates.make(to: "20210102000000Z"))
    func settle(_ broker: Broker, bound: Int64) throws -> UplinkRig {
      var rig = try UplinkRig(broker.port) {
        $0.usesTLS = true
        $0.caFile = certificates.authority
      }
      rig.setClock(ClockTrust(lowerBound: bound, isPlausibleEnough: false))
      let slot = rig.slot
      _ = rig.turn(seconds: 10) { _ in slot[.connects] + slot[.connectFailures] > 0 }
      return rig
    }
    let nowSeconds = Int64(Date().timeIntervalSince1970)
    let soon = (nowSeconds + 86_400) * 1_000_000_000
    let taken = try settle(future, bound: soon)
    #expect(taken.slot[.connects] == 1, "\(String(describing: taken.uplink.namedFault))")
    let refused = try settle(expired, bound: soon)
    #expect(refused.uplink.namedFault == .certificateExpired)
    // A clock that is right knows better.
    var trusting = try UplinkRig(future.port) {
      $0.usesTLS = true
      $0.caFile = certificates.authority
    }
    let isNamed = trusting.turnUntil(.certificateNotYetValid)
    #expect(isNamed)
    // The name and the signature count as ever.
    let other = try Certificates()
    var foreign = try UplinkRig(future.port) {
      $0.usesTLS = true
      $0.caFile = other.authority
    }
    foreign.setClock(ClockTrust(lowerBound: soon, isPlausibleEnough: false))
    let isForeign = foreign.turnUntil(.certificateUnknownAuthority)
    #expect(isForeign)
    let elsewhere = try broker(
      certificates,
      certificates.make(host: "DNS:other.example", from: certificateTime(inDays: 300)))
    let wrong = try settle(elsewhere, bound: soon)
    #expect(wrong.uplink.namedFault == .certificateWrongHost)
  }
}
