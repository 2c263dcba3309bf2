/// What an event tells the receiver.
public enum EventKind: UInt8, BitwiseCopyable, Sendable {
  /// One value (`value`) of the channel.
  case value = 0
  /// A window: `value` is the mean, with `minimum`, `maximum` and `count`, over `span` ns that end
  /// at `time`.
  case window = 1
  /// A threshold alarm was raised, at `value`.
  case alarmRaised = 2
  /// The alarm ended, at `value`.
  case alarmCleared = 3
  /// A GPIO edge: `value` is the level after it.
  case edge = 4
  /// `count` deadlines of the channel, from reading `readingSequence` on, were missed.
  case missedDeadlines = 5
  /// `count` edges of the channel were lost in the kernel.
  case lostEdges = 6
  /// `count` readings of the channel, from `readingSequence` on, were dropped before the pipeline.
  case droppedReadings = 7
  /// `count` events, from event sequence `readingSequence` on, were dropped because the uplink's
  /// buffer was full.
  case droppedEvents = 8
  /// `count` deadlines of the channel, among the `span` (a number here) from reading
  /// `readingSequence` on, were left out by the overload policy: those that have neither a reading
  /// nor another gap.
  case slowedSampling = 9
  /// The gateway's overload level is now `count`, 0 to 3. It concerns the device, not a channel.
  case overload = 10
}

/// What the pipeline gives to the uplink: 64 bytes, one cache line, the same in every build.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | `time`, ns of CLOCK_BOOTTIME |
/// | 8 | 8 | `sequence`, of the device, from 0 in every boot epoch, without holes |
/// | 16 | 8 | `readingSequence`, of the (last) reading that made this event; gaps: `EventKind` |
/// | 24 | 8 | `value` |
/// | 32 | 8 | `minimum` |
/// | 40 | 8 | `maximum` |
/// | 48 | 8 | `span`, ns |
/// | 56 | 4 | `count` |
/// | 60 | 2 | `channel` |
/// | 62 | 1 | `kind` |
/// | 63 | 1 | `quality` |
public struct Event: BitwiseCopyable, Sendable {
  public var time: Int64
  public var sequence: UInt64
  public var readingSequence: UInt64
  public var value: Double
  public var minimum: Double
  public var maximum: Double
  public var span: Int64
  public var count: UInt32
  public var channel: UInt16
  public var kind: EventKind
  public var quality: Quality

  public init(
    kind: EventKind, channel: UInt16, time: Int64, sequence: UInt64 = 0,
    readingSequence: UInt64 = 0, value: Double = 0, quality: Quality = .good,
    minimum: Double = 0, maximum: Double = 0, span: Int64 = 0, count: UInt32 = 1
  ) {
    self.time = time
    self.sequence = sequence
    self.readingSequence = readingSequence
    self.value = value
    self.minimum = minimum
    self.maximum = maximum
    self.span = span
    self.count = count
    self.channel = channel
    self.kind = kind
    self.quality = quality
  }
}
