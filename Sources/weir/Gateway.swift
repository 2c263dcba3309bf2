import Configuration
import Journal
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
    /// Behind the uplink: what the broker acknowledges at the end is to be written down.
    static let journal: UInt8 = 35
    static let keeper: UInt8 = 40
  }

  private let arena: GatewayArena
  private let descriptors: JournalDescriptors
  private let keys: JournalKeys
  /// What its tasks left when they died, now and in earlier boots.
  let crashes: CrashHistory
  /// Nil where no client certificate is configured.
  let credentials: CredentialKeeper?
  /// Every task of the gateway, declared once; only the supervisor starts them.
  let tasks: [TaskDeclaration]

  /// `systemTasks` come first in the table; those of them that are tasks of this program get a
  /// slot. `keeping` are steps of the keeper, `crashes` is where crashes survive; `drills` are
  /// faults to be brought about on purpose.
  init(
    _ configuration: Configuration, board: Board, epoch: UInt64, clock: ClockTrust,
    boot: BootNotice? = nil, systemTasks: [TaskDeclaration] = [], keeping: [() -> Bool] = [],
    crashes: CrashFile? = nil, drills: Drills = Drills()
  ) throws(SystemError) {
    let targets = SensePlan.targets(configuration)
    let eventCapacity = configuration.uplink.bufferEventCount
    let plan = makePipelinePlan(
      configuration.channels,
      overload: OverloadPolicy(configuration.overload, capacity: eventCapacity))
    // All before `self` begins, so that a failure leaves nothing half made.
    let descriptors = try JournalDescriptors(state: configuration.stateFolder)
    let keys = try JournalKeys(configuration.journal.encryption)
    let arena = try GatewayArena(
      senseTitles: targets.map { "sense@" + $0.name },
      readingCapacities: targets.map { SensePlan.readingCapacity(configuration, of: $0) },
      senseStateByteCount: SensePlan.stateByteCount(configuration), plan: plan,
      eventCapacity: Int(eventCapacity))
    let scheduling = Scheduling.sensing(configuration.sensing)
    let rights = GatewayRights()
    let settings = configuration.supervision
    let history = CrashHistory(arena.crashes, file: crashes, epoch: epoch)
    var table = Self.withSlots(systemTasks, arena, keys)
    let credentials = rights.credentialKeeper(configuration, arena.acceptedPair)
    var steps = keeping + [history.keep]
    if let credentials { steps.append(credentials.keep) }
    var keeper = Keeper.declaration(steps, stopPhase: StopPhase.keeper)
    // A key may be closed to root without it, and the kept one is the uplink's.
    if credentials != nil { keeper.rights = .system([.readEverything, .changeOwner]) }
    keeper.rights?.memory += keys.access(.none)
    table.append(keeper)
    var journal = Self.journal(
      arena, configuration, descriptors, keys, epoch: epoch, clock: clock)
    journal.rights = rights.journal(
      configuration, descriptors.folder, descriptors: descriptors.ofJournal,
      memory: arena.access(of: .journal) + keys.access(.readOnly))
    table.append(journal)
    // In safe mode nothing is measured, and there is nothing to condense.
    if !targets.isEmpty {
      let waker = descriptors.journalWaker.descriptor.number
      var pipeline = Self.pipeline(arena, plan, settings, waker: waker)
      pipeline.rights = rights.pipeline(
        waker: waker, memory: arena.access(of: .pipeline) + keys.access(.none))
      table.append(pipeline)
    }
    for (index, target) in targets.enumerated() {
      var sense = Self.sense(arena, index, target, configuration, board, scheduling)
      sense.rights = rights.sense(
        index, of: targets, board, memory: arena.access(of: .sense(index)) + keys.access(.none))
      table.append(sense)
    }
    let watched = table.compactMap { declaration in
      declaration.slot.map { WatchedTask(title: declaration.title, slot: $0) }
    }
    var uplink = Self.uplink(
      arena, configuration, descriptors, keys, epoch: epoch, clock: clock, boot: boot,
      watched: watched, titles: table.map { $0.title }, logs: Self.logs(table, arena))
    uplink.rights = rights.uplink(
      configuration, descriptors.folder, descriptors: descriptors.ofUplink,
      memory: arena.access(of: .uplink) + keys.access(.readOnly))
    table.append(uplink)
    tasks = table.map { drills.armed($0, arena, journal: descriptors.folder.log) }
    self.descriptors = descriptors
    self.keys = keys
    self.crashes = history
    self.credentials = credentials
    // Taken back before the arena goes.
    Log.keep(with: LogKeeper(arena.supervisorLog))
    self.arena = arena
  }

  deinit {
    Log.keep(with: nil)
  }

  private static let pipelineTitle = "pipeline"

  private static func withSlots(
    _ tasks: [TaskDeclaration], _ arena: borrowing GatewayArena, _ keys: borrowing JournalKeys
  ) -> [TaskDeclaration] {
    var rest = arena.systemSlots[...]
    let logs = arena.systemLogs
    let crashes = arena.systemCrashes
    let noKeys = keys.access(.none)
    return tasks.map { task in
      guard case .task = task.body else { return task }
      var task = task
      task.rights?.memory += noKeys
      // The system has as many tasks of this program as there are slots for it.
      precondition(!rest.isEmpty, "more system tasks than GatewayArena.systemSlotCount")
      task.log = logs[rest.startIndex]
      task.crash = crashes[rest.startIndex]
      task.slot = rest.removeFirst()
      return task
    }
  }

  private static func policy(
    _ settings: SupervisionSettings, _ failure: FailurePolicy
  ) -> RestartPolicy {
    RestartPolicy(
      pauseFirst: settings.pauseFirst, pauseMax: settings.pauseMax,
      forgivenAfter: settings.forgivenAfter, countMax: settings.restartCountMax,
      period: settings.period, failure: failure)
  }

  /// Each of them beats before it does anything that takes long, within a millisecond or so of the
  /// fork. A task that is stopped before its first beat has to be found as soon as any other: the
  /// rings hold what comes in the meantime (`SensePlan.readingCapacity`). But at the first start of
  /// all nothing comes yet, and a card that makes a new journal is slow to give them their code.
  private static func watch(_ settings: SupervisionSettings) -> WatchPolicy {
    var watch = WatchPolicy()
    watch.startLimit = settings.deadline
    watch.firstStartLimit = 10_000_000_000
    return watch
  }

  /// A bus that is lost is no reason to stop the others: nothing of it is critical.
  private static func sense(
    _ arena: borrowing GatewayArena, _ index: Int, _ target: SenseTarget,
    _ configuration: Configuration, _ board: Board, _ scheduling: Scheduling
  ) -> TaskDeclaration {
    let context = SenseContext(
      configuration: configuration, board: board, target: target,
      ring: arena.senseRings[index], cell: arena.senseCells[index],
      doorbell: arena.pipelineDoorbell, overload: arena.overload, slot: arena.senseSlots[index],
      notes: arena.senseNotes[index])
    var task = TaskDeclaration(
      name: "sense", detail: target.name,
      policy: policy(configuration.supervision, .runWithout), stopPhase: StopPhase.sense,
      slot: arena.senseSlots[index], body: .task { _ in runSense(context) })
    // Until somebody takes its readings they would only fill the ring.
    task.needs = [pipelineTitle]
    task.log = arena.log(of: .sense(index))
    task.crash = arena.crash(of: .sense(index))
    task.stepName = { senseStepName($0) }
    task.watch = watch(configuration.supervision)
    task.scheduling = scheduling
    return task
  }

  /// Of all tasks in the table, the uplink, which comes last, and the supervisor.
  private static func logs(
    _ table: [TaskDeclaration], _ arena: borrowing GatewayArena
  ) -> [LogSource] {
    let own = LogSource(title: "uplink", ring: arena.log(of: .uplink))
    let supervisor = LogSource(title: "supervisor", ring: arena.supervisorLog)
    return table.compactMap { task in
      task.log.map { LogSource(title: task.title, ring: $0) }
    } + [own, supervisor]
  }

  private static func pipeline(
    _ arena: borrowing GatewayArena, _ plan: PipelinePlan, _ settings: SupervisionSettings,
    waker: Int32
  ) -> TaskDeclaration {
    var context = PipelineContext(
      plan: plan, inputs: arena.senseRings, output: arena.events, cell: arena.pipelineCell,
      doorbell: arena.pipelineDoorbell, journalDoorbell: arena.journalDoorbell,
      wakeJournal: { EventCounter.signal(waker) }, overload: arena.overload,
      slot: arena.pipelineSlot, deadline: settings.deadline)
    context.inputNotes = arena.senseNotes
    context.outputNotes = arena.eventNotes
    let given = context
    var task = TaskDeclaration(
      name: "pipeline", policy: policy(settings, .restartSystem), stopPhase: StopPhase.pipeline,
      slot: arena.pipelineSlot, body: .task { _ in runPipeline(given) })
    task.log = arena.log(of: .pipeline)
    task.crash = arena.crash(of: .pipeline)
    task.stepName = { PipelineTaskStep(rawValue: $0)?.name }
    task.watch = watch(settings)
    task.isCritical = true
    return task
  }

  private static func journal(
    _ arena: borrowing GatewayArena, _ configuration: Configuration,
    _ descriptors: borrowing JournalDescriptors, _ keys: borrowing JournalKeys, epoch: UInt64,
    clock: ClockTrust
  ) -> TaskDeclaration {
    let settings = configuration.journal
    let uplinkWaker = descriptors.uplinkWaker.descriptor.number
    let context = JournalContext(
      folder: descriptors.folder, geometry: settings.geometry, settings: JournalSettings(settings),
      epoch: epoch, boots: BootFacts(channels: configuration.channels), clock: clock,
      input: arena.events, inputNotes: arena.eventNotes, outputNotes: arena.journalNotes,
      doorbell: arena.journalDoorbell,
      doorbellDescriptor: descriptors.journalWaker.descriptor.number,
      uplinkDoorbell: arena.uplinkDoorbell, wakeUplink: { EventCounter.signal(uplinkWaker) },
      share: descriptors.share(arena, keys), secrecy: keys.secrecy, slot: arena.journalSlot,
      deadline: configuration.supervision.deadline)
    var task = TaskDeclaration(
      name: "journal", policy: policy(configuration.supervision, .restartSystem),
      stopPhase: StopPhase.journal, slot: arena.journalSlot,
      body: .task { _ in runJournal(context) })
    task.log = arena.log(of: .journal)
    task.crash = arena.crash(of: .journal)
    task.stepName = { JournalStep(rawValue: $0)?.name }
    task.watch = watch(configuration.supervision)
    task.watch.mediumPatience = WatchPolicy.cardPatience
    task.isCritical = true
    return task
  }

  private static func uplink(
    _ arena: borrowing GatewayArena, _ configuration: Configuration,
    _ descriptors: borrowing JournalDescriptors, _ keys: borrowing JournalKeys, epoch: UInt64,
    clock: ClockTrust,
    boot: BootNotice?, watched: [WatchedTask], titles: [String], logs: [LogSource]
  ) -> TaskDeclaration {
    var context = UplinkContext(
      settings: configuration.uplink, channels: configuration.channels,
      device: configuration.device, epoch: epoch, version: weirVersion,
      journal: descriptors.share(arena, keys),
      doorbell: arena.uplinkDoorbell, doorbellDescriptor: descriptors.uplinkWaker.descriptor.number,
      stopDescriptor: -1,
      slot: arena.uplinkSlot, clock: clock)
    context.boot = boot
    context.deadlines.turn = configuration.supervision.deadline
    context.tasks = watched + [WatchedTask(title: "uplink", slot: arena.uplinkSlot)]
    // The uplink's successors have the same: an event keeps its trace.
    context.trace = Trace(first: randomSeed(), second: randomSeed())
    context.notes = arena.journalNotes
    let folder = descriptors.folder
    context.facts = { BootFacts.read(folder, epoch: $0) }
    let events = arena.events
    context.hasMoreToCome = { events.tail.load() != events.head.load() }
    context.logs = logs
    context.logCursors = arena.logCursors
    if !configuration.uplink.certificateFile.isEmpty {
      context.keptPairFile = KeptPair.file(inState: configuration.stateFolder)
      context.acceptedPair = arena.acceptedPair
    }
    context.crashes = arena.crashes
    context.crashCursor = arena.crashCursor
    context.crashMembers = { crashMembers($0, architecture: weirArchitecture) }
    context.overall = { overallHealth($0) }
    context.healthText = { healthText($0) { titles.indices.contains($0) ? titles[$0] : "another" } }
    context.turnHook = { Drills.turn() }
    let given = context
    var task = TaskDeclaration(
      name: "uplink", policy: policy(configuration.supervision, .restartSystem),
      stopPhase: StopPhase.uplink, slot: arena.uplinkSlot, body: .task { _ in runUplink(given) })
    task.log = arena.log(of: .uplink)
    task.crash = arena.crash(of: .uplink)
    task.stepName = { UplinkStep(rawValue: $0)?.name }
    task.watch = watch(configuration.supervision)
    task.watch.mediumPatience = WatchPolicy.cardPatience
    task.isCritical = true
    return task
  }
}
