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
/// | `bt` | whole seconds since 1970, to be added to each `t` | there, where a message may hold several |
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
/// | `epoch` | the boot of the device | in the first record, for all of the message |
/// | `seq` | the event's number in that boot, from 0; else one more than the record before has | in the first record, and where it does not follow |
/// | `lane`, `first_epoch` | of which lane; the boot that `first` is of, if another | gaps `evicted`, `damaged` |
/// | `thinned` | true: stands for events up to `seq` that had to make room | their windows |
/// | `historical` | true: sent behind later events | after an outage |
/// | `replayed` | true: sent again, because a receiver has asked for it | then |
/// | `rseq` | the number of the (last) reading behind the event; else one more than the channel's record before has | where there is one, and it does not follow |
///
/// The labels from `min` on are extensions, which a receiver that does not know them skips (section
/// 4.4). Names hold only what section 4.5.1 allows: another byte is written as `_`, and a name that
/// starts with none of `A-Z a-z 0-9` gets an `x` in front.
public struct SenMLEncoder: ~Copyable {
  /// One record with the longest names (64 and 64 bytes), an escaped unit and all numbers at their
  /// longest takes less than 700 bytes.
  public static let byteCountMax = 1024

  /// The message that `encode` or `finish` made.
  public private(set) var buffer: ByteBuffer
  /// How many records the message has.
  public private(set) var recordCount = 0
  /// What a message may hold, as configured.
  private let batch: BatchSettings
  /// The largest message that the broker takes, in bytes, before compression.
  var byteCountLimit = Int.max
  /// `[{"bn":"plant7/"` of every message.
  private let opening: [UInt8]
  /// What is to be subtracted from the times of the message, in ns since 1970.
  private var baseTime: Int64 = 0
  /// Of the last record.
  private var lastSequence: UInt64 = 0
  /// Of each channel, what its next record need not say.
  private var expectations: [Expectation]
  private var messageNumber: UInt64 = 0
  /// The boot whose events are written, and its channels.
  var boot: BootTexts {
    didSet {
      while expectations.count < boot.channelCount { expectations.append(Expectation()) }
    }
  }

  /// The number of a channel's next reading, if none is missing.
  private struct Expectation {
    /// In which message; 0 for none.
    var messageNumber: UInt64 = 0
    var readingSequence: UInt64 = 0
  }

  public init(
    device: String, epoch: UInt64, channels: [ChannelSettings], batch: BatchSettings = .init()
  ) {
    // Usual records take less than 256 bytes.
    let usual = Self.byteCountMax + (Int(batch.eventCount) - 1) * 256
    buffer = ByteBuffer(capacity: max(min(usual, Int(batch.byteCount)), Self.byteCountMax))
    self.batch = batch
    opening = Array("[{\"bn\":".utf8) + jsonString(senMLName(device) + "/")
    boot = BootTexts(epoch: epoch, channels: channels)
    expectations = Array(repeating: Expectation(), count: channels.count)
  }

