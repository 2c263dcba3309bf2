import Ring

/// How often the fill of the rings is looked at, in ns: the neighbours' positions are on lines that
/// those write, so looking costs each of them some 100 ns.
let overloadMeasurePeriod: Int64 = 50_000_000

/// How long deadlines that were left out are collected before they are told, in ns: a gap for each
/// would be as many events as the readings that were spared.
let slowedReportPeriod: Int64 = 10_000_000_000

/// When what has no room is tried again, in ns.
let roomRetryPeriod: Int64 = 1_000_000_000

/// The deadlines of one channel that were left out and are not yet told, in the pipeline's state.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | `first` sequence |
/// | 8 | 8 | `end`: one more than the last |
/// | 16 | 8 | `count` of those left out from first to last; 0: none |
/// | 24 | 8 | `since`, ns: when the first of them came |
struct SlowedRun: BitwiseCopyable {
  var first: UInt64
  var end: UInt64
  var count: UInt64
  var since: Int64

  /// When it must be told; nil if there is nothing.
  var deadline: Int64? { count == 0 ? nil : since + slowedReportPeriod }

  /// Whether so many more can be told in the same event.
  func hasRoom(for more: UInt32) -> Bool { count + UInt64(more) <= UInt64(UInt32.max) }

  mutating func add(_ reading: Reading, now: Int64) {
    if count == 0 {
      first = reading.sequence
      since = now
    }
    end = max(end, reading.sequence &+ UInt64(reading.count))
    count += UInt64(reading.count)
  }

  /// What the receiver is told, and nothing left.
  mutating func take(channel: UInt16, time: Int64) -> Event {
    let event = Event(
      kind: .slowedSampling, channel: channel, time: time, readingSequence: first,
      span: Int64(clamping: end &- first), count: UInt32(clamping: count))
    self = SlowedRun(first: 0, end: 0, count: 0, since: 0)
    return event
  }
}

extension Pipeline {
  /// The overload level, as the last commit left it.
  public var overloadLevel: UInt8 { UInt8(truncatingIfNeeded: own.overloadLevel) }

  /// The fill that the policy speaks of, in percent.
  mutating func fill() -> Int {
    let open = Int(output.ring.capacity) - reserve
    var fullest = min(100, (Int(output.ring.capacity) - output.freeCount()) * 100 / open)
    for index in 0..<inputCount {
      guard let ring = inputs[index]?.ring, let count = inputs[index]?.availableCount() else {
        continue
      }
      fullest = max(fullest, count * 100 / Int(ring.capacity))
    }
    return fullest
  }

  /// Looks at the rings from time to time. The new level, when it has changed.
  mutating func measureOverload() -> UInt8? {
    guard now >= measureTime else { return nil }
    measureTime = now + overloadMeasurePeriod
    let level = overloadLevel
    let next = gauge.level(after: level, fill: fill(), now: now, policy: plan.overload)
    return next == level ? nil : next
  }

  /// Makes the new level the state's, and tells the receiver.
  mutating func setOverload(_ level: UInt8) {
    changeOwn { $0.overloadLevel = UInt64(level) }
    emit(Event(kind: .overload, channel: 0, time: now, count: UInt32(level)))
  }

  /// By how much a window of the channel that opens now is wider.
  func windowFactor(of stage: PlannedStage, channel: UInt16) -> UInt32 {
    if stage.feedsAlarm || overloadLevel == 0 { return 1 }
    return plan.overload.windowFactor(plan.priority(of: Int(channel)), level: overloadLevel)
  }

  /// Collects the deadlines that were left out.
  mutating func noteSlowed(_ reading: Reading, _ time: Int64) {
    guard reading.count > 0 else { return }
    guard let offset = plan.slowedOffset(of: Int(reading.channel)) else {
      return emit(
        Event(
          kind: .slowedSampling, channel: reading.channel, time: time,
          readingSequence: reading.sequence, span: Int64(reading.count), count: reading.count))
    }
    var run = committer.load(SlowedRun.self, at: offset)
    if !run.hasRoom(for: reading.count) { emit(run.take(channel: reading.channel, time: now)) }
    run.add(reading, now: now)
    committer.store(run, at: offset)
    if let deadline = run.deadline { nextDeadline = min(nextDeadline, deadline) }
  }

  /// Tells what a channel has collected, if it is time and there is room: it is an account, which
  /// must not become a gap itself. True when it told.
  mutating func fireSlowed(_ channel: Int) -> Bool {
    guard let offset = plan.slowedOffset(of: channel) else { return false }
    var run = committer.load(SlowedRun.self, at: offset)
    guard let deadline = run.deadline else { return false }
    guard deadline <= now, hasRoomForOne() else {
      nextDeadline = min(nextDeadline, deadline <= now ? now + roomRetryPeriod : deadline)
      return false
    }
    let event = run.take(channel: UInt16(channel), time: now)
    committer.store(run, at: offset)
    emit(event)
    return true
  }

  private mutating func hasRoomForOne() -> Bool {
    output.freeCount() > reserve + (own.droppedCount > 0 ? gapEventCount : 0)
  }

  func earliestSlowedDeadline() -> Int64 {
    var earliest = Int64.max
    for channel in 0..<plan.channelCount {
      guard let offset = plan.slowedOffset(of: channel),
        let deadline = committer.load(SlowedRun.self, at: offset).deadline
      else { continue }
      earliest = min(earliest, deadline)
    }
    return earliest
  }
}
