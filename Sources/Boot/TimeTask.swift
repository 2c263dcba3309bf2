import Linux
import Ring

/// The task that keeps the clock right by SNTP (RFC 4330), for ever.
///
/// By hand, for want of a tool: Debian's static busybox has no NTP client, and its others would
/// bring a dynamic C library onto the card. One exchange of 48 bytes is all that a gateway needs.
struct TimeTask {
  /// A difference that is made up for at once, by a jump; smaller ones by drifting. As ntpd: 128
  /// ms.
  static let jumpNanoseconds: Int64 = 128_000_000
  /// Between exchanges: 64 s, doubled up to 1024 s (RFC 4330, section 10).
  static let pauseFirst: Int64 = 64_000_000_000
  static let pauseMax: Int64 = 1_024_000_000_000
  /// After a failure the next server is asked so much later, doubled up to 64 s.
  static let retryFirst: Int64 = 1_000_000_000
  static let retryMax: Int64 = 64_000_000_000
  static let answerMilliseconds: Int32 = 2000
  /// The bound on the card is renewed so often: an older one serves as well, and flash wears.
  static let savePeriod: Int64 = 3_600_000_000_000
  /// For one exchange: the resolver asks each of at most three servers twice for 5 s, for each of
  /// two kinds of address.
  static let exchangeNanosecondsMax: Int64 = 70_000_000_000
  /// Failures before they are named: the network comes up later than this task.
  static let quietFailureCount = 5

  private let servers: [String]
  private let boundFile: String
  /// The clock can't have been right when it said less.
  private let bound: Int64
  private let slot: TaskSlot?
  private var pause = pauseFirst
  private var failureCount = 0
  private var isNamed = false
  private var isSet = false
  private var savedTime: Int64 = .min

  init(servers: [String], boundFile: String, slot: TaskSlot?) {
    self.slot = slot
    self.servers = servers
    self.boundFile = boundFile
    bound = Clock.real()
  }

  mutating func run() -> Never {
    while true {
      let server = servers[failureCount % servers.count]
      slot?.beat(step: 1, now: Clock.boot(), within: Self.exchangeNanosecondsMax)
      do throws(Failure) {
        take(try ask(server), from: server)
        rest(pause)
        pause = min(pause * 2, Self.pauseMax)
      } catch {
        fail(error, server)
      }
    }
  }

  private enum Failure: Error {
    case system(SystemError)
    case silence
    case refused(TimePacket.Refusal)

    var text: String {
      switch self {
      case .system(let error) where error.number == .noDeviceOrAddress: "the name is not known"
      case .system(let error): error.text
      case .silence: "no answer"
      case .refused(.foreign): "the answer is none to this question"
      case .refused(.unsynchronized): "the server does not know the time"
      case .refused(.past): "the server's time is before a time that has passed"
      case .refused(.late): "the answer took too long"
      }
    }
  }

  private struct Answer {
    var bytes: [UInt8]
    var nonce: UInt64
    var sent: Int64
    var received: Int64
  }

  private func ask(_ server: String) throws(Failure) -> TimePacket.Measurement {
    let answer: Answer
    do throws(SystemError) {
      answer = try exchange(server)
    } catch {
      throw error.number == .timedOut ? .silence : .system(error)
    }
    do throws(TimePacket.Refusal) {
      return try TimePacket.measure(
        answer.bytes, nonce: answer.nonce, sent: answer.sent, received: answer.received,
        bound: bound)
    } catch {
      throw .refused(error)
    }
  }

  private func exchange(_ server: String) throws(SystemError) -> Answer {
    let socket = try FileDescriptor(datagramTo: server, port: TimePacket.port)
    let nonce = randomSeed()
    let sent = Clock.real()
    try socket.write(all: TimePacket.request(nonce: nonce))
    var items = [PollItem(socket.number)]
    guard try poll(&items, timeoutMilliseconds: Self.answerMilliseconds) > 0 else {
      throw SystemError("poll", .timedOut)
    }
    var bytes = [UInt8](repeating: 0, count: TimePacket.byteCount)
    let count = try socket.read(into: &bytes)
    return Answer(
      bytes: Array(bytes.prefix(count)), nonce: nonce, sent: sent, received: Clock.real())
  }

  /// Corrects the clock, says so when that is news, and keeps the time on the card.
  private mutating func take(_ measurement: TimePacket.Measurement, from server: String) {
    let milliseconds = measurement.offset / 1_000_000
    do throws(SystemError) {
      if abs(measurement.offset) >= Self.jumpNanoseconds {
        try System.setRealTime(Clock.real() + measurement.offset)
      } else {
        try System.slewRealTime(measurement.offset)
      }
      try System.markSynchronized(within: measurement.delay / 2 + 1_000_000)
    } catch {
      Log.error("can't set the clock: \(error.call): \(error.text)")
      return
    }
    if !isSet || isNamed || abs(measurement.offset) >= Self.jumpNanoseconds {
      Log.notice("the clock is right by \(server); it was \(milliseconds) ms behind")
    }
    // Resolving and the first exchange are behind it: what they needed is given back.
    if !isSet { releaseCodePages() }
    isSet = true
    isNamed = false
    failureCount = 0
    save()
  }

  private mutating func save() {
    let now = Clock.boot()
    guard savedTime == .min || now - savedTime >= Self.savePeriod else { return }
    savedTime = now
    do throws(SystemError) {
      try replaceFile(boundFile, with: Array("\(Clock.real() / 1_000_000_000)\n".utf8))
    } catch {
      Log.warning("can't keep the time in \(boundFile): \(error.text)")
    }
  }

  /// Says a failure once, when it lasts, and waits before the next server is asked.
  private mutating func fail(_ failure: Failure, _ server: String) {
    failureCount += 1
    if failureCount >= Self.quietFailureCount, !isNamed {
      isNamed = true
      Log.warning(
        "no time from \(server): \(failure.text); check network.ntp and the network; "
          + "trying again until it works")
    }
    let doublings = min(failureCount - 1, 6)
    rest(min(Self.retryFirst << Int64(doublings), Self.retryMax))
  }

  /// Sleeps, and promises to be back after it.
  private func rest(_ nanoseconds: Int64) {
    let limit = nanoseconds + Self.exchangeNanosecondsMax
    slot?.beat(step: 0, now: Clock.boot(), within: limit)
    Futex.pause(nanoseconds: nanoseconds)
  }
}
