import Ring

/// The state of exponential smoothing: y += (1 − e^(−Δt/τ))·(x − y), the exact response of a
/// first-order low pass to a step, so it is right for uneven periods and for missing values.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | `value`, the smoothed value |
/// | 8 | 8 | `time` of the latest value, ns |
/// | 16 | 8 | `isSet`, 0 before the first value |
///
/// The first value passes as it is. A value that is not later than the latest one lasted for no
/// time, so it has no weight: the smoothed value passes again, and the time is not set back.
struct SmoothState: BitwiseCopyable {
  var value: Double
  var time: Int64
  var isSet: UInt64

  mutating func add(_ newest: Double, at newestTime: Int64, timeConstant: Int64) -> Double {
    guard isSet != 0 else {
      value = newest
      time = newestTime
      isSet = 1
      return value
    }
    guard newestTime > time else { return value }
    let weight = decayComplement(Double(newestTime - time) / Double(timeConstant))
    time = newestTime
    // The difference would lose a small value after a huge one.
    let next = weight == 1 ? newest : value + weight * (newest - value)
    // The difference of two huge values may overflow; the weighted sum of them cannot.
    value = next.isFinite ? next : value * (1 - weight) + newest * weight
    return value
  }

  mutating func apply(_ event: inout Event, timeConstant: Int64) -> StageOutcome {
    event.value = add(event.value, at: event.time, timeConstant: timeConstant)
    event.becomePlainValue()
    return .passed
  }
}
