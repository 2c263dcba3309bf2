// Invariants checked:
// - the lines of one boot are taken once by the next, oldest first, the last ones where there are
//   more than fit; two processes that share the memory lose none of each other's;
// - a line that is longer than a record is cut; every level comes back;
// - what RAM holds when it gets power is no line, and neither is a record of which any byte
//   changed;
// - memory that is the kernel's own, or is not on a page, is refused.

import Glibc
import Testing

@testable import Linux

@safe @Suite struct WarmLogTests {
  private let memory: UnsafeMutableRawPointer

  init() {
    // Safe: as large as it is said to be below, and never freed.
    unsafe memory = UnsafeMutableRawPointer.allocate(
      byteCount: WarmLog.byteCount, alignment: 4096)
    var random = SystemRandomNumberGenerator()
    for offset in stride(from: 0, to: WarmLog.byteCount, by: 8) {
      unsafe memory.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
    }
  }

  private func bytes(_ text: String) -> ArraySlice<UInt8> { Array(text.utf8)[...] }

  @Test func theNextBootTakesTheLastLinesOnce() throws {
    let first = try unsafe WarmLog(over: memory)
    #expect(first.takeLines(countMax: 256) == [])
    for number in 1...300 {
      first.append(LogLevel(rawValue: UInt8(number % 5))!, bytes("line \(number)"))
    }
    let second = try unsafe WarmLog(over: memory)
    let lines = second.takeLines(countMax: 256)
    #expect(lines.count == 256 && second.takeLines(countMax: 256) == [])
    for (line, number) in zip(lines, 45...300) {
      #expect(line.level.rawValue == UInt8(number % 5))
      #expect(line.text == Array("line \(number)".utf8))
    }
    second.append(.error, bytes(String(repeating: "x", count: 300)))
    second.append(.info, bytes("last"))
    let third = try unsafe WarmLog(over: memory)
    #expect(third.takeLines(countMax: 1) == [WarmLine(level: .info, text: Array("last".utf8))])
    second.append(.error, bytes(String(repeating: "x", count: 300)))
    #expect(
      third.takeLines(countMax: 9) == [
        WarmLine(level: .error, text: [UInt8](repeating: 0x78, count: 224))
      ])
  }

  @Test func noChangedRecordIsALine() throws {
    for offset in 0..<WarmLog.recordByteCount {
      let log = try unsafe WarmLog(over: memory)
      _ = log.takeLines(countMax: 0)
      log.append(.warning, bytes("the pump stands still"))
      let byte = unsafe memory + WarmLog.recordByteCount + offset
      unsafe byte.storeBytes(of: byte.load(as: UInt8.self) ^ 0x10, as: UInt8.self)
      #expect(log.takeLines(countMax: 256) == [], "byte \(offset)")
    }
  }

  @Test func otherMemoryIsRefused() {
    #expect(throws: SystemError.self) { _ = try WarmLog(physicalAddress: 0xB00_0001) }
    #expect(throws: SystemError.self) { _ = try WarmLog(physicalAddress: .max - 4095) }
  }
}
