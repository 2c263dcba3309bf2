// Invariants checked:
// - every stage of a configuration becomes the same stage of the plan, in the same order;
// - a turn of the task takes what there is, shows a sign of life, and wakes the uplink only if it
//   sleeps;
// - an idle task sleeps, at most a second, and a doorbell or a deadline ends the sleep earlier;
// - counters are right after a restart, also if the last task died before it had counted.

import Configuration
import Foundation
import Linux
import Ring
import Signal
import Testing

@testable import weir

private let second: Int64 = 1_000_000_000

/// Everything that a pipeline task needs, in an arena of its own.
private final class TaskRig {
  let mapping: SharedMapping
  let input: Ring<Reading>
  let output: Ring<Event>
  let doorbell: Doorbell
  let journalDoorbell: Doorbell
  let slot: TaskSlot
  let overload: OverloadWord
  let cell: CommitCell
  let plan: PipelinePlan
  var wakeCount = 0

  init(_ channels: [ChannelSettings]) throws {
    plan = makePipelinePlan(channels)
    var sizes = ArenaPlan()
    let inputRegion = sizes.reserve(byteCount: Ring<Reading>.byteCount(capacity: 64))
    let outputRegion = sizes.reserve(byteCount: Ring<Event>.byteCount(capacity: 64))
    let cellRegion = sizes.reserve(
      byteCount: CommitCell.byteCount(
        positionCount: Pipeline.positionCount(inputCount: 1), stateByteCount: plan.stateByteCount))
    let bells = [
      sizes.reserve(byteCount: Doorbell.byteCount), sizes.reserve(byteCount: Doorbell.byteCount),
    ]
    let overloadRegion = sizes.reserve(byteCount: OverloadWord.byteCount)
    let slotRegion = sizes.reserve(byteCount: TaskSlot.taskByteCount)
    let verdictRegion = sizes.reserve(byteCount: TaskSlot.supervisorByteCount)
    mapping = try SharedMapping(byteCount: sizes.byteCount)
    // Safe: the mapping is page-aligned, as large, and outlives the rig's views.
    let arena = unsafe Arena(base: mapping.base, byteCount: mapping.byteCount)
    input = Ring.format(arena[inputRegion], capacity: 64)
    output = Ring.format(arena[outputRegion], capacity: 64)
    cell = CommitCell.format(
      arena[cellRegion], positionCount: Pipeline.positionCount(inputCount: 1),
      stateByteCount: plan.stateByteCount)
    doorbell = Doorbell.format(arena[bells[0]])
    journalDoorbell = Doorbell.format(arena[bells[1]])
    overload = OverloadWord.format(arena[overloadRegion])
    slot = TaskSlot.format(task: arena[slotRegion], supervisor: arena[verdictRegion])
  }

  func makeTask() -> PipelineTask {
    PipelineTask(
      PipelineContext(
        plan: plan, inputs: [input], output: output, cell: cell, doorbell: doorbell,
        journalDoorbell: journalDoorbell, wakeJournal: { [self] in wakeCount += 1 },
        overload: overload, slot: slot))
  }

  func push(_ reading: Reading) -> Bool {
    var producer = Producer(input)
    return producer.push(reading)
  }

  func takeEvents() -> [Event] {
    var consumer = Consumer(output)
    var events: [Event] = []
    while let event = consumer.pop() { events.append(event) }
    return events
  }
}

@Suite(.serialized) struct PipelineTaskTests {
  private func reading(_ sequence: UInt64, channel: UInt16 = 0) -> Reading {
    Reading(time: Clock.boot(), sequence: sequence, value: 20, channel: channel)
  }

