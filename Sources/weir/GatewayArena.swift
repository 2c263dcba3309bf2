import Journal
import Linux
import Ring
import Signal
import Uplink

/// The memory that the tasks share, in one mapping made before the first fork: what each task is
/// given of it, by name. Nothing is added later.
///
/// It is made of areas: whole pages that the same tasks write and the same tasks read. After its
/// fork each task keeps of each area only the access that this table gives it; the supervisor keeps
/// all. "Its own" is the task of the area.
///
/// | area | blocks | written by | read by |
/// | --- | --- | --- | --- |
/// | shown, one for each task | its task slot; its log; the record of its death; its lines of the rings that it reads | its own | all |
/// | supervised | what the supervisor says of each task, its log, the last crashes; slots, logs and records of the system's tasks | nobody | all |
/// | shown by the journal, too | how far it is durable; how long each event took | its own | all |
/// | shown by the uplink, too | how far it has sent the journal, logs and crashes | its own | all |
/// | shown by the pipeline, too | the overload word | its own | all |
/// | sensed, one for each sense task | its ring of readings and its notes, its commit cell | its own | pipeline |
/// | pipeline's state | its commit cell | pipeline | nobody else |
/// | events | the ring of events and its notes | pipeline | journal, uplink |
/// | pipeline's bell | its doorbell | pipeline (arms), the sense tasks (ring) | nobody else |
/// | journal's bell | its doorbell | journal (arms), pipeline (rings) | nobody else |
/// | uplink's bell | its doorbell | uplink (arms), journal (rings) | nobody else |
///
/// **To add a block**: find the area with its writers and readers, or begin one with `pages.area`;
/// reserve it there, and format it in `init`. A block that every task of the gateway has and shows,
/// such as a record of its death, goes into `TaskBlocks`.
struct GatewayArena: ~Copyable {
  /// Tasks of the system that are not the gateway's own: network, time, growth of the card.
  static let systemSlotCount = 4
  /// Of so many of the last events it is known how long they took.
  static let journalNoteCapacity = 1024

  let systemSlots: [TaskSlot]
  /// Of the tasks with the `systemSlots`.
  let systemLogs: [LogRing]
  let systemCrashes: [CrashSlot]
  let supervisorLog: LogRing
  /// The last crashes of all tasks.
  let crashes: CrashLog
  /// By the task's number (`ArenaTask`).
  private let taskLogs: [LogRing]
  private let taskCrashes: [CrashSlot]
  /// How far the uplink has sent each log: of every task, the system's too, and the supervisor.
  let logCursors: LogCursors
  /// How far the uplink has sent the crashes: one cursor.
  let crashCursor: LogCursors
  let senseSlots: [TaskSlot]
  /// In the order of the sense tasks.
  let senseTitles: [String]
  let senseRings: [Ring<Reading>]
  /// Of the `senseRings`: when each reading came.
  let senseNotes: [RingNotes]
  let senseCells: [CommitCell]
  let pipelineSlot: TaskSlot
  let pipelineDoorbell: Doorbell
  let pipelineCell: CommitCell
  let overload: OverloadWord
  let journalSlot: TaskSlot
  let journalDoorbell: Doorbell
  let journalBoard: JournalBoard
  /// By sequence number: how long each durable event took (`HopNote`).
  let journalNotes: RingNotes
  let uplinkSlot: TaskSlot
  /// How far the broker has the journal in the file, and the one in memory.
  let fileMarks: DeliveryMarks
  let memoryMarks: DeliveryMarks
  /// The certificate that the broker has accepted.
  let acceptedPair: AcceptedPair
  let uplinkDoorbell: Doorbell
  let events: Ring<Event>
  /// Of `events`: how long each took (`HopNote`).
  let eventNotes: RingNotes
  private let mapping: SharedMapping
  private let areas: [ArenaArea]

