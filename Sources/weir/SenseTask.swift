import Buses
import Configuration
import Linux
import Ring
import Sensors
import Signal

/// What a sense task is given. Everything in shared memory was formatted before the first fork.
struct SenseContext: Sendable {
  var configuration: Configuration
  var board: Board
  var target: SenseTarget
  /// To the pipeline; this task is its only producer.
  var ring: Ring<Reading>
  /// One position, and `SensePlan.stateByteCount` bytes of state.
  var cell: CommitCell
  /// The pipeline sleeps on it.
  var doorbell: Doorbell
  /// How overloaded the pipeline says that the gateway is.
  var overload: OverloadWord
  var slot: TaskSlot
  /// Of the ring: when each reading came.
  var notes: RingNotes?
}

/// Where a sense task is, in its slot: a hung transfer shows as `reading` + the sensor's position.
enum SenseStep {
  /// Freeing a stuck bus takes its driver away and gives it back, which waits in the kernel.
  static let maintenanceNanosecondsMax: Int64 = 10_000_000_000

  static let starting: UInt64 = 1
  static let waiting: UInt64 = 2
  static let maintaining: UInt64 = 3
  static let committing: UInt64 = 4
  static let reading: UInt64 = 16
}

func senseStepName(_ step: UInt64) -> StaticString? {
  switch step {
  case SenseStep.starting: "starting"
  case SenseStep.waiting: "waiting"
  case SenseStep.maintaining: "maintaining the bus"
  case SenseStep.committing: "committing"
  case SenseStep.reading...: "reading"
  default: nil
  }
}

/// The entry of a sense task, called after the fork. It needs no orderly end: what it has committed
/// is safe at every instruction, so SIGTERM's own way of ending it is right.
func runSense(_ context: SenseContext) -> Never {
  let board = context.board
  switch context.target {
  case .bus(let name):
    let bus = board.buses.first { $0.name == name }
    if let bus, bus.device.isEmpty { runSensors(context, simulatedBus(bus, seed: board.seed)) }
    // A bus that the board lacks is one that is absent, for ever.
    runSensors(context, LinuxI2CBus(device: bus?.device ?? "/dev/" + name))
  case .thermal:
    if board.thermalZone == "simulated" { runSensors(context, simulatedZone(seed: board.seed)) }
    runSensors(context, ThermalZone(type: board.thermalZone))
  case .chip(let name):
    let chip = board.chips.first { $0.name == name }
    let lines = SensePlan.lines(context.configuration, of: context.target)
    if let chip, chip.label.isEmpty {
      runLines(context, lines, simulatedLines(chip, lines, seed: board.seed))
    }
    runLines(
      context, lines, GpioLines(label: chip?.label ?? name, lines: lines.map(LineRequest.init)))
  }
}

private func simulatedBus(_ board: BoardBus, seed: UInt64) -> SimulatedBus {
  var bus = SimulatedBus(seed: seed)
  for device in board.simulated {
    // What the board names wrongly is not there, and shows as such.
    guard let model = SimulatedModel(name: device.model) else { continue }
    bus.add(model, address: device.address)
  }
  return bus
}

private func simulatedZone(seed: UInt64) -> SimulatedBus {
  var bus = SimulatedBus(seed: seed)
  bus.add(.thermal, address: 0)
  return bus
}

private func simulatedLines(
  _ chip: BoardChip, _ lines: [LineSettings], seed: UInt64
) -> SimulatedLines {
  let hertz = lines.map { line in
    chip.simulated.first { $0.offset == line.offset }?.hertz ?? 0
  }
  return SimulatedLines(seed: seed, lines: lines.map(LineRequest.init), hertz: hertz)
}

private func runSensors<Bus: ManagedBus & ~Copyable>(
  _ context: SenseContext, _ bus: consuming Bus
) -> Never {
  var task = SensorTask(context, bus)
  while true { task.turn() }
}

private func runLines<Chip: LineChip & ~Copyable>(
  _ context: SenseContext, _ lines: [LineSettings], _ chip: consuming Chip
) -> Never {
  var task = LineTask(context, lines, chip)
  while true { task.turn() }
}

