import Ring

/// The state of a window stage: the one window that is open.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | `start` of the open window, ns: a multiple of its span, or `earliest` |
/// | 8 | 8 | `earliest`: the end of the last window that was given away |
/// | 16 | 8 | `sum` of the values × 2⁻³³ |
/// | 24 | 8 | `compensation`, what `sum` has lost by rounding |
/// | 32 | 8 | `minimum` |
/// | 40 | 8 | `maximum` |
/// | 48 | 8 | `lastSequence`, of the latest reading |
/// | 56 | 4 | `count`, 0 while no window is open |
/// | 60 | 4 | `factor` by which the open window is wider than the span; 0 is 1 |
///
/// A window is given away when a value of a later one comes, or when the clock is past its end and
/// its grace. A window without values is not given away. A value that belongs to a window that was
/// given away already, or that is older than the open one, is counted in the open window, or
/// opens the earliest that is still possible: nothing is dropped, no window is told twice.
///
/// A value of the kind `window` (a window after a window) counts with its count, minimum and
/// maximum, so that a minute of seconds is the same as a minute.
///
/// Under overload the windows of some channels are wider by a whole factor, aligned to multiples of
/// the wider span. An open window stays as it is: the change comes with the next one. The first
/// wide window after a narrow one, if that ended in the middle of it, is only the rest of it: its
/// event's span says so.
///
/// The mean is a compensated sum (Neumaier 1974), so its error does not grow with the
/// count; the factor 2⁻³³ is exact and keeps the sum of 2³² − 1 of the largest numbers finite.
/// When the count is full, minimum and maximum go on and the mean and the count stay.
struct WindowState: BitwiseCopyable {
  var start: Int64
  var earliest: Int64
  var sum: Double
  var compensation: Double
  var minimum: Double
  var maximum: Double
  var lastSequence: UInt64
  var count: UInt32
  var factor: UInt32

  /// 2⁻³³ and 2³³.
  private static var down: Double { Double(bitPattern: (1023 - 33) << 52) }
  private static var up: Double { Double(bitPattern: (1023 + 33) << 52) }

  /// When the open window ends: at the next multiple of its span, which is wider under overload.
  private func end(span: Int64) -> Int64 {
    let wide = Self.wideSpan(span, factor)
    return start - start % wide + wide
  }

  /// When the clock alone gives the open window away; nil without one.
  func deadline(span: Int64) -> Int64? {
    count == 0 ? nil : end(span: span) + grace(for: Self.wideSpan(span, factor))
  }

  /// Takes the event. `passed` when it closed the window before it: the event is then that window.
  /// A window that opens now is `factor` (1 or more) times as wide as `span`.
  mutating func apply(_ event: inout Event, span: Int64, factor: UInt32 = 1) -> StageOutcome {
    // A window belongs to where it ends, and its end is the first instant after it.
    let instant = event.kind == .window ? event.time - 1 : event.time
    guard count > 0, instant >= end(span: span) else {
      if count == 0 { open(at: instant, span: span, factor: factor) }
      add(event)
      return .absorbed
    }
    let newest = event
    event = close(channel: event.channel, span: span)
    open(at: instant, span: span, factor: factor)
    add(newest)
    return .passed
  }

  private mutating func open(at instant: Int64, span: Int64, factor: UInt32) {
    let wide = Self.wideSpan(span, factor)
    self.factor = factor
    // What was given away is not opened again: such a window begins late, and is shorter.
    start = max(instant - instant % wide, earliest)
  }

  /// Gives the open window away. At least one value must be in it.
  mutating func close(channel: UInt16, span: Int64) -> Event {
    precondition(count > 0)
    let mean = (sum + compensation) / Double(count) * Self.up
    let end = end(span: span)
    let event = Event(
      kind: .window, channel: channel, time: end, readingSequence: lastSequence,
      value: min(max(mean, minimum), maximum), minimum: minimum, maximum: maximum,
      span: end - start, count: count)
    self = WindowState(
      start: end, earliest: end, sum: 0, compensation: 0, minimum: 0, maximum: 0, lastSequence: 0,
      count: 0, factor: 0)
    return event
  }

  /// The span of a widened window; what cannot be that wide is as wide as it was.
  private static func wideSpan(_ span: Int64, _ factor: UInt32) -> Int64 {
    let (wide, overflows) = span.multipliedReportingOverflow(by: Int64(max(factor, 1)))
    return overflows || wide > StageSpec.spanMax ? span : wide
  }

  private mutating func add(_ event: Event) {
    let isWindow = event.kind == .window
    let lowest = isWindow ? event.minimum : event.value
    let highest = isWindow ? event.maximum : event.value
    minimum = count == 0 ? lowest : min(minimum, lowest)
    maximum = count == 0 ? highest : max(maximum, highest)
    lastSequence = event.readingSequence
    let weight = isWindow ? event.count : 1
    let (total, overflow) = count.addingReportingOverflow(weight)
    if overflow { return }
    count = total
    let term = event.value * Self.down * Double(weight)
    let next = sum + term
    if sum.magnitude >= term.magnitude {
      compensation += (sum - next) + term
    } else {
      compensation += (term - next) + sum
    }
    sum = next
  }
}
