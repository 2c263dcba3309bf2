// Invariant: beside each reading in the ring to the pipeline stands the time of the commit that
// brought it there, also of one that a predecessor had staged and not committed.

import Ring
import Testing

@testable import Sensors

@Suite struct NotedTests {
  @Test func eachReadingHasTheTimeOfItsCommit() {
    var plan = ArenaPlan()
    let ringRegion = plan.reserve(byteCount: Ring<Reading>.byteCount(capacity: 4))
    let notesRegion = plan.reserve(byteCount: RingNotes.byteCount(capacity: 4))
    let stateByteCount = SenseLedger.stateByteCount(channelCount: 1)
    let cellRegion = plan.reserve(
      byteCount: CommitCell.byteCount(positionCount: 1, stateByteCount: stateByteCount))
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: plan.byteCount, alignment: lineByteCount)
    // Safe: freed at the end of the test, after the last use.
    defer { unsafe memory.deallocate() }
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: plan.byteCount)
    let arena = unsafe Arena(base: memory, byteCount: plan.byteCount)
    let ring = Ring<Reading>.format(arena[ringRegion], capacity: 4)
    let notes = RingNotes.format(arena[notesRegion], capacity: 4)
    let cell = CommitCell.format(
      arena[cellRegion], positionCount: 1, stateByteCount: stateByteCount)
    var consumer = Consumer(ring)
    for life in 0..<10 as Range<Int64> {
      var ledger = SenseLedger(cell: cell, ring: ring, channelCount: 1, notes: notes)
      for now in [life * 10 + 1, life * 10 + 2] {
        var output = SenseOutput()
        output.append(Reading(time: 0, sequence: UInt64(now), value: 1, channel: 0))
        ledger.record(output)
        let isCommitted = ledger.commit(now: now)
        #expect(isCommitted)
      }
      // Staged, and lost with its task.
      var output = SenseOutput()
      output.append(Reading(time: 0, sequence: 0, value: 1, channel: 0))
      ledger.record(output)
      for now in [life * 10 + 1, life * 10 + 2] {
        let position = consumer.position
        #expect(consumer.pop()?.sequence == UInt64(now))
        #expect(notes[position] == UInt64(now))
      }
      let isEmpty = consumer.pop() == nil
      #expect(isEmpty)
    }
  }
}
