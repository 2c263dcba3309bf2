import Configuration
import Linux
import Ring

/// Which of the gateway's crashes the broker has.
///
/// One is under way at a time. A cursor in the arena moves over it when the broker has acknowledged
/// it, so that the uplink's successor goes on there, also when it was the uplink that crashed.
/// Those of the boot before are sent again: nobody knows what became of them.
struct CrashSender {
  /// After a refusal, in ns, as for the log.
  static let refusalPause = LogSender.refusalPause

  private let log: CrashLog?
  private let cursor: LogCursors?
  private var underWay: (messageID: UInt16, number: UInt64)?
  private var pauseEnd: Int64 = 0

  init(_ log: CrashLog?, cursor: LogCursors?) {
    self.log = log
    self.cursor = cursor
  }

  /// The next one to send; nil when there is none, or one is under way.
  func next(now: Int64) -> CrashEntry? {
    guard let log, let cursor, underWay == nil, now >= pauseEnd else { return nil }
    let first = max(cursor[0], log.firstToTell, log.first)
    for number in first..<max(first, log.end) {
      if let entry = log[number] { return entry }
    }
    return nil
  }

  mutating func noteSent(_ entry: CrashEntry, messageID: UInt16) {
    precondition(underWay == nil)
    underWay = (messageID, entry.number)
  }

  /// It can never be sent.
  func noteImpossible(_ entry: CrashEntry) { cursor?[0] = entry.number &+ 1 }

  /// What became of an acknowledgement, as in `LogSender`.
  mutating func note(_ acknowledgement: Acknowledgement, now: Int64) -> LogSender.Outcome {
    guard let (messageID, number) = underWay, messageID == acknowledgement.messageID else {
      return .foreign
    }
    underWay = nil
    switch acknowledgement.code {
    case 0..<0x80, 0x90, 0x99:
      cursor?[0] = number &+ 1
      return .done
    default:
      pauseEnd = now + Self.refusalPause
      return .refused(code: acknowledgement.code)
    }
  }

  /// Nobody will acknowledge what is under way.
  mutating func noteSessionEnd() { underWay = nil }
}

extension Uplink {
  /// Sends the next crash, before everything else: there are few, and they explain the rest.
  mutating func sendCrash(_ now: Int64) {
    guard phase == .open, let entry = crashSender.next(now: now) else { return }
    let payload = crashPayload(entry)
    let properties = MessageProperties(contentType: "application/json")
    let topic = topics.crash
    // Safe: the buffer outlives the call.
    let result = unsafe payload.withUnsafeBufferPointer {
      unsafe session?.publish(topic: topic, payload: $0, retained: false, properties: properties)
    }
    switch result {
    case .sent(let messageID)?: crashSender.noteSent(entry, messageID: messageID)
    case .impossible?:
      crashSender.noteImpossible(entry)
      Log.warning("the broker does not take a crash record: check uplink.status_topic")
    case .failed(let fault)?: fail(fault, now)
    case nil: break
    }
  }

  /// `{"device":"plant7","version":"0.1.0","t":1764000000.1,"crash":3,…}`.
  private func crashPayload(_ entry: CrashEntry) -> [UInt8] {
    var payload = Array("{\"device\":".utf8) + jsonString(context.device)
    payload += Array(",\"version\":".utf8) + jsonString(context.version) + Array(",\"t\":".utf8)
    payload += Array(crashSeconds(entry).utf8) + [UInt8(ascii: ",")]
    return payload + context.crashMembers(entry) + [UInt8(ascii: "}")]
  }

  /// Of this boot as for readings; of an earlier one there is only what its clock said.
  private func crashSeconds(_ entry: CrashEntry) -> String {
    var buffer = ByteBuffer(capacity: 32)
    if entry.epoch == context.epoch {
      switch context.clock.messageTime() {
      case .absolute(let offset): buffer.append(secondsOf: entry.record.time &+ offset)
      case .relative(let now): buffer.append(secondsOf: min(0, entry.record.time &- now))
      // Only of earlier boots.
      case .unknown: buffer.append(UInt64(0))
      }
    } else {
      buffer.append(secondsOf: entry.realTime)
    }
    return buffer.text
  }

  /// Whether the acknowledgement was that of a crash.
  mutating func noteCrash(_ acknowledgement: Acknowledgement, _ now: Int64) -> Bool {
    switch crashSender.note(acknowledgement, now: now) {
    case .foreign: return false
    case .done: return true
    case .refused(let code):
      Log.warning(
        "the broker refuses a crash record with reason code \(code): let this client publish to "
          + siblingTopic(of: context.settings.statusTopic, named: "crash"))
      return true
    }
  }
}
