// Invariants checked:
// - a place logs five lines at once, then one every two seconds; another place, or another key,
//   has its own five; what was kept back is told once, with the next line or when all is quiet;
// - the table of places holds 64, and forgets the one that has been quiet for longest;
// - a line is shown whole or counted: a pipe that nobody reads costs the patience once, and then
//   nothing; when it is read again the lines that come are whole, and the count is told.

import Glibc
import Testing

@testable import Linux

private let second: Int64 = 1_000_000_000

@Suite struct LogLimitsTests {
  private func site(_ line: UInt32, key: UInt32 = 0) -> LogSite {
    LogSite(file: #fileID, line: line, key: key)
  }

  private func admit(
    _ limits: inout LogLimits, _ site: LogSite, _ level: LogLevel, _ now: Int64
  ) -> UInt64? {
    limits.admit(site, level, now: now)
  }

  @Test func fiveAtOnceThenOneEveryTwoSeconds() {
    var limits = LogLimits()
    for _ in 0..<5 { #expect(admit(&limits, site(1), .info, second) == 0) }
    for _ in 0..<120 { #expect(admit(&limits, site(1), .info, second) == nil) }
    #expect(limits.pendingCount == 120)
    #expect(admit(&limits, site(2), .info, second) == 0)
    #expect(admit(&limits, site(1, key: 1), .info, second) == 0)
    #expect(admit(&limits, site(1), .info, 3 * second - 1) == nil)
    #expect(admit(&limits, site(1), .info, 3 * second) == 121)
    #expect(limits.pendingCount == 0)
    #expect(admit(&limits, site(1), .info, 3 * second) == nil)
    for _ in 0..<5 { #expect(admit(&limits, site(1), .info, 60 * second) != nil) }
    #expect(admit(&limits, site(1), .info, 60 * second) == nil)
  }

  @Test func whatIsKeptBackIsToldWhenAllIsQuiet() throws {
    var limits = LogLimits()
    for _ in 0..<8 { _ = limits.admit(site(7), .warning, now: 0) }
    let early = limits.takeSilent(now: 10 * second - 1)
    #expect(early == nil)
    let silent = limits.takeSilent(now: 10 * second)
    let told = try #require(silent)
    #expect(told.site.line == 7 && told.level == .warning && told.suppressedCount == 3)
    let again = limits.takeSilent(now: 10 * second)
    #expect(again == nil && limits.pendingCount == 0)
    #expect(admit(&limits, site(7), .warning, 10 * second) == 0)
  }

  @Test func theTableForgetsTheQuietest() {
    var limits = LogLimits()
    for line in 0..<64 as Range<UInt32> {
      for _ in 0..<6 { _ = limits.admit(site(line), .info, now: Int64(line)) }
    }
    #expect(limits.pendingCount == 64)
    #expect(admit(&limits, site(100), .info, 64) == 0)
    #expect(limits.pendingCount == 63)
    // The first was forgotten, so it is new; the others are still limited.
    #expect(admit(&limits, site(63), .info, 64) == nil)
    #expect(admit(&limits, site(0), .info, 64) == 0)
  }
}

@Suite struct LogConsoleTests {
  @Test func aPipeThatNobodyReadsCostsThePatienceOnce() {
    let ends = makePipe()
    defer { for end in ends { close(end) } }
    var console = LogConsole(writingTo: ends[1])
    console.patienceMilliseconds = 50
    // 64 KiB, and pieces of pages: after at most that many lines it is full.
    var shownCount = 0
    while shownCount < 1000, console.show(line(shownCount)) { shownCount += 1 }
    #expect(shownCount > 100 && shownCount < 1000 && console.droppedCount == 1)
    let start = Clock.monotonic()
    for number in 0..<1000 {
      let isShown = console.show(line(number))
      #expect(!isShown)
    }
    let isTold = console.tell(line(0))
    #expect(!isTold)
    #expect(Clock.monotonic() - start < second)
    #expect(console.droppedCount == 1001)

    let before = drain(ends[0])
    #expect(before.count == shownCount * 200)
    let isToldNow = console.tell(line(5))
    #expect(isToldNow && console.droppedCount == 0)
    let isShown = console.show(line(6))
    #expect(isShown && drain(ends[0]) == line(5) + line(6))
  }

  @Test func aReaderThatIsGoneIsNoFault() {
    let ends = makePipe()
    signal(SIGPIPE, SIG_IGN)
    close(ends[0])
    var console = LogConsole(writingTo: ends[1])
    console.patienceMilliseconds = 50
    let isShown = console.show(line(0))
    #expect(!isShown && console.droppedCount == 1)
    close(ends[1])
  }

  /// A pipe on which neither end waits.
  private func makePipe() -> [Int32] {
    var ends: [Int32] = [-1, -1]
    // Safe: room for two descriptors.
    let result = unsafe ends.withUnsafeMutableBufferPointer { unsafe pipe($0.baseAddress) }
    #expect(result == 0)
    for end in ends { #expect(fcntl(end, F_SETFL, O_NONBLOCK) == 0) }
    return ends
  }

  /// 200 bytes.
  private func line(_ number: Int) -> [UInt8] {
    let text = "\(number)"
    return Array((text + String(repeating: "x", count: 199 - text.count) + "\n").utf8)
  }

  private func drain(_ descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      // Safe: the buffer outlives the call and its size is given.
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe read(descriptor, $0.baseAddress, $0.count)
      }
      if count <= 0 { return bytes }
      bytes += buffer[0..<count]
    }
  }
}
