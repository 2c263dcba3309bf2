// Invariants checked:
// - the first death is followed by a start at once; later pauses never shrink while deaths follow
//   each other, never exceed the maximum by more than the spread, and never overflow;
// - a life longer than `forgivenAfter` starts the count anew, a shorter one does not;
// - `deathCount` saturates.

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

@Suite struct SupervisedTaskTests {
  private func task() -> SupervisedTask {
    SupervisedTask(
      TaskDeclaration(
        name: "sense", detail: "i2c-1",
        policy: RestartPolicy(pauseFirst: 100, pauseMax: 1000, forgivenAfter: 50),
        body: .program(path: "/bin/true", arguments: ["true"])))
  }

  @Test func deathsInARowArePunishedAndALongLifeForgiven() {
    var task = task()
    task.state = .running(ProcessID(1), since: 0)
    #expect(task.noteDeath(now: 10, random: 0) == 0)
    #expect(task.state == .waiting(until: 10))
    task.state = .running(ProcessID(1), since: 20)
    #expect(task.noteDeath(now: 30, random: 0) == 100)
    task.state = .running(ProcessID(1), since: 200)
    #expect(task.noteDeath(now: 249, random: 0) == 200)
    task.state = .running(ProcessID(1), since: 1000)
    #expect(task.noteDeath(now: 1050, random: 0) == 0)
  }

  @Test func theCountSaturates() {
    var task = task()
    task.deathCount = .max
    #expect(task.noteDeath(now: 0, random: 0) == 1000)
    #expect(task.deathCount == .max)
  }

  @Test func titleNamesTheInstance() {
    #expect(task().declaration.title == "sense@i2c-1")
  }
}
