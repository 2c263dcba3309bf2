/// What a driver says of the value that it read.
///
/// Everything but `good` makes the value meaningless (it is NaN); the reading still flows to the
/// receiver, so that a bad sensor is seen and not guessed from silence.
public enum Quality: UInt8, BitwiseCopyable, Sendable {
  case good = 0
  /// The device did not acknowledge its address (I²C NACK: errno ENXIO or EREMOTEIO).
  case nack = 1
  /// The transfer did not end in time (errno ETIMEDOUT).
  case timeout = 2
  /// A line of the bus is held low (errno EBUSY or EAGAIN after recovery was tried).
  case busStuck = 3
  /// Another error of the bus (errno EIO and the rest).
  case busFault = 4
  /// The device answered, but is not what the configuration says, or its data fails its own check.
  case deviceFault = 5
  /// The device has no new measurement yet.
  case notReady = 6
  /// The value is outside what the device can measure.
  case outOfRange = 7
  /// There is no such device, chip or file.
  case absent = 8
}

/// One measurement of one channel: 32 bytes, the same in every build.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | `time`, ns of CLOCK_BOOTTIME (GPIO edges: the kernel's timestamp, same clock) |
/// | 8 | 8 | `sequence`, per channel, from 0 at boot; every deadline takes one, also a missed one |
/// | 16 | 8 | `value`, in the unit of the channel; NaN unless `quality` is `good` |
/// | 24 | 4 | `count`, see `kind` |
/// | 28 | 2 | `channel`, index in the configuration's list |
/// | 30 | 1 | `kind` |
/// | 31 | 1 | `quality` |
public struct Reading: BitwiseCopyable, Sendable {
  public var time: Int64
  public var sequence: UInt64
  public var value: Double
  public var count: UInt32
  public var channel: UInt16
  public var kind: ReadingKind
  public var quality: Quality

  public init(
    time: Int64, sequence: UInt64, value: Double, count: UInt32 = 0, channel: UInt16,
    kind: ReadingKind = .sample, quality: Quality = .good
  ) {
    self.time = time
    self.sequence = sequence
    self.value = value
    self.count = count
    self.channel = channel
    self.kind = kind
    self.quality = quality
  }
}

/// What a reading's `value` and `count` say.
public enum ReadingKind: UInt8, BitwiseCopyable, Sendable {
  /// A sample on a deadline: `value` is the measurement.
  case sample = 0
  /// A GPIO edge: `value` is the level after it (1 or 0), `count` the kernel's line sequence
  /// number.
  case edge = 1
  /// Pulses in the interval that ends at `time`: `value` is their number.
  case pulses = 2
  /// `count` readings, the first of them `sequence`, were never taken: their deadlines passed while
  /// the task was late, stopped or dead.
  case missedDeadlines = 3
  /// `count` edges were dropped by the kernel's queue (a jump in the line sequence number).
  case lostEdges = 4
  /// `count` readings, the first of them `sequence`, were taken and then dropped, because the ring
  /// to the pipeline was full.
  case overflow = 5
  /// `count` readings, the first of them `sequence`, are not taken: the gateway is overloaded, and
  /// the channel's priority is low. Said when it is decided, before their deadlines come.
  case slowed = 6
}