  /// Each sense task has a ring of its `readingCapacities`, and `senseStateByteCount` bytes of
  /// state.
  init(
    senseTitles: [String], readingCapacities: [Int], senseStateByteCount: Int,
    plan: PipelinePlan, eventCapacity: Int
  ) throws(SystemError) {
    precondition(senseTitles.count == readingCapacities.count)
    let senseCount = readingCapacities.count
    self.senseTitles = senseTitles
    let regions = GatewayRegions(
      readingCapacities: readingCapacities, senseStateByteCount: senseStateByteCount, plan: plan,
      eventCapacity: eventCapacity)
    mapping = try SharedMapping(byteCount: regions.pages.plan.byteCount)
    areas = regions.pages.areas
    // Safe: the mapping has that size, and lives as long as this value, which nothing outlives.
    let arena = unsafe Arena(base: mapping.base, byteCount: mapping.byteCount)
    let slots = regions.tasks.indices.map {
      TaskSlot.format(
        task: arena[regions.tasks[$0].slot], supervisor: arena[regions.supervised.verdicts[$0]])
    }
    systemSlots = regions.supervised.systemSlots.map {
      TaskSlot.format(task: arena[$0.slot], supervisor: arena[$0.verdict])
    }
    systemLogs = regions.supervised.systemSlots.map { LogRing.format(arena[$0.log]) }
    systemCrashes = regions.supervised.systemSlots.map { CrashSlot.format(arena[$0.crash]) }
    supervisorLog = LogRing.format(arena[regions.supervised.log])
    crashes = CrashLog.format(arena[regions.supervised.crashes])
    taskLogs = regions.tasks.map { LogRing.format(arena[$0.log]) }
    taskCrashes = regions.tasks.map { CrashSlot.format(arena[$0.crash]) }
    logCursors = LogCursors.format(
      arena[regions.sent.logCursors], count: Self.logCount(senseCount: senseCount))
    crashCursor = LogCursors.format(arena[regions.sent.crashCursor], count: 1)
    senseSlots = Array(slots.prefix(senseCount))
    pipelineSlot = slots[senseCount]
    journalSlot = slots[senseCount + 1]
    uplinkSlot = slots[senseCount + 2]
    journalBoard = JournalBoard.format(arena[regions.journaled.board])
    journalNotes = RingNotes.format(
      arena[regions.journaled.notes], capacity: Self.journalNoteCapacity)
    journalDoorbell = Doorbell.format(arena[regions.journalBell])
    fileMarks = DeliveryMarks.format(arena[regions.sent.fileMarks])
    memoryMarks = DeliveryMarks.format(arena[regions.sent.memoryMarks])
    acceptedPair = AcceptedPair.format(arena[regions.sent.acceptedPair])
    pipelineDoorbell = Doorbell.format(arena[regions.pipelineBell])
    uplinkDoorbell = Doorbell.format(arena[regions.uplinkBell])
    senseRings = regions.sensed.indices.map {
      Ring<Reading>.format(
        arena[regions.sensed[$0].ring], consumer: arena[regions.readingsTaken[$0]],
        capacity: readingCapacities[$0])
    }
    senseNotes = regions.sensed.indices.map {
      RingNotes.format(arena[regions.sensed[$0].notes], capacity: readingCapacities[$0])
    }
    senseCells = regions.sensed.map {
      CommitCell.format(arena[$0.cell], positionCount: 1, stateByteCount: senseStateByteCount)
    }
    pipelineCell = CommitCell.format(
      arena[regions.pipelineCell], positionCount: Pipeline.positionCount(inputCount: senseCount),
      stateByteCount: plan.stateByteCount)
    overload = OverloadWord.format(arena[regions.overload])
    events = Ring<Event>.format(
      arena[regions.events], consumer: arena[regions.journaled.eventsTaken], capacity: eventCapacity
    )
    eventNotes = RingNotes.format(arena[regions.eventNotes], capacity: eventCapacity)
  }

  /// Where the lines of a task are kept.
  func log(of task: ArenaTask) -> LogRing {
    taskLogs[task.number(senseCount: senseSlots.count)]
  }

  /// Where a task leaves the record of its death.
  func crash(of task: ArenaTask) -> CrashSlot {
    taskCrashes[task.number(senseCount: senseSlots.count)]
  }

