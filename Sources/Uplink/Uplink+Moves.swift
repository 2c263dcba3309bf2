import Configuration
import Linux

// Where the broker sends this client.
extension Uplink {
  /// So often in a row it is followed; brokers that send a client in a circle are waited for.
  static let moveCountMax = 3

  /// Follows the broker's word, if that is configured and the place is one: with the same security,
  /// so that the certificate there must be for that name. True when the next attempt goes there.
  mutating func follow(_ fault: UplinkFault, _ now: Int64) -> Bool {
    let isAway =
      sessionSettings.host != context.settings.host
      || sessionSettings.port != context.settings.port
    guard case .moved(_, let reference) = fault else {
      // Whatever is wrong there, the configured broker knows where to go.
      if isAway { returnToConfigured() }
      return false
    }
    guard context.settings.followsMoves, moveCount < Self.moveCountMax,
      let place = Self.place(in: reference, usesTLS: sessionSettings.usesTLS),
      place.host != sessionSettings.host || place.port != sessionSettings.port
    else {
      if isAway { returnToConfigured() }
      return false
    }
    moveCount += 1
    let old = sessionSettings.place
    sessionSettings.host = place.host
    sessionSettings.port = place.port
    Log.notice("\(old) sends this client to \(sessionSettings.place): trying there")
    phase = .waiting(until: now)
    return true
  }

  private mutating func returnToConfigured() {
    sessionSettings.host = context.settings.host
    sessionSettings.port = context.settings.port
  }

  /// The first place of a Server Reference that is one: hosts with or without a port, separated by
  /// spaces. One that names a scheme must name ours.
  static func place(in reference: String, usesTLS: Bool) -> (host: String, port: UInt16)? {
    let scheme = usesTLS ? "mqtts://" : "mqtt://"
    for word in Array(reference.utf8).split(separator: 0x20) {
      var text = String(decoding: word, as: UTF8.self)
      if !text.utf8.starts(with: scheme.utf8) { text = scheme + text }
      if let place = brokerPlace(text), place.usesTLS == usesTLS { return (place.host, place.port) }
    }
    return nil
  }
}