  /// How many more records may come, at most.
  var room: Int { Int(batch.eventCount) - recordCount }

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
    messageNumber += 1
    baseTime = 0
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
    if !isThinned, !isReplayed, appendUsual(event, time, isHistorical) {
      guard end(start, event.sequence) else { return false }
      expectNext(after: event)
      return true
    }
    if write(event, time), !buffer.hasOverflowed {
      if isThinned { buffer.append(",\"thinned\":true") }
      if isReplayed { buffer.append(",\"replayed\":true") }
      guard end(isHistorical, start, event.sequence) else { return false }
      if event.kind.hasReading { expectNext(after: event) }
      return true
    }
    buffer.removeAll(behind: start)
    return false
  }

  /// Whether the message says the number of the event's reading already.
  @inline(__always)
  private func isExpected(_ event: Event) -> Bool {
    let known = expectations[Int(event.channel)]
    return known.messageNumber == messageNumber && known.readingSequence == event.readingSequence
  }

  @inline(__always)
  private mutating func expectNext(after event: Event) {
    expectations[Int(event.channel)] = Expectation(
      messageNumber: messageNumber, readingSequence: event.readingSequence &+ 1)
  }

  /// Writes what nearly all records are, in one go: a good value that follows the record before it.
  /// False, and nothing is written, for others.
  @inline(__always)
  private mutating func appendUsual(
    _ event: Event, _ time: MessageTime, _ isHistorical: Bool
  ) -> Bool {
    guard recordCount > 0, event.kind == .value, event.quality == .good,
      event.sequence == lastSequence &+ 1, case .absolute(let offset) = time,
      Int(event.channel) < boot.channelCount
    else { return false }
    let isExpected = isExpected(event)
    return buffer.write(atMost: boot.usualByteCountMax) { [baseTime] text in
      boot.appendLabels(of: event.channel, to: &text)
      guard text.append(shortDecimal: event.value) else { return false }
      text.append(",\"t\":")
      text.append(secondsOf: event.time &+ offset &- baseTime)
      if !isExpected {
        text.append(",\"rseq\":")
        text.append(event.readingSequence)
      }
      if isHistorical { text.append(",\"historical\":true") }
      text.append("}")
      return true
    }
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
    endIdentity(gap.through.sequence)
    return end(isHistorical, start, gap.through.sequence)
  }

  /// The first record has the base name in front, the others their number: each field that follows
  /// begins with a comma.
  private mutating func beginRecord(_ sequence: UInt64) {
    if recordCount == 0 { return buffer.append(opening) }
    buffer.append(",{\"seq\":")
    buffer.append(sequence)
  }

  /// The identity, which all but the first record have at their begin.
  private mutating func endIdentity(_ sequence: UInt64) {
    guard recordCount == 0 else { return }
    boot.appendEpoch(to: &buffer)
    buffer.append(",\"seq\":")
    buffer.append(sequence)
  }

  /// Ends the record that began at `start`. False, and it is gone, if the message is too long with
  /// it: a first one may be as long as the buffer.
  private mutating func end(_ isHistorical: Bool, _ start: Int, _ sequence: UInt64) -> Bool {
    if isHistorical { buffer.append(",\"historical\":true") }
    buffer.append("}")
    return end(start, sequence)
  }

  @inline(__always)
  private mutating func end(_ start: Int, _ sequence: UInt64) -> Bool {
    // One byte is kept for the end of the list.
    let limit =
      recordCount == 0
      ? buffer.capacity : min(buffer.capacity, byteCountLimit, Int(batch.byteCount))
    guard !buffer.hasOverflowed, buffer.count < limit else {
      buffer.removeAll(behind: start)
      return false
    }
    recordCount += 1
    lastSequence = sequence
    return true
  }

  private mutating func write(_ event: Event, _ time: MessageTime) -> Bool {
    if !event.kind.isOfDevice, Int(event.channel) >= boot.channelCount { return false }
    beginRecord(event.sequence)
    if recordCount == 0 { beginTime(event, time) }
    if !event.kind.isOfDevice { boot.appendName(of: event.channel, to: &buffer) }
    appendValue(event)
    switch time {
    case .absolute(let offset):
      buffer.append(",\"t\":")
      buffer.append(secondsOf: event.time &+ offset &- baseTime)
    case .relative(let now):
      buffer.append(",\"t\":")
      // A time after now could only be an error of the kernel's timestamp: it becomes now.
      buffer.append(secondsOf: min(0, event.time &- now))
    case .unknown:
      buffer.append(",\"boottime\":")
      buffer.append(secondsOf: event.time)
    }
    endIdentity(event.sequence)
    if event.kind.hasReading, !isExpected(event) {
      buffer.append(",\"rseq\":")
      buffer.append(event.readingSequence)
    }
    return true
  }

  /// Where several records are meant to come, times are told by their difference: ten digits less
  /// in each.
  private mutating func beginTime(_ event: Event, _ time: MessageTime) {
    guard batch.eventCount > 1, case .absolute(let offset) = time else { return }
    let seconds = (event.time &+ offset) / 1_000_000_000
    // Below that a sum would be relative to the arrival (section 4.5.3).
    guard seconds >= 1 << 28 else { return }
    baseTime = seconds * 1_000_000_000
    buffer.append(",\"bt\":")
    buffer.append(UInt64(seconds))
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
    boot.appendUnit(of: event.channel, to: &buffer)
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
  /// The texts of all channels, one behind the other, in a single array: nothing is counted or
  /// released where one is copied.
  private let bytes: [UInt8]
  /// Of each channel, where `,{"n":"boiler.temperature"`, and behind it `,"u":"Cel","v":`, begins;
  /// and where the last one ends.
  private let places: [Int]
  /// `,"epoch":3`
  private let epochText: [UInt8]
  /// The longest text that a good value takes behind the first of a message.
  let usualByteCountMax: Int

  init(epoch: UInt64, channels: [ChannelSettings]) {
    var bytes: [UInt8] = []
    var places: [Int] = [0]
    for channel in channels {
      // Only the whole, `bn` and `n` together, must start with a letter or digit, and `bn` does.
      bytes += Array(",{\"n\":".utf8) + jsonString(senMLName(channel.name, mayStartAnyhow: true))
      places.append(bytes.count)
      if !channel.unit.isEmpty { bytes += Array(",\"u\":".utf8) + jsonString(channel.unit) }
      bytes += Array(",\"v\":".utf8)
      places.append(bytes.count)
    }
    var longest = 0
    for index in channels.indices {
      longest = max(longest, places[2 * index + 2] - places[2 * index])
    }
    // `,"t":`, `,"rseq":` and `,"historical":true}` between and behind them.
    usualByteCountMax =
      5 + 8 + 19 + longest + RoomyText.digitCountMax + RoomyText.decimalByteCountMax
      + RoomyText.secondsByteCountMax
    let slack = [UInt8](repeating: 0, count: RoomyText.slack)
    self.epoch = epoch
    self.bytes = bytes + slack
    self.places = places
    epochText = Array(",\"epoch\":\(epoch)".utf8)
  }

  var channelCount: Int { places.count / 2 }

  /// The field of the name. Traps if there is no such channel.
  @inline(__always)
  func appendName(of channel: UInt16, to buffer: inout ByteBuffer) {
    let index = Int(channel) * 2
    buffer.append(UInt8(ascii: ","))
    buffer.append(bytes, in: places[index] + 2..<places[index + 1])
  }

  /// The field of the unit, if there is one, and the label of the value.
  @inline(__always)
  func appendUnit(of channel: UInt16, to buffer: inout ByteBuffer) {
    let index = Int(channel) * 2 + 1
    buffer.append(bytes, in: places[index]..<places[index + 1])
  }

  @inline(__always)
  func appendEpoch(to buffer: inout ByteBuffer) { buffer.append(epochText) }

  /// The begin of a record behind others, up to the label of the value.
  @inline(__always)
  func appendLabels(of channel: UInt16, to text: inout RoomyText) {
    let index = Int(channel) * 2
    text.append(bytes, in: places[index]..<places[index + 2])
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
