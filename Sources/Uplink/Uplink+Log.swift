import Configuration
import Linux
import Ring

extension Uplink {
  /// Sends the next line of the tasks' logs, if all events are on their way: a log is never ahead
  /// of readings.
  mutating func sendLog(_ now: Int64) {
    guard phase.takesLog, !delivery.hasUnsent(now) else { return }
    // A line that can't be sent makes room for the next one; the bound is one turn's share.
    for _ in 0..<8 {
      guard let outgoing = logSender.next(now: now) else { return }
      switch publish(outgoing) {
      case .sent(let messageID):
        return logSender.noteSent(outgoing, messageID: messageID)
      case .impossible: logSender.noteImpossible(outgoing)
      case .failed(let fault): return fail(fault, now)
      }
    }
  }

  private mutating func publish(_ outgoing: LogSender.Outgoing) -> PublishResult {
    guard
      logEncoder.encode(
        outgoing.line, of: logSender.sources[outgoing.source].title,
        lostCount: outgoing.lostCount, context.clock.messageTime())
    else { return .impossible }
    let properties = MessageProperties(contentType: "application/json")
    let topic = topics.log
    // Safe: the buffer outlives the call.
    let result = unsafe logEncoder.buffer.withBytes {
      unsafe session?.publish(topic: topic, payload: $0, retained: false, properties: properties)
    }
    return result ?? .failed(.dropped)
  }

  /// Whether the acknowledgement was that of a line.
  mutating func noteLog(_ acknowledgement: Acknowledgement, _ now: Int64) -> Bool {
    switch logSender.note(acknowledgement, now: now) {
    case .foreign: return false
    case .done: return true
    case .refused(let code):
      if !namedLogRefusal {
        namedLogRefusal = true
        Log.warning(
          "the broker refuses the log with reason code \(code): let this client publish to "
            + "\(topics.logName), or write 'log: off' in 'uplink'")
      }
      return true
    }
  }
}

extension Uplink.Phase {
  /// Whether lines of the log may be sent.
  fileprivate var takesLog: Bool {
    switch self {
    case .open, .draining: true
    case .waiting, .connecting, .leaving, .ended: false
    }
  }
}
