import Configuration
import Ring

/// How the times of a message are written. One is chosen for each message, when it is sent.
public enum MessageTime: Equatable, Sendable {
  /// The clock is right: boot time + `offset` is UTC, in ns since 1970.
  case absolute(offset: Int64)
  /// The clock is not known to be right: times are seconds before `now`, ns of CLOCK_BOOTTIME.
  case relative(now: Int64)
}

/// Writes events as SenML JSON (RFC 8428): an array with one record.
///
/// | label | value | when |
/// | --- | --- | --- |
/// | `bn` | the device and a slash | always |
/// | `n` | the channel | always but in `droppedEvents`, which concern the device |
/// | `u` | the channel's unit | with `v`, if the channel has one |
/// | `v` | the value; the mean of a window | good values, windows, alarms |
/// | `vb` | the level after an edge | edges |
/// | `vs` | the reason, or `gap` | bad values, gaps |
/// | `t` | seconds since 1970; below 2²⁸ relative to the arrival (section 4.5.3) | always |
/// | `min`, `max`, `count`, `span` | of the window; `span` in seconds | windows |
/// | `alarm` | `raised` or `cleared` | alarms |
/// | `edge` | `rising` or `falling` | edges |
/// | `quality` | the same as `vs` | bad values |
/// | `gap`, `first`, `count` | what is missing, the first sequence number, how many | gaps |
/// | `epoch`, `seq` | the boot of the device, and the event's number in it, from 0 | always |
/// | `rseq` | the number of the (last) reading behind the event | all but gaps |
///
/// The labels from `min` on are extensions, which a receiver that does not know them skips (section
/// 4.4). Names hold only what section 4.5.1 allows: another byte is written as `_`, and a name that
/// starts with none of `A-Z a-z 0-9` gets an `x` in front.
public struct SenMLEncoder: ~Copyable {
  /// One record with the longest names (64 and 64 bytes), an escaped unit and all numbers at their
  /// longest takes less than 700 bytes.
  public static let byteCountMax = 1024

  /// The message of the last call of `encode`.
  public private(set) var buffer = ByteBuffer(capacity: SenMLEncoder.byteCountMax)
  /// `[{"bn":"plant7/"` of every message.
  private let opening: [UInt8]
  private let channelNames: [[UInt8]]
  /// `,"u":"Cel"`, or nothing.
  private let channelUnits: [[UInt8]]
  private let epoch: UInt64

  public init(device: String, epoch: UInt64, channels: [ChannelSettings]) {
    opening = Array("[{\"bn\":".utf8) + jsonString(senMLName(device) + "/")
    var names: [[UInt8]] = []
    var units: [[UInt8]] = []
    for channel in channels {
      // Only the whole, `bn` and `n` together, must start with a letter or digit, and `bn` does.
      names.append(jsonString(senMLName(channel.name, mayStartAnyhow: true)))
      units.append(
        channel.unit.isEmpty ? [] : Array(",\"u\":".utf8) + jsonString(channel.unit))
    }
    channelNames = names
    channelUnits = units
    self.epoch = epoch
  }

  /// Writes one event to `buffer`. False when it can't be written: a channel that is not in the
  /// configuration, or a record longer than the buffer.
  public mutating func encode(_ event: Event, _ time: MessageTime) -> Bool {
    buffer.removeAll()
    buffer.append(opening)
    if event.kind != .droppedEvents {
      guard Int(event.channel) < channelNames.count else { return false }
      buffer.append(",\"n\":")
      buffer.append(channelNames[Int(event.channel)])
    }
    appendValue(event)
    buffer.append(",\"t\":")
    switch time {
    case .absolute(let offset): buffer.append(secondsOf: event.time &+ offset)
    // A time after now could only be an error of the kernel's timestamp: it becomes now.
    case .relative(let now): buffer.append(secondsOf: min(0, event.time &- now))
    }
    buffer.append(",\"epoch\":")
    buffer.append(epoch)
    buffer.append(",\"seq\":")
    buffer.append(event.sequence)
    if !event.kind.isGap {
      buffer.append(",\"rseq\":")
      buffer.append(event.readingSequence)
    }
    buffer.append("}]")
    return !buffer.hasOverflowed
  }

