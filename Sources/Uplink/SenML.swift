import Configuration
import Journal
import Ring

/// How the times of a message are written. One is chosen for each message, when it is sent.
public enum MessageTime: Equatable, Sendable {
  /// The clock is right: boot time + `offset` is UTC, in ns since 1970.
  case absolute(offset: Int64)
  /// The clock is not known to be right: times are seconds before `now`, ns of CLOCK_BOOTTIME.
  case relative(now: Int64)
  /// Of an earlier boot whose clock was never known to be right: times are seconds since then.
  case unknown
}

/// Writes events as SenML JSON (RFC 8428): an array with a record for each.
///
/// | label | value | when |
/// | --- | --- | --- |
/// | `bn` | the device and a slash | in the first record |
/// | `n` | the channel | always but in `droppedEvents` and `overload`, which concern the device |
/// | `u` | the channel's unit | with `v`, if the channel has one |
/// | `v` | the value; the mean of a window | good values, windows, alarms |
/// | `vb` | the level after an edge | edges |
/// | `vs` | the reason, or `gap`, or `overload` | bad values, gaps, overload levels |
/// | `t` | seconds since 1970; below 2²⁸ relative to the arrival (section 4.5.3) | but for `boottime` |
/// | `boottime` | seconds since that boot, whose time nobody ever knew | old events |
/// | `min`, `max`, `count`, `span` | of the window; `span` in seconds | windows |
/// | `alarm` | `raised` or `cleared` | alarms |
/// | `edge` | `rising` or `falling` | edges |
/// | `quality` | the same as `vs` | bad values |
/// | `gap`, `first`, `count` | what is missing, the first sequence number, how many | gaps |
/// | `last` | the last number of those among which `count` were left out | gap `slowed` |
/// | `overload` | the level, 0 to 3 | overload levels |
/// | `epoch`, `seq` | the boot of the device, and the event's number in it, from 0 | always |
/// | `lane`, `first_epoch` | of which lane; the boot that `first` is of, if another | gaps `evicted`, `damaged` |
/// | `thinned` | true: stands for events up to `seq` that had to make room | their windows |
/// | `historical` | true: sent behind later events | after an outage |
/// | `replayed` | true: sent again, because a receiver has asked for it | then |
/// | `rseq` | the number of the (last) reading behind the event | where there is one |
///
/// The labels from `min` on are extensions, which a receiver that does not know them skips (section
/// 4.4). Names hold only what section 4.5.1 allows: another byte is written as `_`, and a name that
/// starts with none of `A-Z a-z 0-9` gets an `x` in front.
public struct SenMLEncoder: ~Copyable {
  /// One record with the longest names (64 and 64 bytes), an escaped unit and all numbers at their
  /// longest takes less than 700 bytes.
  public static let byteCountMax = 1024
  /// No message is larger, however many events it may hold: what receivers take.
  public static let messageByteCountMax = 65_536

  /// The message that `encode` or `finish` made.
  public private(set) var buffer: ByteBuffer
  /// How many records the message has.
  public private(set) var recordCount = 0
  /// `[{"bn":"plant7/"` of every message.
  private let opening: [UInt8]
  /// The boot whose events are written, and its channels.
  var boot: BootTexts

  /// `batchCount` events, at least 1, are meant to fit into a message.
  public init(
    device: String, epoch: UInt64, channels: [ChannelSettings], batchCount: Int = 1
  ) {
    // Usual records take less than 256 bytes.
    buffer = ByteBuffer(
      capacity: min(Self.byteCountMax + (batchCount - 1) * 256, Self.messageByteCountMax))
    opening = Array("[{\"bn\":".utf8) + jsonString(senMLName(device) + "/")
    boot = BootTexts(epoch: epoch, channels: channels)
  }

  /// Writes one event to `buffer`. False when it can't be written: a channel that is not in the
  /// configuration, or a record longer than the buffer.
  public mutating func encode(_ event: Event, _ time: MessageTime) -> Bool {
    begin()
    guard append(event, time) else { return false }
    finish()
    return true
  }

  /// Begins a message.
  public mutating func begin() {
    buffer.removeAll()
    recordCount = 0
  }

  /// Ends the message, which has records.
  public mutating func finish() {
    precondition(recordCount > 0)
    buffer.append("]")
  }

  /// Adds an event to the message. False when it can't be written, as in `encode`, or the message
  /// is full: then it is as it was.
  public mutating func append(
    _ event: Event, _ time: MessageTime, isThinned: Bool = false, isHistorical: Bool = false,
    isReplayed: Bool = false
  ) -> Bool {
    let start = buffer.count
    if write(event, time), !buffer.hasOverflowed {
      if isThinned { buffer.append(",\"thinned\":true") }
      if isReplayed { buffer.append(",\"replayed\":true") }
      end(isHistorical)
      // One byte is kept for the end of the list.
      if !buffer.hasOverflowed, buffer.count < buffer.capacity {
        recordCount += 1
        return true
      }
    }
    buffer.removeAll(behind: start)
    return false
  }

