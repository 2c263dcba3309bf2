// Invariants checked, in virtual time, of one supervised task:
// - a life longer than `forgivenAfter` starts the count of deaths anew, a shorter one does not, and
//   the count saturates;
// - one death more than the policy bears fails the task, and fork failing never does;
// - a task is stalled exactly when its own deadline has passed, or, whatever its slot says, when
//   nothing was heard of it for `stepLimitMax`;
// - the first start has a limit of its own, up to the end of its first step;
// - health is starting until the first beat of this start, degraded for a while after a restart or
//   by the task's own word, stalled while it is being ended, failed when it is given up;
// - tasks on demand and once-only tasks end with 0 in peace, and every other end is a death.

import Linux
import Ring
import Testing

@testable import Supervision

@Suite struct TaskStateTests {
  private func task(
    _ change: (inout TaskDeclaration) -> Void = { _ in }
  ) -> (task: SupervisedTask, slot: TaskSlot) {
    let slot = SlotMemory.make()
    var declaration = TaskDeclaration(
      name: "sense", detail: "i2c-1",
      policy: RestartPolicy(
        pauseFirst: 100, pauseMax: 1000, forgivenAfter: 50, countMax: 5, period: 1_000_000),
      slot: slot, body: .program(path: "/bin/true", arguments: ["true"]))
    declaration.watch.startLimit = 500
    declaration.watch.stepLimitMax = 10_000
    change(&declaration)
    return (SupervisedTask(declaration), slot)
  }

  private func start(_ task: inout SupervisedTask, at now: Int64) {
    task.prepareStart(now: now)
    task.noteStart(ProcessID(1), now: now)
  }

  @Test func titleNamesTheInstance() {
    #expect(task().task.declaration.title == "sense@i2c-1")
  }

  @Test func deathsInARowArePunishedAndALongLifeForgiven() {
    var (task, _) = task()
    start(&task, at: 0)
    #expect(task.noteEnd(.killed(signal: 9), now: 10, random: 0) == 0)
    #expect(task.state == .waiting(until: 10))
    start(&task, at: 20)
    #expect(task.noteEnd(.killed(signal: 9), now: 30, random: 0) == 100)
    start(&task, at: 200)
    #expect(task.noteEnd(.killed(signal: 9), now: 249, random: 0) == 200)
    start(&task, at: 1000)
    #expect(task.noteEnd(.killed(signal: 9), now: 1050, random: 0) == 0)
    #expect(task.generation == 4 && task.deathTotal == 4)
  }

  @Test func theCountSaturates() {
    var (task, _) = task { $0.policy.countMax = 0 }
    task.deathCount = .max
    #expect(task.noteEnd(.exited(status: 0), now: 0, random: 0) == 1000)
    #expect(task.deathCount == .max)
  }

  @Test func oneDeathTooManyFailsTheTask() {
    var (task, slot) = task()
    for index in 0..<5 as Range<Int64> {
      start(&task, at: index)
      #expect(task.noteEnd(.exited(status: 1), now: index, random: 0) != nil)
    }
    start(&task, at: 6)
    #expect(task.noteEnd(.exited(status: 1), now: 6, random: 0) == nil)
    #expect(task.state == .failed)
    _ = task.updateHealth(now: 7, unmetNeed: nil)
    #expect(slot.health == Health(.failed, .diedTooOften, number: 6))
    #expect(slot.deathCount == 6)
  }

  @Test func forkMayFailForEver() {
    var (task, slot) = task()
    var pause: Int64 = 0
    for _ in 0..<1000 {
      task.prepareStart(now: 0)
      pause = task.noteForkFailure(.again, now: 0)
    }
    #expect(pause == SupervisedTask.forkPauseMax)
    #expect(task.state == .waiting(until: pause))
    _ = task.updateHealth(now: 0, unmetNeed: nil)
    #expect(slot.health.reason == .cannotStart && slot.health.state == .starting)
  }

  @Test func aTaskIsStalledWhenItsOwnDeadlinePassed() {
    var (task, slot) = task()
    start(&task, at: 100)
    #expect(task.deadline(now: 100) == 600)  // the start's
    slot.beat(step: 3, now: 200, within: 50)
    #expect(task.deadline(now: 201) == 250)
    slot.beat(step: 4, now: 240, within: 9_000)
    #expect(task.deadline(now: 300) == 9_240)
  }

  @Test func aSlotFullOfNonsenseHoldsNobodyUp() {
    var (task, slot) = task()
    start(&task, at: 0)
    for nonsense in [Int64.max, -1, .min, 1 << 60] {
      slot.beatTime = nonsense
      slot.deadline = nonsense
      #expect(task.deadline(now: 1_000) <= 1_000 + 10_000)
    }
    // Nothing new was heard since 1,000.
    #expect(task.deadline(now: 50_000) <= 11_000)
    slot.deadline = 0
    #expect(task.deadline(now: 50_000) == 11_000)
  }

