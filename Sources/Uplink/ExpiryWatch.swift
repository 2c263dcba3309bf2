import Ring

/// Whose certificate it is.
enum CertificateOwner: Int, CaseIterable {
  case client = 0
  case authority = 1
  case broker = 2

  /// The certificate, and what to do when it ends.
  var words: (name: StaticString, remedy: StaticString) {
    switch self {
    case .client:
      ("this device's certificate", "put the next one beside it, as uplink.certificate + .next")
    case .authority: ("the certificate of the broker's authority", "give the new CA to uplink.ca")
    case .broker: ("the broker's certificate", "renew it on the broker")
    }
  }

  /// In the status message.
  var key: StaticString {
    switch self {
    case .client: "certificate_expires"
    case .authority: "ca_expires"
    case .broker: "broker_expires"
    }
  }
}

/// Warns of certificates that end: at `firstDays` before, and at 14, 7 and 1 days; once a day at
/// the same level.
struct ExpiryWatch {
  private static let day: Int64 = 86_400
  private static let levels: [Int64] = [14, 7, 1]
  /// From here on the gateway is degraded.
  static let degradedDays: Int64 = 7

  private let firstDays: Int64
  /// Seconds since 1970, by owner; nil where there is none.
  private(set) var ends: [Int64?] = [nil, nil, nil]
  private var toldLevels = [0, 0, 0]
  private var toldTimes: [Int64] = [.min, .min, .min]

  init(firstDays: Int64) { self.firstDays = firstDays }

  mutating func note(_ owner: CertificateOwner, end: Int64?) {
    if ends[owner.rawValue] != end { toldLevels[owner.rawValue] = 0 }
    ends[owner.rawValue] = end
  }

  /// Whole days that are left at `now`, in seconds since 1970; negative behind the end.
  static func days(until end: Int64, now: Int64) -> Int64 {
    let left = end - now
    return left >= 0 ? left / day : -1
  }

  private func level(_ days: Int64) -> Int {
    if days >= firstDays { return 0 }
    return 1 + Self.levels.count { days < $0 && $0 < firstDays }
  }

  /// What is to be told now: `now` in seconds since 1970, `time` in seconds since boot.
  mutating func dueWarnings(now: Int64, time: Int64) -> [String] {
    var result: [String] = []
    for owner in CertificateOwner.allCases {
      let index = owner.rawValue
      guard let end = ends[index] else { continue }
      let days = Self.days(until: end, now: now)
      let level = level(days)
      guard level > 0, level > toldLevels[index] || time - toldTimes[index] >= Self.day else {
        continue
      }
      toldLevels[index] = level
      toldTimes[index] = time
      let words = owner.words
      let when =
        days < 0 ? "has expired" : days == 0 ? "expires today" : "expires in \(days) day(s)"
      result.append("\(words.name.description) \(when): \(words.remedy.description)")
    }
    return result
  }

  /// What the supervisor is told; nil while every certificate is good for long.
  func condition(now: Int64) -> Condition? {
    var least = Int64.max
    for end in ends {
      if let end { least = min(least, Self.days(until: end, now: now)) }
    }
    guard least < Self.degradedDays else { return nil }
    return Condition(.certificateEnding, number: UInt32(max(0, least)))
  }
}
