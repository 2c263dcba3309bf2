/// A number with a fixed count of decimals (0 to 9), or in scientific notation where that would
/// hide it or be longer than a column.
func fixed(_ value: Double, decimals: Int) -> String {
  precondition((0...9).contains(decimals))
  guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
  guard value.magnitude < 1e12 else { return "\(value)" }
  let scale = (0..<decimals).reduce(1.0) { scale, _ in scale * 10 }
  // Below 1e12 with at most five decimals this is exact enough; with more the magnitude is small.
  let scaled = (value.magnitude * scale).rounded()
  guard scaled < 9e18 else { return "\(value)" }
  let whole = String(UInt64(scaled))
  let padded = String(repeating: "0", count: max(0, decimals + 1 - whole.count)) + whole
  let sign = value < 0 && scaled > 0 ? "-" : ""
  guard decimals > 0 else { return sign + padded }
  return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
}

/// How many decimals, at most four, show the value without loss; fewer for big values, so that some
/// nine digits stand in all.
func decimalsNeeded(_ value: Double) -> Int {
  guard value.isFinite else { return 0 }
  var limit = 4
  var bound = 99_999.5
  while limit > 0, value.magnitude >= bound {
    limit -= 1
    bound *= 10
  }
  var text = fixed(value, decimals: limit)
  var decimals = limit
  while decimals > 0, text.last == "0" {
    text.removeLast()
    decimals -= 1
  }
  return decimals
}

/// A time span as a person says it: `0.3 s`, `45 s`, `12 min`, `3 h`, `2 d`.
func duration(_ seconds: Double) -> String {
  switch max(seconds, 0) {
  case ..<9.95: fixed(max(seconds, 0), decimals: 1) + " s"
  case ..<100: fixed(seconds, decimals: 0) + " s"
  case ..<6000: "\(Int(seconds / 60)) min"
  case ..<172_800: "\(Int(seconds / 3600)) h"
  case ..<1e9: "\(Int(seconds / 86_400)) d"
  default: "?"
  }
}

/// The last numbers as one line of eight heights, newest at the right; `·` is a reading without a
/// value. All heights are relative to the least and the greatest number shown.
func sparkline(_ history: ArraySlice<Double?>) -> String {
  let heights: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
  let numbers = history.compactMap { $0 }.filter(\.isFinite)
  guard let least = numbers.min(), let greatest = numbers.max() else {
    return String(repeating: "·", count: history.count)
  }
  return String(
    history.map { value -> Character in
      guard let value, value.isFinite else { return "·" }
      guard greatest > least else { return heights[3] }
      // Halves keep the difference of two huge numbers finite.
      let part = (value / 2 - least / 2) / (greatest / 2 - least / 2)
      return heights[min(max(Int(part * 8), 0), 7)]
    })
}

/// Seconds since 1970 UTC as RFC 3339 with milliseconds: `2026-01-02T03:04:05.678Z`.
func timestamp(_ seconds: Double) -> String {
  guard seconds.isFinite, seconds >= 0, seconds < 253_402_300_800 else { return "-" }
  let milliseconds = Int64((seconds * 1000).rounded())
  let day = milliseconds / 86_400_000
  let rest = milliseconds % 86_400_000
  // Days to a date of the Gregorian calendar, counted in eras of 400 years from 0000-03-01.
  let shifted = day + 719_468
  let era = shifted / 146_097
  let dayOfEra = shifted % 146_097
  let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
  let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  let shiftedMonth = (5 * dayOfYear + 2) / 153
  let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  let dayOfMonth = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
  let date = "\(digits(year, 4))-\(digits(month, 2))-\(digits(dayOfMonth, 2))"
  let hours = "\(digits(rest / 3_600_000, 2)):\(digits(rest / 60_000 % 60, 2))"
  return "\(date)T\(hours):\(digits(rest / 1000 % 60, 2)).\(digits(rest % 1000, 3))Z"
}

private func digits(_ value: Int64, _ count: Int) -> String {
  let text = String(value)
  return String(repeating: "0", count: max(0, count - text.count)) + text
}
