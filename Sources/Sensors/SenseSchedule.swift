import Ring

/// When a channel is read: `first` + n × `period`, for ever. The sequence number of a reading is
/// its n, so a task that starts again derives from the time and the last committed number what it
/// missed.
public struct SenseSchedule: Equatable, Sendable {
  /// The deadline of sequence 0, ns of CLOCK_BOOTTIME.
  public let first: Int64
  /// Nanoseconds, at least 1.
  public let period: Int64

  public init(first: Int64, period: Int64) {
    precondition(first >= 0 && period > 0)
    self.first = first
    self.period = period
  }

  /// The time of deadline `sequence`; the far future when it does not fit.
  public func deadline(_ sequence: UInt64) -> Int64 {
    guard let n = Int64(exactly: sequence) else { return .max }
    let (offset, overflows) = n.multipliedReportingOverflow(by: period)
    let (time, overflowsToo) = offset.addingReportingOverflow(first)
    return overflows || overflowsToo ? .max : time
  }

  /// What is to be done at `now` by one who has finished all deadlines before `next`.
  ///
  /// A deadline is missed when its whole period has passed; in its own period it is only late.
  public func due(next: UInt64, now: Int64) -> Due {
    guard now >= deadline(next) else { return .later }
    let latest = UInt64((now - first) / period)
    // `now` is at or after the deadline of `next`, so `latest` is not before it.
    let missed = latest - next
    // A reading counts up to 2³² − 1; what is beyond is found missed at the next question.
    guard missed <= UInt64(UInt32.max) else { return .missedOnly(count: .max) }
    return .now(missed: UInt32(missed), sequence: latest)
  }

  /// How many deadlines are left out from `next` on when only each one is taken whose number
  /// `stride` (1 or more) divides: below `stride`. All tasks and all restarts so take the same
  /// ones.
  public static func leftOut(from next: UInt64, stride: UInt32) -> UInt32 {
    precondition(stride >= 1)
    let past = UInt32(next % UInt64(stride))
    return past == 0 ? 0 : stride - past
  }

  public enum Due: Equatable, Sendable {
    /// Nothing before the deadline of `next`.
    case later
    /// Deadline `sequence` is due; `missed` before it passed without anybody looking.
    case now(missed: UInt32, sequence: UInt64)
    /// `count` passed; ask again from there.
    case missedOnly(count: UInt32)
  }
}

/// How long a sensor that fails is left alone: 1 s, then twice as long after each further failure,
/// at most 60 s, which is also how soon a sensor that appears later is picked up.
public struct SenseBackoff: Equatable, Sendable {
  static let shortest: Int64 = 1_000_000_000
  static let longest: Int64 = 60_000_000_000

  /// The reason of the last failure; nil while all is well.
  public private(set) var reason: Quality?
  /// When the sensor may be tried again.
  public private(set) var retryTime: Int64 = 0
  private var pause: Int64 = 0

  public init() {}

  /// The reason for which the sensor must not be tried at `now`, or nil.
  public func holds(at now: Int64) -> Quality? {
    now < retryTime ? reason : nil
  }

  /// Takes a failure; true when it is news: the first one, or for another reason.
  public mutating func fail(_ reason: Quality, now: Int64) -> Bool {
    precondition(reason != .good)
    let isNews = self.reason != reason
    pause = pause == 0 ? Self.shortest : min(pause * 2, Self.longest)
    retryTime = now + pause
    self.reason = reason
    return isNews
  }

  /// Takes a success; true when it is news.
  public mutating func succeed() -> Bool {
    let isNews = reason != nil
    self = SenseBackoff()
    return isNews
  }
}

/// What changed in a sensor or line: said once in the log, when it happens.
public enum SenseNews: Equatable, Sendable {
  case nothing
  case failed(Quality)
  case recovered
}

/// The readings that one step of a source makes, at most `capacity`.
public struct SenseOutput: Sendable {
  /// A step of a sensor gives, for each of its two channels, a gap, a sample, and what is left out
  /// after it: 6. One of a line gives at most a gap and an edge, or those three: 3.
  public static let capacity = 6

  public private(set) var count = 0
  /// Attempts to measure that failed in this step, for the task's counter.
  public internal(set) var failureCount = 0
  private var readings: InlineArray<6, Reading>

  public init() {
    readings = InlineArray(
      repeating: Reading(time: 0, sequence: 0, value: 0, channel: 0))
  }

  /// Traps when full, which a source must never bring about.
  public mutating func append(_ reading: Reading) {
    precondition(count < Self.capacity)
    readings[count] = reading
    count += 1
  }

  /// Says of one channel which deadlines from `next` on are left out (`SenseSchedule.leftOut`).
  mutating func appendLeftOut(_ count: UInt32, from next: UInt64, channel: UInt16, time: Int64) {
    guard count > 0 else { return }
    append(
      Reading(
        time: time, sequence: next, value: .nan, count: count, channel: channel, kind: .slowed))
  }

  public subscript(index: Int) -> Reading {
    precondition(index >= 0 && index < count)
    return readings[index]
  }

  public mutating func removeAll() {
    count = 0
    failureCount = 0
  }
}
