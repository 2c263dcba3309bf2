import Ring

/// The most stages of one channel.
public let channelStageCountMax = 8

/// The widest median.
public let medianWidthMax = 31

/// One stage with its parameters. Times are nanoseconds.
///
/// The stages of a channel are applied in the order of the configuration. What flows through them
/// is an `Event`: it begins as the reading's value (or edge), and a stage lets it pass, changes it
/// or absorbs it. A stage sees only readings that are good and finite; the others go past all
/// stages.
public enum StageSpec: BitwiseCopyable, Sendable, Equatable {
  /// value × factor + offset; of a window also its minimum and maximum. A result that is not finite
  /// ends the chain with a value of quality `outOfRange`.
  case scale(factor: Double, offset: Double)
  /// The median of the last `width` values, in the order of their arrival: odd, 3 to 31.
  case median(width: UInt8)
  /// Exponential smoothing with a time constant (> 0), right for uneven periods.
  case smooth(timeConstant: Int64)
  /// Passes a value that differs by more than `delta` (≥ 0) from the last one passed, or that comes
  /// `silence` or more after it; 0 for no such maximum.
  case deadband(delta: Double, silence: Int64)
  /// One mean, minimum, maximum and count for every `span` (> 0), aligned to its multiples since
  /// boot.
  case window(span: Int64)
  /// Raised when the value was beyond `threshold` for `hold` (≥ 0); cleared when it is back by
  /// `hysteresis` (≥ 0). `above` says which side is bad. The value itself passes on.
  case alarm(above: Bool, threshold: Double, hysteresis: Double, hold: Int64)
}

extension StageSpec {
  /// The longest time that a stage can be told: 1 << 60 ns, 36 years. `timeMax` + two of these
  /// stays below `Int64.max`.
  public static var spanMax: Int64 { 1 << 60 }

  /// Whether every parameter is in its range.
  public var isValid: Bool {
    switch self {
    case .scale(let factor, let offset):
      factor.isFinite && offset.isFinite
    case .median(let width):
      width >= 3 && Int(width) <= medianWidthMax && width % 2 == 1
    case .smooth(let timeConstant):
      timeConstant > 0 && timeConstant <= Self.spanMax
    case .deadband(let delta, let silence):
      delta.isFinite && delta >= 0 && silence >= 0 && silence <= Self.spanMax
    case .window(let span):
      span > 0 && span <= Self.spanMax
    case .alarm(_, let threshold, let hysteresis, let hold):
      threshold.isFinite && hysteresis.isFinite && hysteresis >= 0 && hold >= 0
        && hold <= Self.spanMax
    }
  }

  /// The bytes of state of the stage: a multiple of 8. All zero is the state before the first
  /// value.
  public var stateByteCount: Int {
    switch self {
    case .scale: 0
    case .median(let width): MedianFilter.stateByteCount(width: Int(width))
    case .smooth: MemoryLayout<SmoothState>.size
    case .deadband: MemoryLayout<DeadbandState>.size
    case .window: MemoryLayout<WindowState>.size
    case .alarm: MemoryLayout<AlarmState>.size
    }
  }
}

/// What a stage made of the event.
enum StageOutcome: Equatable {
  /// It goes on to the next stage.
  case passed
  /// It ends here; the stage has taken what it needs.
  case absorbed
  /// The result is not a finite number.
  case outOfRange
}

/// Scale and offset: the one stage without state.
enum Scale {
  static func apply(_ event: inout Event, factor: Double, offset: Double) -> StageOutcome {
    event.value = event.value * factor + offset
    guard event.value.isFinite else { return .outOfRange }
    if event.kind != .window { return .passed }
    let first = event.minimum * factor + offset
    let second = event.maximum * factor + offset
    guard first.isFinite, second.isFinite else { return .outOfRange }
    event.minimum = min(first, second)
    event.maximum = max(first, second)
    return .passed
  }
}
