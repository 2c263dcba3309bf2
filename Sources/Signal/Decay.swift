/// 1 − e^−x for `x` ≥ 0, to within 2 units in the last place of the result.
///
/// The data path has neither libm nor Foundation, so it is computed here. x = k·ln 2 + r with
/// |r| ≤ ln 2 / 2 (Cody and Waite's reduction: ln 2 in two parts, so that k·high is exact for
/// k < 2¹¹); e^−r − 1 by its Taylor series, whose first term left out is below 0.347¹⁵ / 15! =
/// 10⁻¹⁹; then 1 − e^−x = (1 − 2^−k) − 2^−k·(e^−r − 1), where nothing cancels: for k = 0 the first
/// part is zero, and for k ≥ 1 the result is at least 0.29.
func decayComplement(_ x: Double) -> Double {
  // e^−40 is below a quarter of the last place of 1. A NaN has no business here, and gets 1 as
  // well.
  guard x < 40 else { return 1 }
  guard x > 0 else { return 0 }
  let k = Int(x * 1.4426950408889634 + 0.5)  // x / ln 2, rounded
  let high = 0.693147180369123816490  // the upper 32 bits of ln 2
  let low = 1.90821492927058770002e-10  // the rest
  let y = -((x - Double(k) * high) - Double(k) * low)
  // The coefficients are 1/2!, 1/3! … 1/14!.
  var tail = 1.0 / 87_178_291_200
  tail = tail * y + 1.0 / 6_227_020_800
  tail = tail * y + 1.0 / 479_001_600
  tail = tail * y + 1.0 / 39_916_800
  tail = tail * y + 1.0 / 3_628_800
  tail = tail * y + 1.0 / 362_880
  tail = tail * y + 1.0 / 40_320
  tail = tail * y + 1.0 / 5_040
  tail = tail * y + 1.0 / 720
  tail = tail * y + 1.0 / 120
  tail = tail * y + 1.0 / 24
  tail = tail * y + 1.0 / 6
  tail = tail * y + 0.5
  let exponentialLessOne = y + y * y * tail
  // 2^−k: k is at most 58, so the number is normal and its exponent field is 1023 − k.
  let scale = Double(bitPattern: UInt64(1023 - k) << 52)
  return (1 - scale) - scale * exponentialLessOne
}
