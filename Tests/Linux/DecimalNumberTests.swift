// Invariant checked: a state file holds a plain number, or it is damaged.

import Testing

@testable import Linux

@Suite struct DecimalNumberTests {
  @Test(
    arguments: [
      ("1764000000\n", 1_764_000_000), ("0", 0), ("12345678901 \n", 12_345_678_901), ("", nil),
      ("123456789012", nil), ("17a", nil), ("-1", nil), ("\n", nil), (" 1", nil), ("1\n2", nil),
      ("\0\0", nil),
    ] as [(String, UInt64?)])
  func onlyPlainNumbersCount(text: String, number: UInt64?) {
    #expect(decimalNumber(Array(text.utf8), digitCountMax: 11) == number)
  }

  @Test func theLongestNumberDoesNotOverflow() {
    let nines = [UInt8](repeating: UInt8(ascii: "9"), count: 18)
    #expect(decimalNumber(nines, digitCountMax: 18) == 999_999_999_999_999_999)
    #expect(decimalNumber(nines + [UInt8(ascii: "9")], digitCountMax: 18) == nil)
  }
}