  @Test func theFirstStartHasTime() {
    var (task, slot) = task { $0.watch.firstStartLimit = 3000 }
    start(&task, at: 100)
    #expect(task.deadline(now: 200) == 3100)
    slot.begin(step: 1, now: 200, within: 50)
    #expect(task.deadline(now: 201) == 3100)
    slot.beat(step: 2, now: 300, within: 50)
    #expect(task.deadline(now: 301) == 350)
    _ = task.noteEnd(.killed(signal: 9), now: 400, random: 0)
    start(&task, at: 500)
    #expect(task.deadline(now: 501) == 1000)
    slot.begin(step: 1, now: 900, within: 400)
    #expect(task.deadline(now: 901) == 1300)
  }

  @Test func healthFollowsTheLife() {
    var (task, slot) = task()
    func health(_ now: Int64, need: Int? = nil) -> Health {
      _ = task.updateHealth(now: now, unmetNeed: need)
      return slot.health
    }
    #expect(health(1, need: 4) == Health(.starting, .waitsForAnother, number: 4))
    start(&task, at: 10)
    #expect(health(11) == Health(.starting, .noSignOfLife))
    slot.beat(step: 1, now: 12, within: 1000)
    #expect(health(13) == Health(.healthy))
    slot.condition = Condition(.sensorsFailing, number: 2)
    #expect(
      health(14) == Health(.degraded, .condition, number: 2, condition: .sensorsFailing))
    slot.step = 17
    task.state = .asked(ProcessID(1), since: 10, until: 100)
    #expect(health(15) == Health(.stalled, .missedDeadline, number: 17))
    task.state = .killing(ProcessID(1), since: 10, from: 100)
    #expect(health(101) == Health(.stalled, .missedDeadline, number: 17))
    let late = 100 + SupervisedTask.killNanosecondsMax
    #expect(health(late) == Health(.stalled, .cannotBeKilled))
    #expect(task.isHeld(now: late) && !task.isHeld(now: late - 1))
    _ = task.noteEnd(.killed(signal: 9), now: 20, random: 0)
    #expect(health(21) == Health(.starting, .missedDeadline, number: 17))
    start(&task, at: 22)
    #expect(health(23) == Health(.starting, .noSignOfLife))
    slot.beat(step: 1, now: 24, within: 1000)
    #expect(health(25) == Health(.degraded, .restarted, number: 1))
    #expect(health(72) == Health(.healthy))
  }

  @Test func theConditionOfADeadTaskIsForgotten() {
    var (task, slot) = task()
    start(&task, at: 0)
    slot.condition = Condition(.busStuck)
    _ = task.noteEnd(.killed(signal: 11), now: 100, random: 0)
    _ = task.updateHealth(now: 100, unmetNeed: nil)
    #expect(slot.health == Health(.starting, .killed, number: 11))
    start(&task, at: 101)
    #expect(slot.condition == .fine)
  }

  @Test func whatIsDoneIsDone() {
    var (once, _) = task { $0.policy = .once }
    start(&once, at: 0)
    #expect(once.noteEnd(.exited(status: 0), now: 1, random: 0) == nil)
    #expect(once.state == .stopped)
    var (asked, _) = task { $0.policy = .onDemand }
    #expect(asked.state == .idle)
    start(&asked, at: 0)
    #expect(asked.noteEnd(.exited(status: 0), now: 1, random: 0) == nil)
    #expect(asked.state == .idle)
    start(&asked, at: 2)
    #expect(asked.noteEnd(.exited(status: 1), now: 3, random: 0) == 0)
    var (plain, _) = task()
    start(&plain, at: 0)
    #expect(plain.noteEnd(.exited(status: 0), now: 1, random: 0) == 0)
    // An end with 0 while it was being ended for a stall is no peaceful one.
    start(&once, at: 5)
    once.state = .asked(ProcessID(1), since: 5, until: 6)
    #expect(once.noteEnd(.exited(status: 0), now: 7, random: 0) == 0)
  }
}

/// Memory for one slot, never freed: a test has few of them.
enum SlotMemory {
  static func make() -> TaskSlot {
    func block(_ count: Int) -> ArenaBlock {
      // Safe: the memory has that size and lives for ever.
      unsafe ArenaBlock(
        base: .allocate(byteCount: count, alignment: lineByteCount), byteCount: count)
    }
    return TaskSlot.format(
      task: block(TaskSlot.taskByteCount), supervisor: block(TaskSlot.supervisorByteCount))
  }
}
