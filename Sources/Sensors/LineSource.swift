import Ring

/// How a GPIO line is read.
public enum LineReading: UInt8, BitwiseCopyable, Sendable {
  /// The level, on every deadline.
  case level = 0
  /// Every edge.
  case edges = 1
  /// The number of edges in every period.
  case counter = 2
}

/// Which edges count.
public enum EdgeFilter: UInt8, BitwiseCopyable, Sendable {
  case rising = 0
  case falling = 1
  case both = 2

  /// How many of `count` edges in turn count, the first of which rises or not.
  func count(of count: UInt32, firstRises: Bool) -> UInt32 {
    switch self {
    case .both: count
    case .rising: firstRises ? count / 2 + count % 2 : count / 2
    case .falling: firstRises ? count / 2 : count / 2 + count % 2
    }
  }
}

/// One edge of a line, as the kernel saw it.
public struct LineEvent: BitwiseCopyable, Equatable, Sendable {
  /// ns of CLOCK_BOOTTIME.
  public var time: Int64
  /// The number of this edge on its line, from 1 on when the line was requested; it counts also
  /// those that the kernel's queue dropped.
  public var lineSequence: UInt32
  /// The position of the line in the task's list.
  public var line: UInt16
  /// From inactive to active.
  public var isRising: Bool

  public init(time: Int64, lineSequence: UInt32, line: UInt16, isRising: Bool) {
    self.time = time
    self.lineSequence = lineSequence
    self.line = line
    self.isRising = isRising
  }
}

/// One GPIO line of a sense task. Like `SensorSource`, it makes no system call and knows no clock.
///
/// Sequence numbers:
/// - `level` and `counter`: the number of the deadline. Interval n of a counter ends at deadline n.
/// - `edges`: every edge takes one, also a lost one, so that the receiver can account for each.
///
/// Under overload a line of low priority takes only each deadline whose number a *stride* divides
/// (see `SensorSource.step`). A counter counts on meanwhile, and its next reading is the mean of
/// all the intervals since the last: so it can be compared with the readings before and after, and
/// times the number of intervals it is the number of pulses.
///
/// What a task that died cannot know is said, not guessed. The edges between its death and its
/// return went by unseen: an `edges` line says so with a `lostEdges` reading of count 0 ("unknown
/// how many"), and the interval of a `counter` in which the line was unwatched counts as missed.
///
/// The kernel is asked for both edges, whatever is wanted of them, because then two losses show:
/// - Edges dropped by the kernel's queue leave a jump in the line's sequence number.
/// - Edges that come faster than the interrupt is served become one event. As a line rises and
/// falls in turn, two events of the same direction mean that at least one edge between them is
/// missing.
///
/// An `edges` line reports the missing ones as lost. A counter counts them: they happened. (Where a
/// pulse is as short as the kernel's way from the interrupt to reading the level, some µs, an event
/// can also have the wrong direction, and is then taken for two edges. Debounce such a line.)
public struct LineSource: Sendable {
  public let mode: LineReading
  public let filter: EdgeFilter
  public let schedule: SenseSchedule
  public let channel: UInt16
  private var isWatched = false
  private var wasWatched = false
  private var fault: Quality?
  /// Since when no edge went by unseen.
  private var watchTime: Int64 = .max
  private var lineSequence: UInt32 = 0
  /// The direction of the last event; nil before the first.
  private var lastRises: Bool?
  /// Since `countTime`.
  private var pulseCount: UInt64 = 0
  /// When the last interval that was closed ended, or the line was won; ns.
  private var countTime: Int64 = 0

  /// `hasHistory`: an earlier task of this boot watched the line.
  public init(
    mode: LineReading, filter: EdgeFilter, schedule: SenseSchedule, channel: UInt16,
    hasHistory: Bool
  ) {
    self.mode = mode
    self.filter = filter
    self.schedule = schedule
    self.channel = channel
    wasWatched = hasHistory
  }

  /// When `step` has something to do; an `edges` line only acts on edges.
  public func wakeTime(next: UInt64) -> Int64 {
    mode == .edges ? .max : schedule.deadline(next)
  }

  /// The line is ours from `now` on.
  public mutating func attach(
    now: Int64, next: inout UInt64, output: inout SenseOutput
  ) -> SenseNews {
    precondition(!isWatched)
    isWatched = true
    watchTime = now
    lineSequence = 0
    lastRises = nil
    pulseCount = 0
    countTime = max(now, schedule.first - schedule.period)
    if mode == .edges, wasWatched {
      output.append(
        Reading(
          time: now, sequence: next, value: .nan, count: 0, channel: channel, kind: .lostEdges))
    }
    wasWatched = true
    let news: SenseNews = fault == nil ? .nothing : .recovered
    fault = nil
    return news
  }

  /// The line is not ours, or no longer. An `edges` line has no deadlines on which to say so: it
  /// does it here, once for every reason.
  public mutating func detach(
    _ reason: Quality, now: Int64, next: inout UInt64, output: inout SenseOutput
  ) -> SenseNews {
    precondition(reason != .good)
    isWatched = false
    watchTime = .max
    guard fault != reason else { return .nothing }
    fault = reason
    if mode == .edges {
      output.append(
        Reading(
          time: now, sequence: next, value: .nan, channel: channel, kind: .edge, quality: reason))
      next += 1
    }
    return .failed(reason)
  }

