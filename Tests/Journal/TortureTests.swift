// Invariants checked, by cutting the power of a simulated disk at every write and sync:
// - after each cut the journal opens, in a new epoch, and holds every event that it reported
//   durable, in order, none twice, none invented, and its gaps are exact; also when the power
//   fails again during recovery, and when writes and syncs fail (EIO, ENOSPC, EROFS, short
//   writes);
// - what a cut can't do (flipped bits, blocks that are missing, doubled, garbage or unreadable)
//   costs at most the events of those blocks, and these are gaps;
// - the same of a journal that is sealed, whose keys change from life to life; no key and nonce
//   seal two different blocks, and a record that was forged is a gap;
// - of short workloads, every image that a cut can leave is recovered;
// - the campaign finds a journal that is wrong: each mutant is caught;
// - a seed that fails fails again.

import Seeds
import Testing
import Torture

@Suite(.serialized) struct TortureTests {
  @Test func nothingDurableIsLostInAHundredThousandCuts() {
    let outcome = Torture(seed: testSeed("torture")).run(cutCount: 100_000)
    report(outcome)
    #expect(outcome.figures.cutCount >= 100_000)
    #expect(outcome.figures.secondCutCount > 1_000)
    #expect(outcome.figures.damageCount > 1_000)
    #expect(outcome.figures.failedCommitCount > 20)
    #expect(outcome.figures.gapCount > 1_000)
  }

  @Test func nothingIsLostAndNoNonceComesTwiceInASealedJournal() {
    let outcome = Torture(seed: testSeed("torture, sealed"), isSealed: true).run(cutCount: 20_000)
    report(outcome, " --sealed")
    #expect(outcome.figures.damageCount > 500)
    print("\(outcome.figures.sealedBlockCount) blocks were sealed")
    #expect(outcome.figures.sealedBlockCount > 1_000)
  }

  @Test func everyImageOfShortWorkloadsIsRecovered() {
    let seed = testSeed("torture, exhaustive")
    let outcome = Torture(seed: seed, isExhaustive: true).run(cutCount: 20_000)
    report(outcome)
    #expect(outcome.figures.cutCount >= 20_000)
  }

  @Test(arguments: Mutant.allCases.filter { $0 != .none })
  func aJournalThatIsWrongIsCaught(_ mutant: Mutant) {
    let first = testSeed("\(mutant)")
    let outcome = Torture(seed: first, mutant: mutant).run(cutCount: 200_000)
    guard let seed = outcome.failingSeed else {
      Issue.record("\(mutant) was not caught")
      return
    }
    print("\(mutant): caught in chain \(seed - first + 1)")
    let again = Torture(seed: seed, mutant: mutant).run(cutCount: 1)
    #expect(again.violation == outcome.violation, "the seed that failed does not fail again")
  }

  private func report(_ outcome: Torture.Outcome, _ options: String = "") {
    let figures = outcome.figures
    print(
      "\(figures.cutCount) cuts, \(figures.secondCutCount) of them during recovery, "
        + "\(figures.damageCount) with damage; \(figures.gapCount) gaps")
    #expect(
      outcome.violation == nil,
      "replay: weirctl torture --seed \(outcome.failingSeed ?? 0) --cuts 1\(options)")
  }
}