  /// The sense tasks, pipeline, journal, uplink, the system's tasks, and the supervisor.
  fileprivate static func logCount(senseCount: Int) -> Int { senseCount + 3 + systemSlotCount + 1 }

  /// What the task may do with each area, as addresses.
  func access(of task: ArenaTask) -> [MemoryAccess] {
    let number = TaskSet(task.number(senseCount: senseSlots.count))
    return areas.map { area in
      // Safe: only the number of the address is used, of an area inside of the mapping.
      let address = unsafe UInt(bitPattern: mapping.base) + UInt(area.region.offset)
      let kind: MemoryAccess.Kind =
        area.writers.contains(number)
        ? .readWrite : area.readers.contains(number) ? .readOnly : .none
      return MemoryAccess(address: address, byteCount: area.region.byteCount, kind: kind)
    }
  }
}

/// The tasks of the gateway that use its arena, and their numbers there.
enum ArenaTask {
  case sense(Int)
  case pipeline
  case journal
  case uplink

  func number(senseCount: Int) -> Int {
    switch self {
    case .sense(let index): index
    case .pipeline: senseCount
    case .journal: senseCount + 1
    case .uplink: senseCount + 2
    }
  }
}

/// Where everything in the gateway's arena lies.
private struct GatewayRegions {
  /// The blocks that every task of the gateway has, writes, and shows to all others.
  struct TaskBlocks {
    let slot: ArenaRegion
    let log: ArenaRegion
    let crash: ArenaRegion

    init(_ plan: inout ArenaPlan) {
      slot = plan.reserve(byteCount: TaskSlot.taskByteCount)
      log = plan.reserve(byteCount: LogRing.byteCount)
      crash = plan.reserve(byteCount: CrashSlot.byteCount)
    }
  }

  struct Sensed {
    let ring: ArenaRegion
    let notes: ArenaRegion
    let cell: ArenaRegion
  }

  /// What the journal shows.
  struct Journaled {
    let eventsTaken: ArenaRegion
    let board: ArenaRegion
    let notes: ArenaRegion

    init(_ plan: inout ArenaPlan) {
      eventsTaken = plan.reserve(byteCount: Ring<Event>.consumerByteCount)
      board = plan.reserve(byteCount: JournalBoard.byteCount)
      notes = plan.reserve(
        byteCount: RingNotes.byteCount(capacity: GatewayArena.journalNoteCapacity))
    }
  }

  /// What the uplink shows: how far it has sent what there is.
  struct Sent {
    let fileMarks: ArenaRegion
    let memoryMarks: ArenaRegion
    let logCursors: ArenaRegion
    let crashCursor: ArenaRegion
    let acceptedPair: ArenaRegion

    init(_ plan: inout ArenaPlan, senseCount: Int) {
      fileMarks = plan.reserve(byteCount: DeliveryMarks.byteCount)
      memoryMarks = plan.reserve(byteCount: DeliveryMarks.byteCount)
      let count = GatewayArena.logCount(senseCount: senseCount)
      logCursors = plan.reserve(byteCount: LogCursors.byteCount(count: count))
      crashCursor = plan.reserve(byteCount: LogCursors.byteCount(count: 1))
      acceptedPair = plan.reserve(byteCount: AcceptedPair.byteCount)
    }
  }

  /// What the supervisor says of the tasks, by their number, and all that the system's tasks show.
  struct Supervised {
    let verdicts: [ArenaRegion]
    let systemSlots:
      [(slot: ArenaRegion, verdict: ArenaRegion, log: ArenaRegion, crash: ArenaRegion)]
    let log: ArenaRegion
    let crashes: ArenaRegion

    init(_ plan: inout ArenaPlan, taskCount: Int) {
      verdicts = (0..<taskCount).map { _ in
        plan.reserve(byteCount: TaskSlot.supervisorByteCount)
      }
      systemSlots = (0..<GatewayArena.systemSlotCount).map { _ in
        (
          slot: plan.reserve(byteCount: TaskSlot.taskByteCount),
          verdict: plan.reserve(byteCount: TaskSlot.supervisorByteCount),
          log: plan.reserve(byteCount: LogRing.byteCount),
          crash: plan.reserve(byteCount: CrashSlot.byteCount)
        )
      }
      crashes = plan.reserve(byteCount: CrashLog.byteCount)
      log = plan.reserve(byteCount: LogRing.byteCount)
    }
  }