  /// Takes one edge. Returns how many before it were lost, for the task's counter. A counter closes
  /// the intervals that ended before the edge first: call `step(now: event.time)` until it is idle.
  public mutating func take(
    _ event: LineEvent, next: inout UInt64, output: inout SenseOutput
  ) -> UInt32 {
    let missing = missingCount(before: event)
    let isWanted = filter.count(of: 1, firstRises: event.isRising) == 1
    switch mode {
    case .level:
      return 0
    case .counter:
      pulseCount += UInt64(missing) + (isWanted ? 1 : 0)
      return 0
    case .edges:
      if missing > 0 {
        output.append(
          Reading(
            time: event.time, sequence: next, value: .nan, count: missing, channel: channel,
            kind: .lostEdges))
        next += UInt64(missing)
      }
      guard isWanted else { return missing }
      output.append(
        Reading(
          time: event.time, sequence: next, value: event.isRising ? 1 : 0,
          count: event.lineSequence, channel: channel, kind: .edge))
      next += 1
      return missing
    }
  }

  /// How many wanted edges are missing between the last event and this one, at least.
  private mutating func missingCount(before event: LineEvent) -> UInt32 {
    // The kernel's number wraps; a line starts at 1.
    let difference = event.lineSequence &- lineSequence
    lineSequence = event.lineSequence
    // What cannot be, as the kernel counts up, is taken as one edge, so that nothing is invented.
    var missing = difference == 0 || difference > UInt32(Int32.max) ? 0 : difference - 1
    defer { lastRises = event.isRising }
    guard let lastRises else {
      // Seen from this event backwards: the last missing one went the other way.
      let firstRises = (missing % 2 == 0) == event.isRising
      return filter.count(of: missing, firstRises: firstRises)
    }
    // In turn, the edge after `missing` more would rise or not:
    let rises = (missing % 2 == 0) != lastRises
    if rises != event.isRising { missing += 1 }
    return filter.count(of: missing, firstRises: !lastRises)
  }

  /// Whether `step` at `now` needs the line's level.
  public func wantsLevel(now: Int64, next: UInt64) -> Bool {
    mode == .level && isWatched && now >= schedule.deadline(next)
  }

  /// Does what is due at `now`, one deadline at most (and the missed ones before it). `level` is
  /// the line's, where `wantsLevel`; nil when it could not be read.
  ///
  /// A counter that is late closes each interval by itself, as long as the line was watched: the
  /// kernel counted on. What `stride` leaves out is said after each deadline that is taken.
  public mutating func step(
    now: Int64, level: Bool?, next: inout UInt64, stride: UInt32 = 1, output: inout SenseOutput
  ) {
    let before = next
    switch mode {
    case .edges: return
    case .counter: stepCounter(now: now, next: &next, output: &output)
    case .level: stepLevel(now: now, level: level, next: &next, output: &output)
    }
    guard next > before else { return }
    let count = SenseSchedule.leftOut(from: next, stride: stride)
    output.appendLeftOut(count, from: next, channel: channel, time: now)
    next += UInt64(count)
  }

  private mutating func stepLevel(
    now: Int64, level: Bool?, next: inout UInt64, output: inout SenseOutput
  ) {
    switch schedule.due(next: next, now: now) {
    case .later: return
    case .missedOnly(let count): miss(count, now: now, next: &next, output: &output)
    case .now(let missed, let sequence):
      miss(missed, now: now, next: &next, output: &output)
      let value = level == true ? 1 : level == false ? 0 : Double.nan
      let quality = fault ?? (level == nil ? .busFault : .good)
      output.append(
        Reading(
          time: now, sequence: sequence, value: quality == .good ? value : .nan,
          channel: channel, kind: .sample, quality: quality))
      next = sequence + 1
    }
  }

  private mutating func stepCounter(
    now: Int64, next: inout UInt64, output: inout SenseOutput
  ) {
    if isWatched, next >= firstWholeInterval {
      let end = schedule.deadline(next)
      guard now >= end else { return }
      output.append(
        Reading(
          time: end, sequence: next, value: pulsesPerInterval(until: end), channel: channel,
          kind: .pulses))
      pulseCount = 0
      countTime = end
      next += 1
      return
    }
    switch schedule.due(next: next, now: now) {
    case .later: return
    case .missedOnly(let count): miss(count, now: now, next: &next, output: &output)
    case .now(let missed, let sequence):
      if let fault {
        miss(missed, now: now, next: &next, output: &output)
        output.append(
          Reading(
            time: now, sequence: sequence, value: .nan, channel: channel, kind: .pulses,
            quality: fault))
        next = sequence + 1
      } else {
        // Intervals that were watched in part or not at all: what was counted in them is no count.
        let end = isWatched ? min(sequence + 1, firstWholeInterval) : sequence + 1
        miss(UInt32(clamping: end - next), now: now, next: &next, output: &output)
        pulseCount = 0
        countTime = schedule.deadline(next) - schedule.period
      }
    }
  }

  /// The pulses since `countTime`, for one interval. What was counted before the line was won for
  /// the last time is not in it, and neither is that time.
  private func pulsesPerInterval(until end: Int64) -> Double {
    let time = end - countTime
    if time <= schedule.period { return Double(pulseCount) }
    return Double(pulseCount) * Double(schedule.period) / Double(time)
  }

  /// The first interval that was watched from its beginning on: interval n begins one period before
  /// deadline n.
  private var firstWholeInterval: UInt64 {
    guard watchTime > schedule.first - schedule.period else { return 0 }
    let late = watchTime - (schedule.first - schedule.period)
    return UInt64((late + schedule.period - 1) / schedule.period)
  }

  private func miss(
    _ count: UInt32, now: Int64, next: inout UInt64, output: inout SenseOutput
  ) {
    guard count > 0 else { return }
    output.append(
      Reading(
        time: now, sequence: next, value: .nan, count: count, channel: channel,
        kind: .missedDeadlines))
    next += UInt64(count)
  }
}