  @Test func stagesAreTheConfigurations() {
    let pairs: [(StageSettings, StageSpec)] = [
      (.scale(factor: 2, offset: 3), .scale(factor: 2, offset: 3)),
      (.median(width: 5), .median(width: 5)),
      (.smooth(timeConstant: 7), .smooth(timeConstant: 7)),
      (.deadband(delta: 1, silence: 8), .deadband(delta: 1, silence: 8)),
      (.window(span: 9), .window(span: 9)),
      (
        .alarm(above: false, threshold: 1, hysteresis: 2, hold: 3),
        .alarm(above: false, threshold: 1, hysteresis: 2, hold: 3)
      ),
    ]
    for (settings, spec) in pairs { #expect(StageSpec(settings) == spec) }
    let plan = makePipelinePlan([
      ChannelSettings(name: "a", unit: ""),
      ChannelSettings(name: "b", unit: "", stages: pairs.map(\.0)),
    ])
    #expect(plan.channelCount == 2 && plan.stageCount == pairs.count)
  }

  @Test func aTurnTakesWhatThereIs() throws {
    let rig = try TaskRig([ChannelSettings(name: "a", unit: "")])
    var task = rig.makeTask()
    // Its predecessor may have died between commit and call.
    #expect(rig.wakeCount == 1)
    for sequence in 0..<5 as Range<UInt64> { #expect(rig.push(reading(sequence))) }
    #expect(rig.push(reading(0, channel: 9)))
    let before = Clock.boot()
    task.turn()
    #expect(rig.takeEvents().map(\.readingSequence) == [0, 1, 2, 3, 4])
    #expect(rig.wakeCount == 1)
    #expect(rig.slot.beatTime >= before && rig.slot.progress == 1)
    #expect(rig.slot[.readings] == 6 && rig.slot[.events] == 5)
    #expect(rig.slot[.readingsDropped] == 1 && rig.slot[.eventsDropped] == 0)
    rig.journalDoorbell.arm()
    #expect(rig.push(reading(5)))
    task.turn()
    #expect(rig.wakeCount == 2)
  }

  @Test func anIdleTaskSleepsAtMostASecond() throws {
    let rig = try TaskRig([ChannelSettings(name: "a", unit: "")])
    var task = rig.makeTask()
    let start = Clock.boot()
    task.turn()
    let slept = Clock.boot() - start
    #expect(slept >= second * 9 / 10 && slept < 5 * second)
    #expect(rig.slot.step == PipelineTaskStep.sleeping.rawValue && rig.slot.beatTime >= start)
  }

  @Test func theDoorbellEndsTheSleep() throws {
    let rig = try TaskRig([ChannelSettings(name: "a", unit: "")])
    var task = rig.makeTask()
    let (input, doorbell, reading) = (rig.input, rig.doorbell, reading(7))
    let hasRung = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      defer { hasRung.signal() }
      // Asleep, or about to be: the futex refuses a sleep when the word has changed.
      let deadline = Clock.boot() + 10 * second
      var producer = Producer(input)
      while Clock.boot() < deadline {
        // Safe: the test keeps the rig until this thread has signalled.
        if unsafe doorbell.word.pointee == Doorbell.armedValue { break }
        Futex.pause(nanoseconds: 1_000_000)
      }
      guard producer.push(reading) else { return }
      if doorbell.needsRing() { unsafe Futex.wake(doorbell.word) }
    }
    var events: [Event] = []
    var latency = Int64.max
    for _ in 0..<20 where events.isEmpty {
      let start = Clock.boot()
      task.turn()
      events = rig.takeEvents()
      latency = Clock.boot() - start
    }
    #expect(events.map(\.readingSequence) == [7])
    #expect(latency < second)
    // The thread has a view of the arena until it has rung.
    #expect(hasRung.wait(timeout: .now() + 10) == .success)
  }

  @Test func aDeadlineEndsTheSleep() throws {
    let rig = try TaskRig([
      ChannelSettings(name: "a", unit: "", stages: [.window(span: second / 10)])
    ])
    var task = rig.makeTask()
    #expect(rig.push(reading(0)))
    let start = Clock.boot()
    var events: [Event] = []
    for _ in 0..<10 where events.isEmpty {
      task.turn()
      events = rig.takeEvents()
    }
    #expect(events.map(\.kind) == [.window])
    // At most a span to its end, and a span of grace.
    #expect(Clock.boot() - start < second * 9 / 10)
  }

  @Test func countersAreRightAfterARestart() throws {
    let rig = try TaskRig([ChannelSettings(name: "a", unit: "")])
    var task = rig.makeTask()
    #expect(rig.push(reading(0)))
    task.turn()
    // A pipeline that commits and dies before its task has counted.
    var pipeline = Pipeline(
      plan: rig.plan, inputs: [rig.input].span, output: rig.output, cell: rig.cell)
    #expect(rig.push(reading(1)))
    #expect(pipeline.step(now: Clock.boot()).readingCount == 1)
    #expect(rig.slot[.readings] == 1)
    _ = rig.makeTask()
    #expect(rig.slot[.readings] == 2 && rig.slot[.events] == 2)
  }
}