/// What sense tasks of all kinds have: the ledger, the timer, and what they show of themselves.
struct SenseDesk: ~Copyable {
  /// A sign of life at least so often, in ns.
  static let beatPeriod: Int64 = 1_000_000_000
  /// How soon a reading that found no room is tried again, in ns.
  static let overflowPause: Int64 = 50_000_000

  var ledger: SenseLedger
  let context: SenseContext
  /// For one step of the work, in ns.
  let deadline: Int64
  private let timer: Timer
  private var items: [PollItem] = []
  private var allocationCountAtStart: UInt64 = 0

  init(_ context: SenseContext) {
    self.context = context
    deadline = context.configuration.supervision.deadline
    context.slot.begin(step: SenseStep.starting, now: Clock.boot(), within: deadline)
    do throws(SystemError) {
      timer = try Timer()
    } catch {
      // Only a kernel without memory or descriptors brings this about: the supervisor tries again.
      Log.error("no timer: \(error.text)")
      fatalError("no timer")
    }
    ledger = SenseLedger(
      cell: context.cell, ring: context.ring,
      channelCount: context.configuration.channels.count, notes: context.notes)
    // The last task may have died between its commit and the call that wakes the pipeline.
    wakePipeline()
  }

  /// Of how many deadlines in turn one is taken now, for sensors and lines of that priority.
  func stride(_ priority: Priority) -> UInt32 {
    guard priority == .low else { return 1 }
    return power(of: context.configuration.overload.slow, context.overload.level)
  }

  /// When deadlines count from: the first start in this boot, which is now if there was none.
  mutating func startTime() -> Int64 {
    if let time = ledger.startTime { return time }
    let now = Clock.boot()
    ledger.start(at: now)
    return now
  }

  /// From here on every allocation counts.
  mutating func settle() {
    items.reserveCapacity(pollItemCountMax)
    // What only the start needed, the giving up of rights above all, is behind it.
    releaseCodePages()
    allocationCountAtStart = allocationCount()
  }

  /// Commits what was recorded and wakes the pipeline if it sleeps.
  mutating func commit() {
    let slot = context.slot
    slot.step = SenseStep.committing
    guard ledger.commit(now: Clock.boot()) else { return }
    if context.doorbell.needsRing() { wakePipeline() }
    slot.progress &+= 1
    // Brought up to what was committed, and so right after a death between the two.
    let totals = ledger.totals
    slot.add(totals.readings &- slot[.readings], to: .readings)
    slot.add(totals.missedDeadlines &- slot[.missedDeadlines], to: .missedDeadlines)
    slot.add(totals.lostEdges &- slot[.lostEdges], to: .lostEdges)
    slot.add(totals.readingsDropped &- slot[.readingsDropped], to: .readingsDropped)
    slot.add(totals.slowed &- slot[.slowed], to: .slowed)
  }

  /// Sleeps until `time`, or until one of `extra` is readable, but no longer than the beat allows.
  mutating func sleep<Chip: LineChip & ~Copyable>(until time: Int64, or chip: borrowing Chip) {
    items.removeAll(keepingCapacity: true)
    chip.appendPollItems(to: &items)
    wait(until: time)
  }

  mutating func sleep(until time: Int64) {
    items.removeAll(keepingCapacity: true)
    wait(until: time)
  }

  private mutating func wait(until time: Int64) {
    Log.catchUp()
    let slot = context.slot
    let now = Clock.boot()
    slot.allocationCount = allocationCount() &- allocationCountAtStart
    var wake = min(time, now + min(Self.beatPeriod, deadline))
    if ledger.hasOverflow { wake = min(wake, now + Self.overflowPause) }
    slot.beat(step: SenseStep.waiting, now: now, within: max(0, wake - now) + deadline)
    guard wake > now else { return }
    do throws(SystemError) {
      try timer.set(deadline: wake)
      items.append(PollItem(timer.descriptor.number))
      // The timer ends the wait; the timeout is for a kernel that forgets it.
      _ = try poll(&items, timeoutMilliseconds: 2_000)
    } catch {
      Log.error("cannot wait: \(error.call) says \(error.text)")
      Futex.pause(nanoseconds: Self.overflowPause)
    }
    timer.acknowledge()
  }

  private func wakePipeline() {
    // Safe: the word is in the arena, which outlives every task.
    unsafe Futex.wake(context.doorbell.word)
  }
}