  private mutating func appendValue(_ event: Event) {
    switch event.kind {
    case .value:
      appendNumber(event)
    case .window:
      appendNumber(event)
      appendExtension(",\"min\":", event.minimum)
      appendExtension(",\"max\":", event.maximum)
      buffer.append(",\"count\":")
      buffer.append(UInt64(event.count))
      buffer.append(",\"span\":")
      buffer.append(secondsOf: event.span)
    case .alarmRaised:
      appendNumber(event)
      buffer.append(",\"alarm\":\"raised\"")
    case .alarmCleared:
      appendNumber(event)
      buffer.append(",\"alarm\":\"cleared\"")
    case .edge:
      appendEdge(event)
    case .missedDeadlines: appendGap("missed-deadlines", event)
    case .lostEdges: appendGap("lost-edges", event)
    case .droppedReadings: appendGap("dropped-readings", event)
    case .droppedEvents: appendGap("dropped-events", event)
    }
  }

  /// The value with its unit, or the reason why there is none: a record must have one of them.
  private mutating func appendNumber(_ event: Event) {
    guard event.quality == .good else { return appendQuality(event.quality.label) }
    guard event.value.isFinite else { return appendQuality("not-a-number") }
    buffer.append(channelUnits[Int(event.channel)])
    buffer.append(",\"v\":")
    buffer.append(event.value)
  }

  private mutating func appendQuality(_ label: StaticString) {
    buffer.append(",\"vs\":\"")
    buffer.append(label)
    buffer.append("\",\"quality\":\"")
    buffer.append(label)
    buffer.append("\"")
  }

  private mutating func appendEdge(_ event: Event) {
    guard event.quality == .good else { return appendQuality(event.quality.label) }
    let isHigh = event.value != 0
    buffer.append(isHigh ? ",\"vb\":true" : ",\"vb\":false")
    buffer.append(isHigh ? ",\"edge\":\"rising\"" : ",\"edge\":\"falling\"")
  }

  private mutating func appendExtension(_ label: StaticString, _ number: Double) {
    guard number.isFinite else { return }
    buffer.append(label)
    buffer.append(number)
  }

  private mutating func appendGap(_ what: StaticString, _ event: Event) {
    buffer.append(",\"vs\":\"gap\",\"gap\":\"")
    buffer.append(what)
    buffer.append("\",\"first\":")
    buffer.append(event.readingSequence)
    buffer.append(",\"count\":")
    buffer.append(UInt64(event.count))
  }
}

extension EventKind {
  /// Whether the event says that something is missing.
  var isGap: Bool {
    switch self {
    case .missedDeadlines, .lostEdges, .droppedReadings, .droppedEvents: true
    case .value, .window, .alarmRaised, .alarmCleared, .edge: false
    }
  }
}

extension Quality {
  /// The word of a payload.
  public var label: StaticString {
    switch self {
    case .good: "good"
    case .nack: "nack"
    case .timeout: "timeout"
    case .busStuck: "bus-stuck"
    case .busFault: "bus-fault"
    case .deviceFault: "device-fault"
    case .notReady: "not-ready"
    case .outOfRange: "out-of-range"
    case .absent: "absent"
    }
  }
}

/// A name that RFC 8428, section 4.5.1, allows.
func senMLName(_ name: String, mayStartAnyhow: Bool = false) -> String {
  var bytes: [UInt8] = []
  for byte in name.utf8 {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      bytes.append(byte)
    case UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "."), UInt8(ascii: "/"),
      UInt8(ascii: "_"):
      if bytes.isEmpty, !mayStartAnyhow { bytes.append(UInt8(ascii: "x")) }
      bytes.append(byte)
    default:
      if bytes.isEmpty, !mayStartAnyhow { bytes.append(UInt8(ascii: "x")) }
      bytes.append(UInt8(ascii: "_"))
    }
  }
  return String(decoding: bytes, as: UTF8.self)
}
