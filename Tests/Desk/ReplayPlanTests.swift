// Invariants checked:
// - a hole is asked for after two seconds, once, and only where the gateway holds it and has sent
//   it;
// - not while a backlog comes, and not of a gateway that is away;
// - what the answer says is missing is lost; what no answer settles is asked for again, ever
//   slower;
// - gaps explain as many numbers as they say, over boots too;
// - the end of a boot that is over is looked for, once.

import Testing

@testable import Desk

@Suite struct ReplayPlanTests {
  private var plan = ReplayPlan()
  private var account = DeviceAccount(device: "p")

  private mutating func step(
    at now: Double, isOnline: Bool = true, backlogAt: Double? = nil
  ) -> ReplayStep? {
    guard let step = plan.step(account, isOnline: isOnline, backlogAt: backlogAt, now: now) else {
      return nil
    }
    #expect(step.before == account.replay)
    account.replay = step.after
    account.gaps.formUnion(step.lost)
    account.ended.formUnion(step.ended)
    return step
  }

  private mutating func hold(
    _ lowest: (UInt64, UInt64), _ highest: (UInt64, UInt64), acknowledged: (UInt64, UInt64)? = nil
  ) {
    account.checkpoint = Checkpoint(
      device: "p", epoch: highest.0, lowest: Place(epoch: lowest.0, sequence: lowest.1),
      highest: Place(epoch: highest.0, sequence: highest.1),
      acknowledged: acknowledged.map { Place(epoch: $0.0, sequence: $0.1) })
  }

  private mutating func answer(sent: UInt64, missing: UInt64, at now: Double) {
    let request = account.replay?.request(to: "p")
    guard let request else { return }
    let answer = ReplayAnswer(
      id: request.id, epoch: request.epoch, first: request.first, last: request.last,
      sentCount: sent, missingCount: missing)
    let isTaken = account.replay?.take(answer, from: "p", now: now)
    #expect(isTaken == true)
  }

  @Test mutating func aHoleIsAskedForOnceAndFilled() {
    account.covered[1] = SequenceSet([0...9, 15...20])
    hold((1, 0), (1, 20))
    #expect(step(at: 100) == nil)
    #expect(step(at: 101.9) == nil)
    let asked = step(at: 102)
    #expect(asked?.asks == true)
    #expect(account.replay?.range == 10...14)
    #expect(step(at: 103) == nil)
    account.covered[1]?.insert(10...14)
    answer(sent: 5, missing: 0, at: 103)
    #expect(step(at: 103.5) == nil)
    let settled = step(at: 104)
    #expect(settled?.lost.isEmpty == true)
    #expect(account.replay == nil)
    #expect(account.holes.isEmpty)
  }

  @Test mutating func onlyWhatTheGatewayHoldsAndHasSent() {
    account.covered[1] = SequenceSet([0...9, 50...60])
    hold((1, 30), (1, 60), acknowledged: (1, 40))
    _ = step(at: 100)
    #expect(step(at: 102)?.asks == true)
    #expect(account.replay?.range == 30...40)
  }

  @Test mutating func notOfABacklogOrOfNobody() {
    account.covered[1] = SequenceSet([0...9, 15...20])
    hold((1, 0), (1, 20))
    _ = step(at: 100)
    #expect(step(at: 103, backlogAt: 102) == nil)
    #expect(step(at: 104, isOnline: false) == nil)
    #expect(step(at: 108, backlogAt: 102)?.asks == true)
  }

  @Test mutating func withoutACheckpointNobodyIsAsked() {
    account.covered[1] = SequenceSet([0...9, 15...20])
    _ = step(at: 100)
    #expect(step(at: 1000) == nil)
    #expect(account.holes == [Hole(epoch: 1, range: 10...14)])
  }

  @Test mutating func whatIsMissingThereIsLost() {
    account.covered[1] = SequenceSet([0...9, 15...20])
    hold((1, 0), (1, 20))
    _ = step(at: 100)
    _ = step(at: 102)
    account.covered[1]?.insert(10...11)
    answer(sent: 2, missing: 3, at: 103)
    let settled = step(at: 104)
    #expect(settled?.lost.map(\.count) == [3])
    #expect(account.lostCount == 3)
    #expect(account.holes.isEmpty)
    // It comes after all.
    account.covered[1]?.insert(12)
    #expect(account.lostCount == 2)
  }

  @Test mutating func silenceAndRefusalsAreFollowedByLongerPauses() {
    account.covered[1] = SequenceSet([0...9, 15...20])
    hold((1, 0), (1, 20))
    _ = step(at: 100)
    _ = step(at: 102)
    var asked: [Double] = []
    for tick in 0..<4000 {
      let now = 102 + Double(tick) / 2
      if step(at: now)?.asks == true { asked.append(now) }
      if tick == 100 { account.replay?.isRefused = true }
    }
    let pauses = zip(asked.dropFirst(), asked).map { $0 - $1 }
    #expect(asked.first == 107)
    #expect(pauses == [10, 20, 40, 80, 160, 300, 300, 300, 300, 300])
  }

