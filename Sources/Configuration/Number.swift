import CYAML

/// What a text says as a number.
enum NumberResult {
  case value(Double)
  /// NaN, infinity, or beyond what a double holds.
  case notFinite
  case notANumber
}

/// What a text says as a duration.
enum DurationResult {
  case nanoseconds(Int64)
  /// A bare number.
  case noUnit
  case unknownUnit(String)
  /// Not even a number.
  case notADuration
  /// Finer than a nanosecond, or longer than an Int64 of nanoseconds (292 years).
  case outOfRange
}

/// A decimal or `0x` hexadecimal integer with an optional sign. Nothing else: YAML 1.1's octal and
/// base 60 surprise people, so a leading zero is refused.
func parseInteger(_ text: String) -> Int64? {
  var digits = Array(text.utf8)[...]
  var isNegative = false
  if let first = digits.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
    isNegative = first == UInt8(ascii: "-")
    digits = digits.dropFirst()
  }
  var base: Int64 = 10
  if digits.count > 2, digits[digits.startIndex] == UInt8(ascii: "0"),
    lowercased(digits[digits.startIndex + 1]) == UInt8(ascii: "x")
  {
    base = 16
    digits = digits.dropFirst(2)
  }
  guard !digits.isEmpty, digits.count <= 20 else { return nil }
  if base == 10, digits.count > 1, digits.first == UInt8(ascii: "0") { return nil }
  var value: Int64 = 0
  for byte in digits {
    let digit: Int64
    if isDigit(byte) {
      digit = Int64(byte - UInt8(ascii: "0"))
    } else if base == 16, (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(lowercased(byte)) {
      digit = Int64(lowercased(byte) - UInt8(ascii: "a")) + 10
    } else {
      return nil
    }
    let (product, overflow) = value.multipliedReportingOverflow(by: base)
    let (sum, carry) = product.addingReportingOverflow(digit)
    if overflow || carry { return nil }
    value = sum
  }
  return isNegative ? -value : value
}

/// A decimal number with optional fraction and exponent.
func parseNumber(_ text: String) -> NumberResult {
  let bytes = Array(text.utf8)
  guard isDecimal(bytes) else { return isNotFinite(bytes) ? .notFinite : .notANumber }
  // Safe: the pointer is used only during the call. The text is a plain decimal number, so strtod
  // (correctly rounding in glibc) reads all of it; weir never leaves the C locale.
  let value = unsafe text.withCString { unsafe strtod($0, nil) }
  return value.isFinite ? .value(value) : .notFinite
}

private func isDecimal(_ bytes: [UInt8]) -> Bool {
  guard bytes.count <= 64 else { return false }
  var index = 0
  func at(_ characters: String) -> Bool {
    index < bytes.count && characters.utf8.contains(bytes[index])
  }
  func digitCount() -> Int {
    let start = index
    while index < bytes.count, isDigit(bytes[index]) { index += 1 }
    return index - start
  }
  if at("+-") { index += 1 }
  var count = digitCount()
  if at(".") {
    index += 1
    count += digitCount()
  }
  guard count > 0 else { return false }
  if at("eE") {
    index += 1
    if at("+-") { index += 1 }
    guard digitCount() > 0 else { return false }
  }
  return index == bytes.count
}

private func isNotFinite(_ bytes: [UInt8]) -> Bool {
  let word = bytes.map(lowercased).drop {
    $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
  }
  return word.elementsEqual("nan".utf8) || word.elementsEqual("inf".utf8)
    || word.elementsEqual("infinity".utf8)
}

/// The units of time and their nanoseconds.
private let timeUnits: [(name: String, nanoseconds: Int64)] = [
  ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("min", 60_000_000_000),
  ("h", 3_600_000_000_000), ("d", 86_400_000_000_000),
]

/// The names of the units of time.
let timeUnitNames = ["us", "ms", "s", "min", "h", "d"]

/// Words that people write for the units.
private let timeUnitWords: [(word: String, unit: String)] = [
  ("sec", "s"), ("secs", "s"), ("second", "s"), ("seconds", "s"), ("m", "min"), ("mins", "min"),
  ("minute", "min"), ("minutes", "min"), ("hr", "h"), ("hour", "h"), ("hours", "h"), ("day", "d"),
  ("days", "d"), ("msec", "ms"), ("millis", "ms"), ("milliseconds", "ms"), ("µs", "us"),
  ("μs", "us"), ("usec", "us"), ("microseconds", "us"),
]

/// What to write for a unit of time that there is not.
func timeRemedy(_ unit: String) -> String {
  let known = timeUnitWords.first { $0.word.isSame(as: unit) }?.unit
  let near = known ?? nearest(to: unit, in: timeUnitNames)
  return near.map { "did you mean '\($0)'?" } ?? "write for example 10 s"
}

/// A decimal number and a unit of time, such as `250 ms` or `1.5 s`: exact, in integers only.
func parseDuration(_ text: String) -> DurationResult {
  let bytes = Array(text.utf8)
  guard bytes.count <= 64 else { return .notADuration }
  var index = 0
  var mantissa: Int64 = 0
  var digitCount = 0
  var fractionCount = 0
  var hasPoint = false
  while index < bytes.count {
    if isDigit(bytes[index]) {
      let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int64(bytes[index] - UInt8(ascii: "0")))
      if overflow || carry { return .outOfRange }
      mantissa = sum
      digitCount += 1
      fractionCount += hasPoint ? 1 : 0
    } else if bytes[index] == UInt8(ascii: "."), !hasPoint {
      hasPoint = true
    } else {
      break
    }
    index += 1
  }
  guard digitCount > 0 else { return .notADuration }
  while index < bytes.count, bytes[index] == 0x20 { index += 1 }
  let unit = String(decoding: bytes[index...], as: UTF8.self)
  if unit.isEmpty { return .noUnit }
  guard let scale = timeUnits.first(where: { $0.name.isSame(as: unit) })?.nanoseconds else {
    return .unknownUnit(unit)
  }
  var (value, overflow) = mantissa.multipliedReportingOverflow(by: scale)
  if overflow { return .outOfRange }
  for _ in 0..<fractionCount {
    guard value % 10 == 0 else { return .outOfRange }
    value /= 10
  }
  return .nanoseconds(value)
}

/// A duration for a message, in the largest unit that shows it whole: `250 ms`; from a millisecond
/// on with at most three decimals instead of a smaller unit: `413.6 ms`.
func durationText(_ nanoseconds: Int64) -> String {
  if nanoseconds > 1_000_000, nanoseconds % 1_000_000 != 0 {
    let micros = (nanoseconds + 999) / 1000
    var fraction = Array(String(micros % 1000 + 1000).utf8.dropFirst())
    while fraction.last == UInt8(ascii: "0") { fraction.removeLast() }
    return "\(micros / 1000).\(String(decoding: fraction, as: UTF8.self)) ms"
  }
  for unit in timeUnits.reversed()
  where nanoseconds >= unit.nanoseconds && nanoseconds % unit.nanoseconds == 0 {
    return "\(nanoseconds / unit.nanoseconds) \(unit.name)"
  }
  return "\(nanoseconds) ns"
}
