// Invariants checked:
// - the proportional size is the number behind `Pss:`, and of nothing that only looks like it;
// - a process that lives has one, a process that is gone has none.

import Testing

@testable import Linux

@Suite struct ProcessMemoryTests {
  @Test func theSumLineCounts() {
    let text = """
      55d0-55e0 ---p 00000000 00:00 0 [rollup]
      Rss:                4096 kB
      Pss:                1234 kB
      Pss_Dirty:            99 kB
      """
    #expect(proportionalSize(Array(text.utf8)) == 1234)
    #expect(proportionalSize(Array("Rss: 1 kB\n".utf8)) == nil)
    #expect(proportionalSize([]) == nil)
  }

  @Test func thisProcessHasASize() throws {
    #expect(try #require(ProcessID.current.proportionalKibibytes) > 100)
    #expect(ProcessID(0x3fff_ffff).proportionalKibibytes == nil)
  }
}
