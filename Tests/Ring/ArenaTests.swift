// Invariants checked:
// - regions lie on lines, next to each other, and never overlap;
// - a fresh task slot is all zeroes, and its words and counters are independent;
// - a doorbell asks for exactly one call per sleep, and for none while the consumer is awake.

import Testing

@testable import Ring

@Suite struct ArenaTests {
  @Test func regionsLieOnLinesAndDoNotOverlap() {
    var plan = ArenaPlan()
    #expect(plan.byteCount == 0)
    var end = 0
    for count in [1, 127, 128, 129, 4096, 5] {
      let region = plan.reserve(byteCount: count)
      #expect(region.offset == end && region.offset % 128 == 0)
      #expect(region.byteCount >= count && region.byteCount - count < 128)
      end = region.offset + region.byteCount
    }
    #expect(plan.byteCount == end)
    let memory = Memory(byteCount: plan.byteCount)
    let last = memory.arena[ArenaRegion(offset: end - 128, byteCount: 128)]
    #expect(last.byteCount == 128 && last.isOnLine)
  }

  @Test func regionsOutsideOfTheArenaTrap() async {
    await #expect(processExitsWith: .failure) {
      let memory = Memory(byteCount: 256)
      _ = memory.arena[ArenaRegion(offset: 128, byteCount: 129)]
    }
    await #expect(processExitsWith: .failure) {
      let memory = Memory(byteCount: 256)
      _ = memory.arena[ArenaRegion(offset: -128, byteCount: 128)]
    }
  }

  @Test func taskSlotWordsAreIndependent() {
    let own = Memory(byteCount: TaskSlot.taskByteCount)
    let verdict = Memory(byteCount: TaskSlot.supervisorByteCount)
    for index in 0..<(TaskSlot.taskByteCount / 8) { own.set(UInt64.max, at: index * 8) }
    for index in 0..<(TaskSlot.supervisorByteCount / 8) { verdict.set(UInt64.max, at: index * 8) }
    let slot = TaskSlot.format(task: own.block(), supervisor: verdict.block())
    let counters = (0..<Counter.count).compactMap { Counter(rawValue: UInt8($0)) }
    #expect(counters.count == Counter.count)
    #expect(Counter(rawValue: UInt8(Counter.count)) == nil)
    #expect(Set(counters.map { $0.name.description }).count == Counter.count)
    #expect(slot.processID == 0 && slot.generation == 0 && slot.beatTime == 0)
    #expect(slot.progress == 0 && slot.step == 0 && slot.allocationCount == 0)
    #expect(slot.deadline == 0 && slot.condition == .fine && slot.position == 0)
    #expect(slot.health == Health(.starting) && slot.healthTime == 0 && slot.deathCount == 0)
    for counter in counters { #expect(slot[counter] == 0) }
    slot.processID = 4_194_304
    slot.generation = 3
    slot.beat(step: 7, now: -5, within: 12)
    slot.progress = 6
    slot.allocationCount = 8
    slot.condition = Condition(.sensorsFailing, number: 3)
    slot.position = 11
    slot.health = Health(.degraded, .condition, number: 3, condition: .sensorsFailing)
    slot.healthTime = 9
    slot.deathCount = 10
    for counter in counters { slot.add(UInt64(counter.rawValue) + 1, to: counter) }
    for counter in counters { slot.add(to: counter) }
    let view = TaskSlot(task: own.block(), supervisor: verdict.block())
    #expect(view.processID == 4_194_304 && view.generation == 3 && view.beatTime == -5)
    #expect(view.progress == 6 && view.step == 7 && view.allocationCount == 8)
    #expect(view.deadline == 7 && view.position == 11 && view.deathCount == 10)
    #expect(view.condition == Condition(.sensorsFailing, number: 3) && view.healthTime == 9)
    #expect(view.health.condition == .sensorsFailing && view.health.state == .degraded)
    for counter in counters { #expect(view[counter] == UInt64(counter.rawValue) + 2) }
  }

  @Test func nonsenseInASlotIsReadAsSuch() {
    // What a task gone wild writes must not stop those that read it.
    #expect(Condition(word: 0xDEAD).code == .unknown)
    #expect(Health(word: 0xFFFF_FFFF_FFFF_FFFF).reason == .unknown)
    for state: HealthState in [.starting, .healthy, .degraded, .stalled, .failed] {
      for reason in 0...10 as ClosedRange<UInt8> {
        let health = Health(
          state, HealthReason(rawValue: reason) ?? .unknown, number: 0xFEDC_BA98,
          condition: .busStuck)
        #expect(Health(word: health.word) == health && health.reason != .unknown)
      }
    }
  }

  @Test func doorbellAsksForOneCallPerSleep() {
    let memory = Memory(byteCount: Doorbell.byteCount)
    let doorbell = Doorbell.format(memory.block())
    #expect(!doorbell.needsRing())
    doorbell.arm()
    #expect(unsafe doorbell.word.pointee == Doorbell.armedValue)
    #expect(doorbell.needsRing())
    #expect(!doorbell.needsRing())
    doorbell.disarm()
    #expect(!doorbell.needsRing())
    doorbell.arm()
    doorbell.disarm()
    #expect(!doorbell.needsRing())
    withExtendedLifetime(memory) {}
  }
}
