// Invariants checked:
// - whatever numbers and ranges come, in whatever order, the set is that of a plain set;
// - its ranges are ascending and never touch;
// - numbers at the extremes do not trap.

import Seeds
import Testing

@testable import Desk

@Suite struct SequenceSetTests {
  @Test func itIsAPlainSet() {
    for seed in 1...300 as ClosedRange<UInt64> {
      var random = SeededRandom(seed: seed)
      var set = SequenceSet()
      var model: Set<UInt64> = []
      for _ in 0..<60 {
        let begin = random.next() % 50
        if random.next() % 3 == 0 {
          let range = begin...begin + random.next() % 6
          set.insert(range)
          model.formUnion(range)
        } else {
          let isNew = set.insert(begin)
          #expect(isNew == model.insert(begin).inserted, "seed \(seed)")
        }
      }
      #expect(set.ranges.flatMap { Array($0) } == model.sorted(), "seed \(seed)")
      for (a, b) in zip(set.ranges, set.ranges.dropFirst()) {
        #expect(a.upperBound + 1 < b.lowerBound, "seed \(seed)")
      }
      let begin = random.next() % 60
      let range = begin...begin + random.next() % 20
      #expect(
        set.missing(in: range).flatMap { Array($0) } == range.filter { !model.contains($0) },
        "seed \(seed)")
      #expect((0...70).allSatisfy { set.contains($0) == model.contains($0) }, "seed \(seed)")
    }
  }

  @Test func theExtremesDoNotTrap() {
    var set = SequenceSet()
    set.insert(.max)
    set.insert(0)
    #expect(set.missing(in: 0 ... .max) == [1...UInt64.max - 1])
    set.insert(0 ... .max)
    #expect(set.ranges == [0 ... .max])
    #expect(set.count == .max)
    #expect(set.missing(in: 0 ... .max).isEmpty)
  }
}
