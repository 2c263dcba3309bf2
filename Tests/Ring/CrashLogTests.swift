// Invariants checked:
// - a slot shows a record only of the life that left it, and nothing of what is being written;
// - a log keeps the last 16 crashes with their numbers, and those of earlier boots before its own;
// - whatever a task that has run wild leaves in its slot, reading it neither traps nor says more
//   frames than there are.

import Testing

@testable import Ring

@Suite struct CrashLogTests {
  private func record(generation: UInt64, pc: UInt64 = 0x1000) -> CrashRecord {
    var words = InlineArray<46, UInt64>(repeating: 0)
    words[0] = generation
    words[3] = pc
    return CrashRecord(words: words)
  }

  private func entry(_ title: String, epoch: UInt64, pc: UInt64) -> CrashEntry {
    let bytes = Array(title.utf8)
    return CrashEntry(record(generation: 1, pc: pc), of: bytes.span, epoch: epoch, realTime: 7)
  }

  @Test func aSlotShowsOnlyItsOwnLife() {
    let memory = Memory(byteCount: CrashSlot.byteCount)
    let slot = CrashSlot.format(memory.block())
    #expect(slot.record(ofGeneration: 0) == nil && slot.record(ofGeneration: 1) == nil)
    memory.set(UInt64(0xABC), at: 24)
    memory.set(UInt64(3), at: 0)
    #expect(slot.record(ofGeneration: 2) == nil && slot.record(ofGeneration: 4) == nil)
    #expect(slot.record(ofGeneration: 3)?.programCounter == 0xABC)
  }

  @Test func nonsenseInASlot() {
    let memory = Memory(byteCount: CrashSlot.byteCount)
    let slot = CrashSlot.format(memory.block())
    for offset in stride(from: 0, to: CrashSlot.byteCount, by: 8) {
      memory.set(UInt64.max, at: offset)
    }
    let record = slot.record(ofGeneration: .max)
    #expect(record?.frameCount == CrashRecord.frameCountMax)
    #expect(record?.frame(31) == 0 && record?.uptime == 0)
  }

  @Test func theLastSixteenAreKept() {
    let memory = Memory(byteCount: CrashLog.byteCount)
    let log = CrashLog.format(memory.block())
    #expect(log.first == 0 && log.end == 0 && log[0] == nil)
    for number in 0..<40 {
      #expect(log.append(entry("task", epoch: 1, pc: UInt64(number))) == UInt64(number))
      #expect(log.first == UInt64(max(0, number - 15)) && log.end == UInt64(number + 1))
    }
    for number in 0..<50 as Range<UInt64> {
      #expect(log[number]?.record.programCounter == ((24..<40).contains(number) ? number : nil))
    }
  }

  @Test func earlierBootsComeFirst() {
    let memory = Memory(byteCount: CrashLog.byteCount)
    let log = CrashLog.format(memory.block())
    for (number, epoch) in [(7, 4), (8, 5), (9, 5)] as [(UInt64, UInt64)] {
      var old = entry("sense@i2c-1", epoch: epoch, pc: number)
      old.number = number
      log.restore(old, isTold: epoch < 5)
    }
    #expect(log.end == 10 && log.first == 0 && log.firstToTell == 8)
    #expect(log[6] == nil && log[7]?.epoch == 4)
    #expect(log.append(entry("uplink", epoch: 6, pc: 1)) == 10)
    #expect(log[10]?.epoch == 6 && log.firstToTell == 8)
  }

  @Test func aTitleIsCutWhereItIsTooLong() {
    let long = entry(String(repeating: "x", count: 100), epoch: 1, pc: 1)
    #expect(long.titleByteCount == CrashEntry.titleByteCountMax)
    let short = entry("sense@i2c-1", epoch: 1, pc: 1)
    let bytes = (0..<short.titleByteCount).map { short.titleByte($0) }
    #expect(String(decoding: bytes, as: UTF8.self) == "sense@i2c-1")
  }
}
