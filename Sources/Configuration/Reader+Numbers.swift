/// The longest period, window, silence and hold: one day, in nanoseconds.
let durationMax: Int64 = 86_400_000_000_000
let millisecond: Int64 = 1_000_000
let second: Int64 = 1_000_000_000

extension Reader {
  /// An integer in a range, decimal or with `0x`.
  mutating func integer(_ node: Int, _ what: String, in range: ClosedRange<Int64>) -> Int64? {
    let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
    guard let text = tree.text(node), let value = parseInteger(text) else {
      refuse(node, what, expected: expected, remedy: "write it in digits, without a unit")
      return nil
    }
    guard range.contains(value) else {
      refuse(node, what, expected: expected, remedy: "choose a value in that range")
      return nil
    }
    return value
  }

  /// A finite number.
  mutating func number(_ node: Int, _ what: String) -> Double? {
    let remedy =
      contains(Array((tree.text(node) ?? "").utf8)[...], ",")
      ? "write the fraction with a point" : "write for example 21.5, without a unit"
    guard let text = tree.text(node) else {
      refuse(node, what, expected: "a number", remedy: remedy)
      return nil
    }
    switch parseNumber(text) {
    case .value(let value):
      return value
    case .notFinite:
      refuse(node, what, expected: "a finite number", remedy: "write for example 21.5")
    case .notANumber:
      refuse(node, what, expected: "a number", remedy: remedy)
    }
    return nil
  }

  /// A number that is not negative.
  mutating func amount(_ node: Int, _ what: String) -> Double? {
    guard let value = number(node, what) else { return nil }
    guard value >= 0 else {
      refuse(node, what, expected: "zero or more", remedy: "remove the minus sign")
      return nil
    }
    return value
  }

  /// A duration in a range of nanoseconds; both ends are told in `expected`.
  mutating func duration(
    _ node: Int, _ what: String, in range: ClosedRange<Int64>
  ) -> Int64? {
    let bounds = "\(durationText(range.lowerBound)) to \(durationText(range.upperBound))"
    guard let text = tree.text(node), !tree.isNull(node) else {
      refuse(node, what, expected: "a duration, \(bounds)", remedy: "write for example 10 s")
      return nil
    }
    switch parseDuration(text) {
    case .nanoseconds(let value):
      if range.contains(value) { return value }
      refuse(node, what, expected: "\(bounds)", remedy: "choose a duration in that range")
    case .noUnit:
      refuse(
        node, what, expected: "a duration with its unit, \(bounds)",
        remedy: Self.withUnits(text, in: range))
    case .unknownUnit(let unit):
      refuse(
        node, what, expected: "a unit of time: \(list(timeUnitNames))", remedy: timeRemedy(unit))
    case .notADuration:
      refuse(node, what, expected: "a duration, \(bounds)", remedy: "write for example 10 s")
    case .outOfRange:
      refuse(node, what, expected: "\(bounds), in whole nanoseconds", remedy: "shorten it")
    }
    return nil
  }

  /// The bare number with the units that bring it into the range.
  private static func withUnits(_ text: String, in range: ClosedRange<Int64>) -> String {
    let fitting = ["ms", "s", "min", "us", "h"].map { "\(text) \($0)" }.filter {
      if case .nanoseconds(let value) = parseDuration($0) { range.contains(value) } else { false }
    }
    guard let first = fitting.first else { return "write for example 10 s" }
    return "write for example \(first)" + (fitting.count > 1 ? " or \(fitting[1])" : "")
  }

  /// A duration of whole seconds, in a range of seconds; returns seconds.
  mutating func seconds(_ node: Int, _ what: String, in range: ClosedRange<Int64>) -> Int64? {
    let bounds = range.lowerBound * second...range.upperBound * second
    guard let value = duration(node, what, in: bounds) else { return nil }
    guard value % second == 0 else {
      refuse(node, what, expected: "whole seconds", remedy: "round it")
      return nil
    }
    return value / second
  }
}
