import Ring

/// The state of a window stage: the one window that is open.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | `start` of the open window, ns, a multiple of the span |
/// | 8 | 8 | `earliest`: the end of the last window that was given away |
/// | 16 | 8 | `sum` of the values × 2⁻³³ |
/// | 24 | 8 | `compensation`, what `sum` has lost by rounding |
/// | 32 | 8 | `minimum` |
/// | 40 | 8 | `maximum` |
/// | 48 | 8 | `lastSequence`, of the latest reading |
/// | 56 | 4 | `count`, 0 while no window is open |
/// | 60 | 4 | zero |
///
/// A window is given away when a value of a later one comes, or when the clock is past its end and
/// its grace. A window without values is not given away. A value that belongs to a window that was
/// given away already, or that is older than the open one, is counted in the open window, or
/// opens the earliest that is still possible: nothing is dropped, no window is told twice.
///
/// A value of the kind `window` (a window after a window) counts with its count, minimum and
/// maximum, so that a minute of seconds is the same as a minute.
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
  var reserved: UInt32

  /// 2⁻³³ and 2³³.
  private static var down: Double { Double(bitPattern: (1023 - 33) << 52) }
  private static var up: Double { Double(bitPattern: (1023 + 33) << 52) }

  /// When the clock alone gives the open window away; nil without one.
  func deadline(span: Int64) -> Int64? {
    count == 0 ? nil : start + span + grace(for: span)
  }

  /// Takes the event. `passed` when it closed the window before it: the event is then that window.
  mutating func apply(_ event: inout Event, span: Int64) -> StageOutcome {
    // A window belongs to where it ends, and its end is the first instant after it.
    let instant = event.kind == .window ? event.time - 1 : event.time
    let begin = max(instant - instant % span, earliest)
    guard count > 0, begin > start else {
      if count == 0 { start = begin }
      add(event)
      return .absorbed
    }
    let newest = event
    event = close(channel: event.channel, span: span)
    start = max(begin, earliest)
    add(newest)
    return .passed
  }

  /// Gives the open window away. At least one value must be in it.
  mutating func close(channel: UInt16, span: Int64) -> Event {
    precondition(count > 0)
    let mean = (sum + compensation) / Double(count) * Self.up
    let end = start + span
    let event = Event(
      kind: .window, channel: channel, time: end, readingSequence: lastSequence,
      value: min(max(mean, minimum), maximum), minimum: minimum, maximum: maximum, span: span,
      count: count)
    self = WindowState(
      start: end, earliest: end, sum: 0, compensation: 0, minimum: 0, maximum: 0, lastSequence: 0,
      count: 0, reserved: 0)
    return event
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
