// Invariants checked, of the answers that a time server can give:
// - offset and delay are those of RFC 4330, section 5, also past 2036;
// - what answers another request, is too short, comes from a server that does not know the time, is
//   before a time that has passed, or took too long, is refused for that reason;
// - no answer whatever traps.

import Testing

@testable import Boot

@Suite struct TimePacketTests {
  private let second: Int64 = 1_000_000_000
  private let now: Int64 = 1_790_000_000_000_000_000
  private let nonce: UInt64 = 0x0123_4567_89ab_cdef

  /// An answer by a server whose clock says `received` and `sent`, in ns since 1970.
  private func answer(received: Int64, sent: Int64, first: UInt8 = 0x24) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 48)
    bytes[0] = first
    bytes[1] = 2
    put(nonce, in: &bytes, at: 24)
    put(timestamp(received), in: &bytes, at: 32)
    put(timestamp(sent), in: &bytes, at: 40)
    return bytes
  }

  private func put(_ value: UInt64, in bytes: inout [UInt8], at offset: Int) {
    for index in 0..<8 { bytes[offset + index] = UInt8(value >> (56 - 8 * index) & 0xff) }
  }

  private func timestamp(_ nanoseconds: Int64) -> UInt64 {
    let seconds = UInt64(nanoseconds / second + 2_208_988_800) & 0xffff_ffff
    let fraction = UInt64(nanoseconds % second) << 32 / UInt64(second)
    return seconds << 32 | fraction
  }

  private func measure(
    _ bytes: [UInt8], sent: Int64, received: Int64, bound: Int64 = 0
  ) throws(TimePacket.Refusal) -> TimePacket.Measurement {
    try TimePacket.measure(bytes, nonce: nonce, sent: sent, received: received, bound: bound)
  }

  @Test func aRequestCarriesItsNonce() {
    let request = TimePacket.request(nonce: nonce)
    #expect(request.count == 48 && request[0] == 0x23)
    #expect(Array(request[40...]) == [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef])
  }

  @Test func aClockThatIsBehindIsMeasured() throws {
    // This clock is 100 s behind; 20 ms there, 1 ms in the server, 20 ms back.
    let bytes = answer(received: now + 100 * second + 20_000_000, sent: now + 100_021_000_000)
    let found = try measure(bytes, sent: now, received: now + 41_000_000)
    #expect(abs(found.offset - 100 * second) < 10)
    #expect(abs(found.delay - 40_000_000) < 10)
  }

  @Test func theYearAfter2036IsRead() throws {
    let later: Int64 = 2_100_000_000_000_000_000
    let bytes = answer(received: later, sent: later)
    #expect(abs(try measure(bytes, sent: later, received: later).offset) < 10)
  }

  @Test func whatIsNoAnswerIsRefused() {
    let good = answer(received: now, sent: now)
    var other = good
    other[31] ^= 1
    var kiss = good
    kiss[1] = 0
    var zero = good
    for index in 40..<48 { zero[index] = 0 }
    let cases: [([UInt8], TimePacket.Refusal)] = [
      ([], .foreign), (Array(good.dropLast()), .foreign), (other, .foreign),
      (answer(received: now, sent: now, first: 0x23), .foreign),
      (answer(received: now, sent: now, first: 0xe4), .unsynchronized), (kiss, .unsynchronized),
      (zero, .unsynchronized), (answer(received: now, sent: now - second), .late),
    ]
    for (bytes, reason) in cases {
      #expect(throws: reason) { try measure(bytes, sent: now, received: now) }
    }
    #expect(throws: TimePacket.Refusal.past) {
      try measure(good, sent: now, received: now, bound: now + second)
    }
    #expect(throws: TimePacket.Refusal.late) {
      try measure(good, sent: now, received: now + 3 * second)
    }
  }

  @Test func noAnswerTraps() {
    for byte in UInt8.min...UInt8.max {
      var bytes = [UInt8](repeating: byte, count: 48)
      put(nonce, in: &bytes, at: 24)
      for first in [0x24, 0x1c, byte] as [UInt8] {
        bytes[0] = first
        _ = try? measure(bytes, sent: now, received: now + second)
      }
    }
  }
}