  /// Adds what is lost to the message, as `append` does.
  public mutating func append(_ gap: Gap, _ lane: Lane, isHistorical: Bool = false) -> Bool {
    let start = buffer.count
    beginRecord(gap.through.sequence)
    buffer.append(",\"vs\":\"gap\",\"gap\":\"")
    buffer.append(gap.reason == .evicted ? "evicted" : "damaged")
    buffer.append(lane == .alarms ? "\",\"lane\":\"alarms\"" : "\",\"lane\":\"telemetry\"")
    if gap.after.epoch != gap.through.epoch {
      buffer.append(",\"first_epoch\":")
      buffer.append(gap.after.epoch)
    }
    buffer.append(",\"first\":")
    // Nothing lies before a lane's begin.
    buffer.append(gap.after.epoch == 0 ? 0 : gap.after.sequence &+ 1)
    buffer.append(",\"last\":")
    buffer.append(gap.through.sequence)
    buffer.append(",\"count\":")
    buffer.append(gap.count)
    buffer.append(",\"epoch\":")
    buffer.append(gap.through.epoch)
    appendSequence(gap.through.sequence)
    end(isHistorical)
    guard !buffer.hasOverflowed, buffer.count < buffer.capacity else {
      buffer.removeAll(behind: start)
      return false
    }
    recordCount += 1
    return true
  }

  /// The first record has the base name in front, the others their number: each field that follows
  /// begins with a comma.
  private mutating func beginRecord(_ sequence: UInt64) {
    if recordCount == 0 { return buffer.append(opening) }
    buffer.append(",{\"seq\":")
    buffer.append(sequence)
  }

  private mutating func appendSequence(_ sequence: UInt64) {
    guard recordCount == 0 else { return }
    buffer.append(",\"seq\":")
    buffer.append(sequence)
  }

  private mutating func end(_ isHistorical: Bool) {
    if isHistorical { buffer.append(",\"historical\":true") }
    buffer.append("}")
  }

  private mutating func write(_ event: Event, _ time: MessageTime) -> Bool {
    beginRecord(event.sequence)
    if !event.kind.isOfDevice {
      guard Int(event.channel) < boot.names.count else { return false }
      buffer.append(",\"n\":")
      buffer.append(boot.names[Int(event.channel)])
    }
    appendValue(event)
    switch time {
    case .absolute(let offset):
      buffer.append(",\"t\":")
      buffer.append(secondsOf: event.time &+ offset)
    case .relative(let now):
      buffer.append(",\"t\":")
      // A time after now could only be an error of the kernel's timestamp: it becomes now.
      buffer.append(secondsOf: min(0, event.time &- now))
    case .unknown:
      buffer.append(",\"boottime\":")
      buffer.append(secondsOf: event.time)
    }
    buffer.append(",\"epoch\":")
    buffer.append(boot.epoch)
    appendSequence(event.sequence)
    if event.kind.hasReading {
      buffer.append(",\"rseq\":")
      buffer.append(event.readingSequence)
    }
    return true
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
    case .slowedSampling:
      appendGap("slowed", event)
      buffer.append(",\"last\":")
      buffer.append(event.readingSequence &+ UInt64(clamping: max(event.span, 1)) &- 1)
    case .overload:
      buffer.append(",\"vs\":\"overload\",\"overload\":")
      buffer.append(UInt64(event.count))
    }
  }

  /// The value with its unit, or the reason why there is none: a record must have one of them.
  private mutating func appendNumber(_ event: Event) {
    guard event.quality == .good else { return appendQuality(event.quality.label) }
    guard event.value.isFinite else { return appendQuality("not-a-number") }
    buffer.append(boot.units[Int(event.channel)])
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

/// What the records of a boot have in common.
struct BootTexts: Sendable {
  let epoch: UInt64
  /// Of each channel, between quotation marks.
  let names: [[UInt8]]
  /// `,"u":"Cel"`, or nothing.
  let units: [[UInt8]]

  init(epoch: UInt64, channels: [ChannelSettings]) {
    var names: [[UInt8]] = []
    var units: [[UInt8]] = []
    for channel in channels {
      // Only the whole, `bn` and `n` together, must start with a letter or digit, and `bn` does.
      names.append(jsonString(senMLName(channel.name, mayStartAnyhow: true)))
      units.append(
        channel.unit.isEmpty ? [] : Array(",\"u\":".utf8) + jsonString(channel.unit))
    }
    self.epoch = epoch
    self.names = names
    self.units = units
  }
}

extension EventKind {
  /// Whether there is a reading behind the event.
  var hasReading: Bool {
    switch self {
    case .missedDeadlines, .lostEdges, .droppedReadings, .droppedEvents, .slowedSampling, .overload:
      false
    case .value, .window, .alarmRaised, .alarmCleared, .edge: true
    }
  }

  /// Whether the event concerns the device as a whole, and none of its channels.
  var isOfDevice: Bool {
    switch self {
    case .droppedEvents, .overload: true
    case .missedDeadlines, .lostEdges, .droppedReadings, .slowedSampling, .value, .window,
      .alarmRaised, .alarmCleared, .edge:
      false
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
