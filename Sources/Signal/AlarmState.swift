import Ring

/// Where a threshold alarm is.
enum AlarmCondition: UInt8, BitwiseCopyable {
  /// The value is not beyond the threshold.
  case quiet = 0
  /// It is, but not yet for as long as `hold`.
  case pending = 1
  /// The alarm was raised and not yet cleared.
  case raised = 2
}

/// The state of a threshold alarm.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | `value`, the latest |
/// | 8 | 8 | `since`, ns: when the value went beyond the threshold, while pending |
/// | 16 | 8 | `lastSequence`, of the latest reading |
/// | 24 | 8 | `condition` (`AlarmCondition`), then zeros |
///
/// An alarm is raised by a value that is beyond the threshold `hold` or more after the first such
/// value, or by the clock (with a grace) when no value comes that says otherwise. A value that
/// comes so late that the clock would have raised the alarm before it raises it too, and is
/// judged after that: so a pipeline that was dead for a while decides as one that was not.
/// A value counts when it arrives; time that goes backwards only keeps a pending alarm pending.
struct AlarmState: BitwiseCopyable {
  var value: Double
  var since: Int64
  var lastSequence: UInt64
  var condition: AlarmCondition
  var reserved1: UInt8
  var reserved2: UInt16
  var reserved3: UInt32

  /// When the clock alone raises the alarm; nil unless it is pending.
  func deadline(hold: Int64) -> Int64? {
    condition == .pending ? since + hold + grace(for: hold) : nil
  }

  /// Raises a pending alarm whose deadline has passed, for the value that it has.
  mutating func raise(hold: Int64) {
    precondition(condition == .pending)
    condition = .raised
    since += hold
  }

  /// Takes a value that is within the parameters of `.alarm`; true when it changed the condition to
  /// `raised`, or from `raised` to `quiet`. The caller has raised what was overdue.
  mutating func add(
    _ event: Event, above: Bool, threshold: Double, hysteresis: Double, hold: Int64
  ) -> Bool {
    value = event.value
    lastSequence = event.readingSequence
    let isBeyond = above ? value > threshold : value < threshold
    // The threshold less a huge hysteresis may be infinite: such an alarm never clears.
    let isBack = above ? value <= threshold - hysteresis : value >= threshold + hysteresis
    switch condition {
    case .quiet:
      guard isBeyond else { return false }
      since = event.time
      condition = hold == 0 ? .raised : .pending
      return hold == 0
    case .pending:
      guard isBeyond else {
        condition = .quiet
        return false
      }
      guard event.time - since >= hold else { return false }
      since = event.time
      condition = .raised
      return true
    case .raised:
      guard isBack else { return false }
      since = event.time
      condition = .quiet
      return true
    }
  }

  /// What the receiver is told of the condition that was just entered.
  func event(channel: UInt16) -> Event {
    Event(
      kind: condition == .raised ? .alarmRaised : .alarmCleared, channel: channel, time: since,
      readingSequence: lastSequence, value: value)
  }
}
