import Configuration
import Linux
import Ring

/// The lines of one task's log, and whose they are.
public struct LogSource: Sendable {
  /// As the task is called: `sense@i2c-1`.
  public var title: String
  public var ring: LogRing

  public init(title: String, ring: LogRing) {
    self.title = title
    self.ring = ring
  }
}

/// Which lines of the tasks' logs go to the broker, and how far they went.
///
/// One line is under way at a time. A cursor in the arena moves over it when the broker has
/// acknowledged it, so the uplink's successor goes on there; a line that was under way when a
/// session or a process ended is sent again. Lines below the threshold are passed over, but for the
/// one behind lines that were overwritten before they could be sent: it tells how many.
///
/// | state | event | next |
/// | --- | --- | --- |
/// | idle | a line was sent | under way |
/// | under way | acknowledged, or it can never be sent | idle, the cursor moves |
/// | under way | refused | idle, for `refusalPause` nothing is sent |
/// | under way | the session is over | idle |
struct LogSender {
  /// After a refusal, in ns: a right of the broker's changes by hand.
  static let refusalPause: Int64 = 60_000_000_000

  /// A line that is to be sent.
  struct Outgoing {
    let source: Int
    let line: LogLine
    /// How many lines of the task were overwritten before this one could be sent.
    let lostCount: UInt64
  }

  let sources: [LogSource]
  private let cursors: LogCursors?
  private let threshold: LogLevel?
  /// Which source is looked at first: they take turns.
  private var first = 0
  /// Lines that could not be sent at all, by source, and that no line has told of yet.
  private var skippedCounts: [UInt64]
  private var underWay: (messageID: UInt16, source: Int, number: UInt64)?
  private var pauseEnd: Int64 = 0

  /// `threshold` nil for nothing. Without cursors nothing is sent either; there is one for each
  /// source, in the same order, or this traps.
  init(_ sources: [LogSource], cursors: LogCursors?, threshold: LogLevel?) {
    precondition(sources.count <= cursors?.count ?? Int.max)
    self.sources = sources
    self.cursors = cursors
    self.threshold = threshold
    skippedCounts = [UInt64](repeating: 0, count: sources.count)
  }

  /// Whether a line waits for its acknowledgement.
  var isWaiting: Bool { underWay != nil }

  /// The next line to send; nil when there is none, or one is under way. Passes over at most a ring
  /// of lines of each source.
  mutating func next(now: Int64) -> Outgoing? {
    guard let threshold, let cursors, underWay == nil, now >= pauseEnd else { return nil }
    for offset in sources.indices {
      let source = (first + offset) % sources.count
      var reader = LogReader(sources[source].ring, at: cursors[source])
      for _ in 0..<LogRing.capacity {
        guard let line = reader.next() else { break }
        let lostCount = reader.lostCount &+ skippedCounts[source]
        if line.level >= threshold.rawValue || lostCount > 0 {
          first = (source + 1) % sources.count
          return Outgoing(source: source, line: line, lostCount: lostCount)
        }
        cursors[source] = reader.position
      }
    }
    return nil
  }

  mutating func noteSent(_ sent: Outgoing, messageID: UInt16) {
    precondition(underWay == nil)
    underWay = (messageID, sent.source, sent.line.number)
  }

  /// The line can never be sent: the next one of its task tells of it.
  mutating func noteImpossible(_ sent: Outgoing) {
    cursors?[sent.source] = sent.line.number &+ 1
    skippedCounts[sent.source] = sent.lostCount &+ 1
  }

  /// What became of an acknowledgement.
  enum Outcome: Equatable {
    /// Of another message.
    case foreign
    case done
    /// The broker does not want it; the code says why.
    case refused(code: UInt8)
  }

  mutating func note(_ acknowledgement: Acknowledgement, now: Int64) -> Outcome {
    guard let (messageID, source, number) = underWay, messageID == acknowledgement.messageID
    else { return .foreign }
    underWay = nil
    switch acknowledgement.code {
    // The second and third: topic name invalid, payload format invalid (MQTT 5, 3.4.2.1). Nobody
    // would ever take that line.
    case 0..<0x80, 0x90, 0x99:
      cursors?[source] = number &+ 1
      skippedCounts[source] = acknowledgement.code < 0x80 ? 0 : skippedCounts[source] &+ 1
      return .done
    default:
      pauseEnd = now + Self.refusalPause
      return .refused(code: acknowledgement.code)
    }
  }

  /// Nobody will acknowledge what is under way.
  mutating func noteSessionEnd() { underWay = nil }
}

/// Writes a line of a log as JSON, one object:
///
/// | label | value | when |
/// | --- | --- | --- |
/// | `device`, `epoch` | whose, and in which of its boots | always |
/// | `task` | such as `sense@i2c-1` | always |
/// | `start` | which life of the task wrote it, from 1; 0 for the supervisor | always |
/// | `line` | its number in the task's log, from 0 in every epoch | always |
/// | `level` | `info`, `notice`, `warning` or `error` | always |
/// | `t` | seconds since 1970; below 2²⁸ relative to the arrival, as in SenML | always |
/// | `text` | what it says | always |
/// | `suppressed` | lines of the same place that the rate limit kept back before it | if any |
/// | `lost` | lines of the task that were overwritten before they could be sent | if any |
///
/// A line may come twice; `epoch`, `task` and `line` tell.
struct LogEncoder: ~Copyable {
  /// A text of control characters, each six bytes long, and the longest names.
  static let byteCountMax = 4096

  private(set) var buffer = ByteBuffer(capacity: LogEncoder.byteCountMax)
  /// `{"device":"plant7","epoch":3,"task":` of every line.
  private let opening: [UInt8]

  init(device: String, epoch: UInt64) {
    opening =
      Array("{\"device\":".utf8) + jsonString(device) + Array(",\"epoch\":\(epoch),\"task\":".utf8)
  }

  /// Writes one line to `buffer`. False when it does not fit, which only a title of kilobytes can
  /// cause.
  mutating func encode(
    _ line: LogLine, of title: String, lostCount: UInt64, _ time: MessageTime
  ) -> Bool {
    buffer.removeAll()
    buffer.append(opening)
    buffer.append(jsonString(title))
    buffer.append(",\"start\":")
    buffer.append(UInt64(line.generation))
    buffer.append(",\"line\":")
    buffer.append(line.number)
    buffer.append(",\"level\":\"")
    buffer.append((LogLevel(rawValue: line.level) ?? .error).text)
    buffer.append("\",\"t\":")
    switch time {
    case .absolute(let offset): buffer.append(secondsOf: line.time &+ offset)
    case .relative(let now): buffer.append(secondsOf: min(0, line.time &- now))
    // Lines are of this boot.
    case .unknown: buffer.append(UInt64(0))
    }
    buffer.append(",\"text\":")
    // What a task that has run wild wrote need not be UTF-8: this repairs it.
    let bytes = (0..<line.byteCount).map { line.byte($0) }
    buffer.append(jsonString(String(decoding: bytes, as: UTF8.self)))
    if line.suppressedCount > 0 {
      buffer.append(",\"suppressed\":")
      buffer.append(line.suppressedCount)
    }
    if lostCount > 0 {
      buffer.append(",\"lost\":")
      buffer.append(lostCount)
    }
    buffer.append("}")
    return !buffer.hasOverflowed
  }
}
