import Linux
import Ring
import Signal

/// The memory that the tasks share, in one mapping made before the first fork: what each task is
/// given of it, by name. Nothing is added later.
///
/// | part | writer | reader |
/// | --- | --- | --- |
/// | a task slot for each task | the task, the supervisor | the supervisor |
/// | for each sense task a ring of readings | that task | pipeline |
/// | for each sense task a commit cell | that task | its successor |
/// | the pipeline's doorbell | pipeline (arms) | the sense tasks (ring) |
/// | the pipeline's commit cell | pipeline | its successor |
/// | the ring of events | pipeline | uplink |
/// | the uplink's doorbell | uplink (arms) | pipeline (rings) |
struct GatewayArena: ~Copyable {
  /// Readings that a sense task may be ahead of the pipeline: at 1,000 readings a second, a second
  /// in which the pipeline is dead or starved.
  static let readingCapacity = 1024

  let senseSlots: [TaskSlot]
  let senseRings: [Ring<Reading>]
  let senseCells: [CommitCell]
  let pipelineSlot: TaskSlot
  let pipelineDoorbell: Doorbell
  let pipelineCell: CommitCell
  let uplinkSlot: TaskSlot
  let uplinkDoorbell: Doorbell
  let events: Ring<Event>
  private let mapping: SharedMapping

  /// Each of `senseCount` sense tasks has `senseStateByteCount` bytes of state.
  init(
    senseCount: Int, senseStateByteCount: Int, plan: PipelinePlan, eventCapacity: Int
  ) throws(SystemError) {
    var sizes = ArenaPlan()
    let slots = Self.reserve(&sizes, count: senseCount + 2, byteCount: TaskSlot.byteCount)
    let doorbells = Self.reserve(&sizes, count: 2, byteCount: Doorbell.byteCount)
    let rings = Self.reserve(
      &sizes, count: senseCount, byteCount: Ring<Reading>.byteCount(capacity: Self.readingCapacity))
    let cells = Self.reserve(
      &sizes, count: senseCount,
      byteCount: CommitCell.byteCount(positionCount: 1, stateByteCount: senseStateByteCount))
    let positionCount = Pipeline.positionCount(inputCount: senseCount)
    let pipeline = sizes.reserve(
      byteCount: CommitCell.byteCount(
        positionCount: positionCount, stateByteCount: plan.stateByteCount))
    let output = sizes.reserve(byteCount: Ring<Event>.byteCount(capacity: eventCapacity))

    mapping = try SharedMapping(byteCount: sizes.byteCount)
    // Safe: the mapping has that size, and lives as long as this value, which nothing outlives.
    let arena = unsafe Arena(base: mapping.base, byteCount: mapping.byteCount)
    senseSlots = slots.dropLast(2).map { TaskSlot.format(arena[$0]) }
    pipelineSlot = TaskSlot.format(arena[slots[senseCount]])
    uplinkSlot = TaskSlot.format(arena[slots[senseCount + 1]])
    pipelineDoorbell = Doorbell.format(arena[doorbells[0]])
    uplinkDoorbell = Doorbell.format(arena[doorbells[1]])
    senseRings = rings.map {
      Ring<Reading>.format(arena[$0], capacity: Self.readingCapacity)
    }
    senseCells = cells.map {
      CommitCell.format(arena[$0], positionCount: 1, stateByteCount: senseStateByteCount)
    }
    pipelineCell = CommitCell.format(
      arena[pipeline], positionCount: positionCount, stateByteCount: plan.stateByteCount)
    events = Ring<Event>.format(arena[output], capacity: eventCapacity)
  }

  private static func reserve(
    _ sizes: inout ArenaPlan, count: Int, byteCount: Int
  ) -> [ArenaRegion] {
    var regions: [ArenaRegion] = []
    for _ in 0..<count { regions.append(sizes.reserve(byteCount: byteCount)) }
    return regions
  }
}
