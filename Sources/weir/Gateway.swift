import Configuration
import Linux
import Ring
import Signal
import Supervision
import Uplink

/// The whole gateway as a table of tasks over one arena. Made once, before the first fork; it lives
/// as long as the supervisor.
struct Gateway: ~Copyable {
  /// The order in which tasks are stopped: those that produce first, so that what they made still
  /// finds its way.
  private enum StopPhase {
    static let sense: UInt8 = 10
    static let pipeline: UInt8 = 20
    static let uplink: UInt8 = 30
  }

  private let arena: GatewayArena
  private let uplinkWaker: EventCounter
  /// Every task of the gateway, declared once; only the supervisor starts them.
  let tasks: [TaskDeclaration]

  init(
    _ configuration: Configuration, board: Board, epoch: UInt64, clock: ClockTrust
  ) throws(SystemError) {
    let targets = SensePlan.targets(configuration)
    let plan = makePipelinePlan(configuration.channels)
    // Both before `self` begins, so that a failure leaves nothing half made.
    let waker = try EventCounter()
    let arena = try GatewayArena(
      senseCount: targets.count, senseStateByteCount: SensePlan.stateByteCount(configuration),
      plan: plan, eventCapacity: Int(configuration.uplink.bufferEventCount))
    var tasks: [TaskDeclaration] = []
    for (index, target) in targets.enumerated() {
      let context = SenseContext(
        configuration: configuration, board: board, target: target,
        ring: arena.senseRings[index], cell: arena.senseCells[index],
        doorbell: arena.pipelineDoorbell, slot: arena.senseSlots[index])
      tasks.append(
        TaskDeclaration(
          name: "sense", detail: target.name, stopPhase: StopPhase.sense,
          slot: arena.senseSlots[index], body: .task { _ in runSense(context) }))
    }
    tasks.append(Self.pipeline(arena, plan, waker: waker.descriptor.number))
    tasks.append(
      Self.uplink(
        arena, configuration, epoch: epoch, clock: clock, waker: waker.descriptor.number))
    self.tasks = tasks
    uplinkWaker = waker
    self.arena = arena
  }

  private static func pipeline(
    _ arena: borrowing GatewayArena, _ plan: PipelinePlan, waker: Int32
  ) -> TaskDeclaration {
    let context = PipelineContext(
      plan: plan, inputs: arena.senseRings, output: arena.events, cell: arena.pipelineCell,
      doorbell: arena.pipelineDoorbell, uplinkDoorbell: arena.uplinkDoorbell,
      wakeUplink: { EventCounter.signal(waker) }, slot: arena.pipelineSlot)
    return TaskDeclaration(
      name: "pipeline", stopPhase: StopPhase.pipeline, slot: arena.pipelineSlot,
      body: .task { _ in runPipeline(context) })
  }

  private static func uplink(
    _ arena: borrowing GatewayArena, _ configuration: Configuration, epoch: UInt64,
    clock: ClockTrust, waker: Int32
  ) -> TaskDeclaration {
    let context = UplinkContext(
      settings: configuration.uplink, channels: configuration.channels,
      device: configuration.device, epoch: epoch, version: weirVersion, ring: arena.events,
      doorbell: arena.uplinkDoorbell, doorbellDescriptor: waker, stopDescriptor: -1,
      slot: arena.uplinkSlot, clock: clock)
    return TaskDeclaration(
      name: "uplink", stopPhase: StopPhase.uplink, slot: arena.uplinkSlot,
      body: .task { _ in runUplink(context) })
  }
}
