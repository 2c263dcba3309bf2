/// The number that a small state file holds: decimal digits, then nothing, spaces or line ends. Nil
/// for anything else, and for more than `digitCountMax` (1 to 18) digits: then the file is damaged.
public func decimalNumber(_ text: [UInt8], digitCountMax: Int) -> UInt64? {
  precondition(digitCountMax >= 1 && digitCountMax <= 18)
  var digits = text[...]
  while let last = digits.last, last == 0x0a || last == 0x20 { digits.removeLast() }
  guard digits.count >= 1, digits.count <= digitCountMax else { return nil }
  var value: UInt64 = 0
  for digit in digits {
    guard digit >= 0x30, digit <= 0x39 else { return nil }
    value = value * 10 + UInt64(digit - 0x30)
  }
  return value
}
