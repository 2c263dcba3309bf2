import Ring

/// Which trace each event belongs to (W3C Trace Context, level 1): two numbers that follow from
/// what the event carries, so that every hop, every repetition and every life of a task finds the
/// same.
///
/// | part | from |
/// | --- | --- |
/// | trace id, first half | the boot's random number |
/// | trace id, second half | the boot's second random number, the channel, the reading's sequence |
/// | parent id | the boot's second random number, the event's sequence |
///
/// So the events of one reading, such as an alarm and its value, share a trace. Different readings
/// never do, up to 2⁴⁸ of a channel. An event without a reading has a trace of its own.
public struct Trace: Equatable, Sendable {
  private let first: UInt64
  private let second: UInt64

  /// Two random numbers, made once for each boot epoch.
  public init(first: UInt64, second: UInt64) {
    // No part may be zero (section 2.2.3).
    self.first = first == 0 ? 1 : first
    self.second = second
  }

  func identifiers(of event: Event) -> (high: UInt64, low: UInt64, parent: UInt64) {
    let key =
      event.kind.hasReading
      ? UInt64(event.channel) << 48 ^ event.readingSequence : ~event.sequence
    let parent = Self.mixed(event.sequence ^ second)
    return (first, Self.mixed(key ^ second), parent == 0 ? 1 : parent)
  }

  /// Stafford's variant 13 of MurmurHash3's finalizer: different numbers stay different.
  private static func mixed(_ number: UInt64) -> UInt64 {
    var number = (number ^ number >> 30) &* 0xBF58_476D_1CE4_E5B9
    number = (number ^ number >> 27) &* 0x94D0_49BB_1331_11EB
    return number ^ number >> 31
  }
}

/// Writes the user properties by which a message is traced.
///
/// | name | value |
/// | --- | --- |
/// | `traceparent` | `00-TRACE-PARENT-01`, hexadecimal (W3C Trace Context, section 3.2) |
/// | `hops` | the time spent at each hop in ms: `sense;dur=0.4,pipeline;dur=0.1,uplink;dur=2.5` |
///
/// The form of `hops` is that of the header Server-Timing (W3C). `sense` is the time from the
/// measurement until the reading was in the ring to the pipeline; `pipeline` until the event was in
/// the ring to the uplink; `uplink` until it was handed to the broker, this time: a repetition has
/// a longer one. A window happens at its end, and stays at the pipeline until that is noticed.
struct TraceEncoder: ~Copyable {
  private(set) var parent = ByteBuffer(capacity: 64)
  private(set) var hops = ByteBuffer(capacity: 128)

  /// Writes both texts with a 0 at their ends. `now` in ns of CLOCK_BOOTTIME.
  mutating func encode(_ event: Event, _ trace: Trace, _ note: HopNote, now: Int64) {
    let (high, low, span) = trace.identifiers(of: event)
    parent.removeAll()
    parent.append("00-")
    appendHexadecimal(high)
    appendHexadecimal(low)
    parent.append("-")
    appendHexadecimal(span)
    parent.append("-01")
    parent.append(UInt8(0))
    hops.removeAll()
    hops.append("sense;dur=")
    appendMilliseconds(note.sense)
    hops.append(",pipeline;dur=")
    appendMilliseconds(note.pipeline)
    hops.append(",uplink;dur=")
    let spent = (Int64(note.sense) + Int64(note.pipeline)) * 1000
    appendMilliseconds(HopNote.microseconds(from: event.time &+ spent, to: now))
    hops.append(UInt8(0))
  }

  private mutating func appendHexadecimal(_ number: UInt64) {
    for shift in stride(from: UInt64(60), through: 0, by: -4) {
      let digit = UInt8(truncatingIfNeeded: number >> shift & 15)
      parent.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
  }

  private mutating func appendMilliseconds(_ microseconds: UInt32) {
    // As many seconds of a time that is a thousand times as long.
    hops.append(secondsOf: Int64(microseconds) * 1_000_000)
  }
}