  @Test mutating func whatWasSentAndDidNotComeIsAskedForAFewTimesOnly() {
    account.covered[1] = SequenceSet([0...9, 15...20])
    hold((1, 0), (1, 20))
    _ = step(at: 100)
    var requestCount = 0
    for tick in 4..<4000 {
      let now = 100 + Double(tick) / 2
      if step(at: now)?.asks == true {
        requestCount += 1
        // Only what is still missing.
        account.covered[1]?.insert(10)
        #expect(account.replay?.range == (requestCount == 1 ? 10...14 : 11...14))
        answer(sent: 5, missing: 0, at: now)
      }
    }
    #expect(requestCount == ReplayPlan.attemptCountMax)
    #expect(account.lostCount == 4)
  }

  @Test mutating func whatIsNotHeldAnyMoreIsLostAfterAWhile() {
    account.covered[1] = SequenceSet([0...9, 15...20])
    hold((1, 13), (1, 20))
    _ = step(at: 100)
    _ = step(at: 102)
    #expect(account.replay?.range == 13...14)
    account.covered[1]?.insert(13...14)
    answer(sent: 2, missing: 0, at: 103)
    _ = step(at: 104)
    #expect(step(at: 109) == nil)
    #expect(step(at: 110)?.lost.map(\.count) == [3])
  }

  @Test mutating func aReceiverThatComesLateAsksForWhatTheJournalHolds() {
    hold((1, 5), (3, 7))
    _ = step(at: 100)
    #expect(step(at: 102)?.asks == true)
    #expect(account.replay?.epoch == 3)
    #expect(account.replay?.range == 0...7)
    account.covered[3] = SequenceSet([0...7])
    answer(sent: 8, missing: 0, at: 102)
    _ = step(at: 103)
    // Then it looks for the ends of the boots before.
    #expect(step(at: 104)?.after?.isTail == true)
    #expect(account.replay?.epoch == 1)
    #expect(account.replay?.range == 5...100_004)
    account.covered[1] = SequenceSet([5...19])
    answer(sent: 15, missing: 99_985, at: 105)
    #expect(step(at: 106)?.ended == [1])
    #expect(step(at: 107)?.after?.epoch == 2)
    answer(sent: 0, missing: 100_000, at: 108)
    #expect(step(at: 109)?.ended == [2])
    #expect(step(at: 200) == nil)
    #expect(account.lostCount == 0)
  }

  @Test mutating func holesNearToEachOtherAreOneRequest() {
    account.covered[1] = SequenceSet([0...9, 11...20, 22...5000, 5002...5010])
    hold((1, 0), (1, 5010))
    _ = step(at: 100)
    _ = step(at: 102)
    #expect(account.replay?.range == 10...21)
  }

  @Test mutating func aRequestIsNeverTooLong() {
    account.covered[1] = SequenceSet([0...9, 1_000_000...1_000_001])
    hold((1, 0), (1, 1_000_001))
    _ = step(at: 100)
    _ = step(at: 102)
    #expect(account.replay?.range == 10...100_009)
  }

  @Test mutating func gapsExplainAsManyAsTheySay() {
    account.covered[7] = SequenceSet([0...99, 150...150, 181...200])
    let range = (Place(epoch: 7, sequence: 100), Place(epoch: 7, sequence: 180))
    account.gaps = [
      KnownGap(kind: .evicted, lane: "telemetry", first: range.0, last: range.1, count: 79)
    ]
    // One more is missing than it says: an alarm that has not come yet.
    #expect(account.holes.map { $0.range.numberCount }.reduce(0, +) == 80)
    account.covered[7]?.insert(151)
    #expect(account.holes.isEmpty)
    account.gaps.insert(
      KnownGap(
        kind: .droppedEvents, first: Place(epoch: 7, sequence: 210),
        last: Place(epoch: 7, sequence: 219), count: 10))
    account.covered[7]?.insert(220)
    #expect(account.holes == [Hole(epoch: 7, range: 201...209)])
  }

  @Test mutating func aGapMaySpanBoots() {
    account.covered[3] = SequenceSet([0...50])
    account.covered[4] = SequenceSet([90...90])
    account.covered[5] = SequenceSet([21...30])
    account.gaps = [
      KnownGap(
        kind: .damaged, lane: "alarms", first: Place(epoch: 3, sequence: 51),
        last: Place(epoch: 5, sequence: 19), count: 200)
    ]
    #expect(account.holes == [Hole(epoch: 5, range: 20...20)])
  }

  @Test mutating func numbersAtTheExtremesDoNotTrap() {
    account.covered[.max] = SequenceSet([0...0, UInt64.max...UInt64.max])
    account.covered[0] = SequenceSet([UInt64.max...UInt64.max])
    hold((0, .max), (.max, .max))
    account.gaps = [
      KnownGap(
        kind: .evicted, first: Place(epoch: 0, sequence: .max),
        last: Place(epoch: .max, sequence: .max), count: .max)
    ]
    for now in 0..<100 { _ = step(at: Double(now)) }
  }
}
