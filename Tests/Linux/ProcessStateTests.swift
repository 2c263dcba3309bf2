// Invariants checked:
// - the state of a process is the letter behind its name, whatever the name;
// - a process that runs waits for nothing, and one that is gone neither.

import Testing

@testable import Linux

@Suite struct ProcessStateTests {
  @Test func theLetterBehindTheName() {
    #expect(processState(Array("7 (a) b) D 1".utf8)) == UInt8(ascii: "D"))
    for text in ["", "7 (a", "7 (a)", "7 (a) "] { #expect(processState(Array(text.utf8)) == nil) }
  }

  @Test func whoRunsDoesNotWait() {
    #expect(!ProcessID.current.waitsUninterruptibly)
    #expect(!ProcessID(0x3fff_ffff).waitsUninterruptibly)
  }
}
