// Invariants checked:
// - the first death is followed by a start at once; later pauses never shrink while deaths follow
//   each other, never exceed the maximum by more than the spread, and never overflow;
// - as many deaths as the policy bears are borne in its period, one more is not, and a slower
//   stream of deaths never is too much;
// - starts are bounded in rate, and the bound recovers.

import Linux
import Testing

@testable import Supervision

@Suite struct RestartPolicyTests {
  @Test func pausesDoubleUpToTheMaximum() {
    let policy = RestartPolicy(pauseFirst: 100, pauseMax: 1000, forgivenAfter: 10)
    let pauses = (1...8).map { policy.pause(deathCount: UInt32($0), random: 0) }
    #expect(pauses == [0, 100, 200, 400, 800, 1000, 1000, 1000])
    #expect(policy.pause(deathCount: .max, random: 0) == 1000)
  }

  @Test func spreadIsAtMostAQuarter() {
    let policy = RestartPolicy.task
    for random in [0, 1, 0x1234_5678_9abc_def0, UInt64.max] {
      for deaths in 2..<64 as Range<UInt32> {
        let bare = policy.pause(deathCount: deaths, random: 0)
        let spread = policy.pause(deathCount: deaths, random: random)
        #expect(spread >= bare && spread <= bare + bare / 4)
      }
    }
  }
}

@Suite struct DeathBucketTests {
  private func policy(_ count: UInt32, period: Int64) -> RestartPolicy {
    RestartPolicy(pauseFirst: 1, pauseMax: 1, forgivenAfter: 0, countMax: count, period: period)
  }

  @Test func bearsSoManyDeathsAndNotOneMore() {
    for count in 1...40 as ClosedRange<UInt32> {
      var bucket = DeathBucket()
      let policy = policy(count, period: 1_000_000)
      for _ in 0..<count {
        let isTooMuch = bucket.note(now: 5, policy)
        #expect(!isTooMuch)
      }
      let isTooMuch = bucket.note(now: 5, policy)
      #expect(isTooMuch)
    }
  }

  @Test func aSlowStreamIsNeverTooMuch() {
    var bucket = DeathBucket()
    let policy = policy(10, period: 1_000)
    for index in 0..<1_000 as Range<Int64> {
      let isTooMuch = bucket.note(now: index * 100, policy)
      #expect(!isTooMuch)
    }
    // Twice as fast is, after a while.
    var start: Int64 = 100_000
    var count = 0
    while count < 100, !bucket.note(now: start, policy) {
      start += 50
      count += 1
    }
    #expect(count < 30)
  }

  @Test func noLimitIsNone() {
    var bucket = DeathBucket()
    for _ in 0..<10_000 {
      let isTooMuch = bucket.note(now: 0, .program)
      #expect(!isTooMuch)
    }
  }
}

@Suite struct StartBudgetTests {
  @Test func startsAreBoundedInRateAndTheBoundRecovers() {
    var budget = StartBudget()
    var now: Int64 = 1_000_000_000_000
    let first = (0..<1_000).count { _ in budget.take(now: now) }
    #expect(first == Int(StartBudget.capacity))
    // One second later: 50 more.
    now += 1_000_000_000
    let second = (0..<1_000).count { _ in budget.take(now: now) }
    #expect(second == 50)
    now += 3_600_000_000_000
    let third = (0..<1_000).count { _ in budget.take(now: now) }
    #expect(third == Int(StartBudget.capacity))
  }
}
