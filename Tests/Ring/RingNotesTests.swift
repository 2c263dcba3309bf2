// Invariants checked:
// - the word of a position is kept until the position that is a whole ring further is noted;
// - the two times of a hop note come back as they were, in whole microseconds, are never negative,
//   and stop at their maximum.

import Testing

@testable import Ring

@Suite struct RingNotesTests {
  @Test func wordsOfPositions() {
    let memory = Memory(byteCount: RingNotes.byteCount(capacity: 8))
    let notes = RingNotes.format(memory.block(), capacity: 8)
    for position in 0..<100 as Range<UInt64> {
      #expect(notes[position] == (position < 8 ? 0 : position - 7))
      notes[position] = position + 1
      #expect(notes[position] == position + 1)
    }
    notes[.max] = 7
    #expect(notes[7] == 7)
  }

  @Test func hopNotes() {
    let note = HopNote(time: 1_000_000, readyTime: 3_500_999, madeTime: 4_000_000)
    #expect(note.sense == 2500 && note.pipeline == 499)
    #expect(HopNote(word: note.word) == note)
    // Without a reading, and a clock that was read earlier.
    #expect(HopNote(time: 5000, readyTime: 0, madeTime: 9000).sense == 0)
    #expect(HopNote(time: 5000, readyTime: 0, madeTime: 9000).pipeline == 4)
    #expect(HopNote(time: 5000, readyTime: 9000, madeTime: 6000).pipeline == 0)
    let hour = HopNote(time: 0, readyTime: 3_600_000_000_000, madeTime: .max)
    #expect(hour.sense == 3_600_000_000 && hour.pipeline == .max)
    let wild = HopNote(time: .min, readyTime: .max, madeTime: .min)
    #expect(wild.sense == .max && wild.pipeline == 0)
  }
}
