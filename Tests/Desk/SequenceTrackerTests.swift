// Invariants checked:
// - in whatever order numbers and explanations come, after all of them the tracker's account is
//   that of a plain set: missing = never received, never explained, below the highest;
// - a number counts as a duplicate exactly when it was received before;
// - a receiver that comes late, or was away, sees no hole before its first number.

import Seeds
import Testing

@testable import Desk

@Suite struct SequenceTrackerTests {
  @Test func aSeriesWithoutHolesIsComplete() {
    var tracker = SequenceTracker(start: 0)
    for number in 0..<1000 as Range<UInt64> {
      let isNew = tracker.receive(number)
      #expect(isNew)
    }
    #expect(tracker.missingCount == 0)
    #expect(tracker.duplicateCount == 0)
    #expect(tracker.receivedCount == 1000)
    #expect(tracker.next == 1000)
  }

  @Test func theFirstNumberMayBeMissing() {
    var tracker = SequenceTracker(start: 0)
    tracker.receive(2)
    #expect(tracker.holes == [0..<2])
    var late = SequenceTracker()
    late.receive(17)
    #expect(late.missingCount == 0)
  }

  @Test func aHoleThatIsFilledLaterIsNone() {
    var tracker = SequenceTracker(start: 0)
    for number in [0, 3, 1, 2] as [UInt64] {
      let isNew = tracker.receive(number)
      #expect(isNew)
    }
    #expect(tracker.holes.isEmpty)
    let isNew = tracker.receive(2)
    #expect(!isNew)
    #expect(tracker.duplicateCount == 1)
  }

  @Test func explanationsWorkBeforeAndAfterTheHole() {
    var before = SequenceTracker(start: 0)
    before.explain(first: 1, count: 3)
    for number in [0, 4] as [UInt64] { before.receive(number) }
    #expect(before.missingCount == 0)

    var after = SequenceTracker(start: 0)
    for number in [0, 6] as [UInt64] { after.receive(number) }
    after.explain(first: 2, count: 2)
    #expect(after.holes == [1..<2, 4..<6])
    after.explain(first: 0, count: .max)
    #expect(after.missingCount == 0)
  }

  @Test func anAwayReceiverMissesNothing() {
    var tracker = SequenceTracker(start: 0)
    tracker.receive(0)
    tracker.resume()
    tracker.receive(50)
    #expect(tracker.missingCount == 0)
    tracker.receive(52)
    #expect(tracker.holes == [51..<52])
  }

  @Test func theExtremesDoNotTrap() {
    var tracker = SequenceTracker(start: 0)
    tracker.receive(.max - 1)
    #expect(tracker.missingCount == UInt64.max - 1)
    tracker.explain(first: .max, count: .max)
    tracker.explain(first: 0, count: 0)
    #expect(tracker.missingCount == UInt64.max - 1)
    let isNew = tracker.receive(.max)
    #expect(!isNew)
  }

  @Test func randomSeriesAgreeWithASet() {
    for seed in 1...300 as ClosedRange<UInt64> {
      var random = SeededRandom(seed: seed)
      var tracker = SequenceTracker(start: 0)
      var received: Set<UInt64> = []
      var explained: Set<UInt64> = []
      var duplicateCount: UInt64 = 0
      for _ in 0..<60 {
        let number = random.next() % 40
        if random.next() % 4 == 0 {
          let count = random.next() % 6
          tracker.explain(first: number, count: count)
          explained.formUnion(number..<number + count)
        } else {
          let isNew = received.insert(number).inserted
          // What was explained and comes after all counts as received from then on.
          if !isNew { duplicateCount += 1 }
          tracker.receive(number)
        }
      }
      let end = (received.max() ?? 0) + 1
      let missing = (0..<end).filter { !received.contains($0) && !explained.contains($0) }
      #expect(tracker.missingCount == UInt64(missing.count), "seed \(seed)")
      #expect(tracker.holes.flatMap { Array($0) } == missing, "seed \(seed)")
      #expect(tracker.receivedCount + tracker.duplicateCount >= UInt64(received.count))
      if explained.isDisjoint(with: received) {
        #expect(tracker.duplicateCount == duplicateCount, "seed \(seed)")
      }
    }
  }

  @Test func theListOfHolesIsBounded() {
    var tracker = SequenceTracker(start: 0)
    let count = UInt64(SequenceTracker.rangeCountMax + 10)
    for number in 0..<count { tracker.receive(number * 2 + 1) }
    #expect(tracker.holes.count == SequenceTracker.rangeCountMax)
    #expect(tracker.forgottenCount == 10)
    #expect(tracker.missingCount == count)
  }
}
