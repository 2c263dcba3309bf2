extension Schema {
  /// How long before its end a certificate is warned of.
  mutating func readExpiryWarning(_ fields: Fields, _ uplink: inout UplinkSettings) {
    guard let node = fields.value("expiry_warning"),
      let value = reader.seconds(node, "'expiry_warning'", in: 86_400...31_536_000)
    else { return }
    guard value % 86_400 == 0 else {
      reader.refuse(
        node, "'expiry_warning'", expected: "whole days, 1 d to 365 d", remedy: "round it")
      return
    }
    uplink.expiryWarningDays = UInt16(value / 86_400)
  }
}

extension Schema {
  /// What MQTT 5 has more than 3.1.1: expiry, and brokers that move.
  mutating func readVersion5(_ fields: Fields, _ uplink: inout UplinkSettings) {
    // MQTT counts the seconds in 32 bits; ten years is longer than any broker keeps anything.
    let range: ClosedRange<Int64> = 1...315_360_000
    if let node = fields.value("expiry"), let value = reader.seconds(node, "'expiry'", in: range) {
      uplink.expirySeconds = UInt32(value)
    }
    if let node = fields.value("alarm_expiry"),
      let value = reader.seconds(node, "'alarm_expiry'", in: range)
    {
      uplink.alarmExpirySeconds = UInt32(value)
    }
    if let node = fields.value("follow_moves"),
      let index = reader.word(node, "'follow_moves'", of: ["true", "false"])
    {
      uplink.followsMoves = index == 0
    }
    guard uplink.version == .v311 else { return }
    for key in ["expiry", "alarm_expiry", "follow_moves"] {
      guard let node = fields.value(key) else { continue }
      reader.error(
        node,
        "'\(key)' is for MQTT 5, but 'version' is 3.1.1; expected 5; correct the version or remove "
          + "'\(key)'")
    }
  }
}

/// The place in a broker's URL; nil for what is none.
public func brokerPlace(_ url: String) -> (host: String, port: UInt16, usesTLS: Bool)? {
  switch parseBrokerURL(url) {
  case .broker(let host, let port, let usesTLS): (host, port, usesTLS)
  case .wrong: nil
  }
}