  private(set) var pages = ArenaPages()
  /// By the task's number.
  let tasks: [TaskBlocks]
  let supervised: Supervised
  let journaled: Journaled
  let sent: Sent
  let sensed: [Sensed]
  let readingsTaken: [ArenaRegion]
  let overload: ArenaRegion
  let pipelineCell: ArenaRegion
  let events: ArenaRegion
  let eventNotes: ArenaRegion
  let pipelineBell: ArenaRegion
  let journalBell: ArenaRegion
  let uplinkBell: ArenaRegion

  init(
    readingCapacities: [Int], senseStateByteCount: Int, plan: PipelinePlan, eventCapacity: Int
  ) {
    let senseCount = readingCapacities.count
    let pipeline = TaskSet(ArenaTask.pipeline.number(senseCount: senseCount))
    let journal = TaskSet(ArenaTask.journal.number(senseCount: senseCount))
    let uplink = TaskSet(ArenaTask.uplink.number(senseCount: senseCount))
    var senses = TaskSet.nobody
    var tasks: [TaskBlocks] = []
    var sensed: [Sensed] = []
    for index in 0..<senseCount {
      senses.insert(TaskSet(index))
      tasks.append(
        pages.area(writers: TaskSet(index), readers: .everybody) { TaskBlocks(&$0) })
      sensed.append(
        pages.area(writers: TaskSet(index), readers: pipeline) {
          Sensed(
            ring: $0.reserve(
              byteCount: Ring<Reading>.byteCount(capacity: readingCapacities[index])),
            notes: $0.reserve(
              byteCount: RingNotes.byteCount(capacity: readingCapacities[index])),
            cell: $0.reserve(
              byteCount: CommitCell.byteCount(
                positionCount: 1, stateByteCount: senseStateByteCount)))
        })
    }
    self.sensed = sensed
    (overload, readingsTaken) = pages.area(writers: pipeline, readers: .everybody) { pages in
      tasks.append(TaskBlocks(&pages))
      let overload = pages.reserve(byteCount: OverloadWord.byteCount)
      let taken = (0..<senseCount).map { _ in
        pages.reserve(byteCount: Ring<Reading>.consumerByteCount)
      }
      return (overload, taken)
    }
    journaled = pages.area(writers: journal, readers: .everybody) { pages in
      tasks.append(TaskBlocks(&pages))
      return Journaled(&pages)
    }
    sent = pages.area(writers: uplink, readers: .everybody) { pages in
      tasks.append(TaskBlocks(&pages))
      return Sent(&pages, senseCount: senseCount)
    }
    self.tasks = tasks
    let taskCount = tasks.count
    supervised = pages.area(writers: .nobody, readers: .everybody) {
      Supervised(&$0, taskCount: taskCount)
    }
    pipelineCell = pages.area(writers: pipeline, readers: .nobody) {
      $0.reserve(
        byteCount: CommitCell.byteCount(
          positionCount: Pipeline.positionCount(inputCount: senseCount),
          stateByteCount: plan.stateByteCount))
    }
    (events, eventNotes) = pages.area(writers: pipeline, readers: journal.union(uplink)) {
      (
        $0.reserve(byteCount: Ring<Event>.byteCount(capacity: eventCapacity)),
        $0.reserve(byteCount: RingNotes.byteCount(capacity: eventCapacity))
      )
    }
    pipelineBell = pages.area(writers: pipeline.union(senses), readers: .nobody) {
      $0.reserve(byteCount: Doorbell.byteCount)
    }
    journalBell = pages.area(writers: pipeline.union(journal), readers: .nobody) {
      $0.reserve(byteCount: Doorbell.byteCount)
    }
    uplinkBell = pages.area(writers: journal.union(uplink), readers: .nobody) {
      $0.reserve(byteCount: Doorbell.byteCount)
    }
  }
}
