import Ring

/// The state of report by exception: what was passed last.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | `value` that was passed last |
/// | 8 | 8 | `time` of it, ns |
/// | 16 | 8 | `isSet`, 0 before the first value |
///
/// The first value passes. A value that is earlier than the last one passed has no silence behind
/// it, so only its difference can make it pass. The silence is judged when a value comes: with
/// no value there is nothing to report, and the missed deadlines are told in their own way.
struct DeadbandState: BitwiseCopyable {
  var value: Double
  var time: Int64
  var isSet: UInt64

  mutating func apply(_ event: inout Event, delta: Double, silence: Int64) -> StageOutcome {
    if isSet != 0 {
      // An overflow of the difference gives infinity, which is more than any delta: it passes.
      let hasMoved = (event.value - value).magnitude > delta
      let wasSilent = silence > 0 && event.time - time >= silence
      guard hasMoved || wasSilent else { return .absorbed }
    }
    value = event.value
    time = event.time
    isSet = 1
    return .passed
  }
}
