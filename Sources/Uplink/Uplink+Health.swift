import Configuration
import Linux
import Ring

/// What was last told of the health of the tasks, and when it may be told again.
struct HealthNews {
  /// The status message is sent at most so often, in ns.
  static let pause: Int64 = 1_000_000_000

  private var told: [UInt64] = []
  private var time: Int64 = .min

  /// Whether there is something to tell at `now`. `words` are the healths of all tasks.
  func isNews(_ words: [UInt64], now: Int64) -> Bool {
    guard time == .min || now - time >= Self.pause else { return false }
    return words != told
  }

  mutating func note(_ words: [UInt64], now: Int64) {
    told = words
    time = now
  }
}

extension Uplink {
  /// Tells the broker of the health of all tasks when it has changed: the retained status message,
  /// whose other form is the will.
  mutating func tellHealth(_ now: Int64) {
    guard phase == .open else { return }
    let words = context.tasks.map { $0.slot.health.word }
    guard healthNews.isNews(words, now: now) else { return }
    publishOnline(now)
  }

  /// Publishes that we are here, and how we are.
  mutating func publishOnline(_ now: Int64) {
    let healths = context.tasks.map { $0.slot.health }
    healthNews.note(healths.map { $0.word }, now: now)
    let payload = onlinePayload(healths)
    switch session?.publishStatus(payload, topic: topics.status) {
    case .failed(let fault)?: fail(fault, now)
    case .impossible?:
      Log.warning("the broker does not take the status message: check uplink.status_topic")
    case .sent?, nil: break
    }
  }

  /// `{"status":"online",…,"health":"degraded","tasks":{"pipeline":"healthy",…}}`.
  private func onlinePayload(_ healths: [Health]) -> [UInt8] {
    var payload = sessionSettings.onlinePayload
    guard payload.last == UInt8(ascii: "}") else { return payload }
    payload.removeLast()
    payload += securityMembers
    guard !healths.isEmpty else { return payload + [UInt8(ascii: "}")] }
    payload += Array(",\"health\":".utf8)
    payload += jsonString(context.overall(healths.map { $0.state }).name.description)
    payload += Array(",\"tasks\":{".utf8)
    for (index, health) in healths.enumerated() {
      if index > 0 { payload.append(UInt8(ascii: ",")) }
      payload += jsonString(context.tasks[index].title) + [UInt8(ascii: ":")]
      let reason = context.healthText(health)
      payload += jsonString(
        health.state.name.description + (reason.isEmpty ? "" : ": " + reason))
    }
    return payload + Array("}}".utf8)
  }

  /// What the supervisor is told of the uplink itself.
  var condition: Condition {
    switch phase {
    case .open, .draining, .leaving:
      return delivery.refusalCode == 0 ? expiryCondition ?? .fine : Condition(.brokerAway)
    case .waiting, .connecting, .ended:
      // Until the first fault it is only starting.
      return namedFault == nil ? .fine : Condition(.brokerAway)
    }
  }
}
