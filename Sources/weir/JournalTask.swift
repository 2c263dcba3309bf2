import Journal
import JournalFile
import Linux
import Ring
import Uplink

/// What the journal's task gets from the gateway's wiring. All views are of the arena, which was
/// made before the fork.
struct JournalContext {
  /// The folder of the journal and of what is known of each boot.
  var folder: JournalFolder
  /// Of a journal that is made now.
  var geometry: Geometry
  var settings: JournalSettings
  var epoch: UInt64
  /// What is kept of this boot beside its events.
  var boots: BootFacts
  /// Says when the clock is right.
  var clock: ClockTrust
  var input: Ring<Event>
  /// Of the input, by position, and what the uplink gets of it, by sequence number (`HopNote`).
  var inputNotes: RingNotes?
  var outputNotes: RingNotes?
  /// What the pipeline rings, and the counter that it signals then.
  var doorbell: Doorbell
  var doorbellDescriptor: Int32
  /// What the uplink arms before it sleeps, and how it is woken.
  var uplinkDoorbell: Doorbell
  var wakeUplink: () -> Void
  var share: JournalShare
  var secrecy: JournalSecrecy
  var slot: TaskSlot
  /// For one step of the work, in ns.
  var deadline: Int64
}

/// The codes that the journal's task slot shows as its step.
enum JournalStep: UInt64 {
  case opening = 0
  case working = 1
  case committing = 2
  case sleeping = 3

  var name: StaticString {
    switch self {
    case .opening: "opening the journal"
    case .working: "taking events"
    case .committing: "making events durable"
    case .sleeping: "sleeping"
    }
  }
}

/// The journal's task, in its own process: never returns.
///
/// Events stay in the ring until the commit that makes them durable has returned, so SIGKILL at any
/// instruction costs nothing: the next life takes them again, and the journal knows those that it
/// has. SIGTERM and SIGINT end it after one more commit.
func runJournal(_ context: JournalContext) -> Never {
  do {
    let signals = try SignalReader([Linux.Signal.terminate, Linux.Signal.interrupt])
    let file = openJournal(context)
    var task = JournalTask(context, file, stopDescriptor: signals.descriptor.number)
    while task.turn() {}
    exitProcess(0)
  } catch {
    Log.error("can't start: \(error.call.description): \(error.text)")
    exitProcess(70)
  }
}

struct JournalTask: ~Copyable {
  /// The longest sleep, so that the task shows a sign of life at least once a second.
  static var sleepMax: Int64 { 1_000_000_000 }
  /// What the broker has acknowledged is written down with the next events, or alone after so long.
  static var acknowledgementDelay: Int64 { 5_000_000_000 }
  /// One commit. A card that is busy with itself for longer is another matter
  /// (`WatchPolicy.mediumPatience`).
  static var commitLimit: Int64 { 5_000_000_000 }
  /// The pause after a commit that failed.
  static var failurePause: Int64 { 1_000_000_000 }
  /// When the medium has failed for so long, memory stands in: readings that reach the broker are
  /// worth more than a queue that nobody can read.
  static var patience: Int64 { 10_000_000_000 }
  /// At most so many events between two beats.
  static var batchCountMax: Int { 4096 }

  private let context: JournalContext
  private var journal: Journal<FileStorage>
  private let memory: JournalMemory
  private let record: JournalMemory
  private var events: Consumer<Event>
  /// When the first event that is not durable was taken; nil for none.
  private var pendingSince: Int64?
  private var acknowledgedTime: Int64
  /// Since when commits fail; nil while they don't.
  private var failingSince: Int64?
  private var pauseEnd: Int64 = 0
  /// Whether more waits than a commit holds.
  private var isFull = false
  /// Whether a lane takes nothing more; `nameFull` has said so.
  private var isLaneFull = false
  /// Before this position in the ring no alarm is left that the journal lacks, though telemetry
  /// that waits for room may be. Only sought from when that happens; a new life seeks anew, and
  /// the journal knows what it has.
  private var alarmsEnd: UInt64 = 0
  private var isStopping = false
  private var facts: FactsKeeper
  /// Of this life, as the slot and the log were told.
  private var storedCount: UInt64 = 0
  private var evictedCount: UInt64 = 0
  private var pollItems: [PollItem]
  private let allocationCountAtStart: UInt64

  init(_ context: JournalContext, _ file: consuming JournalFile, stopDescriptor: Int32) {
    if context.input.repairTail(from: context.slot.position) {
      Log.error(
        "the position in the ring of events was damaged: going on at its second copy; what was "
          + "stored since is known, and not stored again")
    }
    self.context = context
    memory = JournalMemory(byteCount: Journal<FileStorage>.memoryByteCount(file.geometry))
    var storage = file.take()
    storage.life = FileStorage.SignOfLife(
      context.slot, step: JournalStep.opening.rawValue, limit: max(pieceLimit, context.deadline))
    record = JournalMemory(byteCount: Event.recordByteCount)
    // What stands in for the file is never at rest.
    let isInMemory = context.share.board.medium == .memory
    let keys = isInMemory ? nil : context.secrecy.keys
    do throws(JournalOpenError) {
      journal = try Journal(
        storage, memory: memory.bytes, settings: context.settings, keys: keys,
        epoch: .same(context.epoch))
    } catch {
      Log.error(
        "\(context.share.source.path): \(error.text); the gateway goes on with a journal in memory")
      context.share.board.medium = .memory
      exitProcess(71)
    }
    let now = Clock.boot()
    acknowledgedTime = now
    events = Consumer(context.input)
    // The facts of the boot are written.
    context.slot.beat(
      step: JournalStep.opening.rawValue, now: now,
      within: max(context.deadline, Self.commitLimit))
    facts = FactsKeeper(isInMemory ? nil : context.folder, context.boots, epoch: context.epoch)
    pollItems = [PollItem(stopDescriptor), PollItem(context.doorbellDescriptor)]
    // What only the start needed is behind it.
    memory.forget(journal.idleMemory)
    releaseFreedMemory()
    releaseCodePages()
    allocationCountAtStart = allocationCount()
    if journal.damagedBlockCount > 0 {
      Log.warning(
        "\(context.share.source.path): \(journal.damagedBlockCount) blocks are torn or damaged; "
          + "what was lost with them, if anything, is told to the broker as gaps")
    }
    context.slot.condition = usual
    showDurable()
  }

  /// One batch and, if it is due, one commit, or one sleep. False when the task is to end.
  mutating func turn() -> Bool {
    Drills.turn()
    let now = Clock.boot()
    beat(.working, now, within: context.deadline)
    if facts.isDue(context.clock, now: now) {
      beat(.committing, now, within: max(context.deadline, Self.commitLimit))
      facts.keep(context.clock, now: now)
    }
    takeEvents(now)
    if isCommitDue(now) {
      commit(now)
      return true
    }
    // At the end everything is committed at once, and what fails now is told by the next boot.
    if isStopping { return false }
    sleep(now)
    return true
  }

  private func beat(_ step: JournalStep, _ now: Int64, within limit: Int64) {
    context.slot.beat(step: step.rawValue, now: now, within: limit)
    context.slot.allocationCount = allocationCount() &- allocationCountAtStart
  }

  /// Appends what the pipeline has made since, as far as there is room.
  private mutating func takeEvents(_ now: Int64) {
    isFull = false
    guard now >= pauseEnd else { return }
    for _ in 0..<Self.batchCountMax {
      guard let event = events.peek(at: events.position) else { return }
      event.store(in: record.bytes)
      switch journal.append(record.bytes, sequence: event.sequence, lane: event.lane) {
      case .pending, .known:
        if let notes = context.outputNotes {
          notes[event.sequence] = context.inputNotes?[events.position] ?? 0
        }
        _ = events.next()
        if pendingSince == nil { pendingSince = now }
      case .commitFirst:
        isFull = true
        return
      case .laneFull:
        nameFull(event.lane)
        if event.lane == .telemetry { takeAlarms(now) }
        return
      }
      isLaneFull = false
    }
    isFull = true
  }

  /// Appends the alarms that lie in the ring behind telemetry that waits for room: they have a lane
  /// of their own, which may have some. Each stays in the ring until what lies before it is taken;
  /// then, and in a next life, the journal knows it.
  private mutating func takeAlarms(_ now: Int64) {
    alarmsEnd = max(alarmsEnd, events.position)
    for _ in 0..<Self.batchCountMax {
      guard let event = events.peek(at: alarmsEnd) else { return }
      if event.lane == .alarms {
        event.store(in: record.bytes)
        switch journal.append(record.bytes, sequence: event.sequence, lane: .alarms) {
        case .pending:
          if let notes = context.outputNotes {
            notes[event.sequence] = context.inputNotes?[alarmsEnd] ?? 0
          }
          if pendingSince == nil { pendingSince = now }
        case .known: break
        case .commitFirst:
          isFull = true
          return
        case .laneFull: return
        }
      }
      alarmsEnd += 1
    }
  }

  private mutating func nameFull(_ lane: Lane) {
    if isLaneFull { return }
    isLaneFull = true
    let (name, key) =
      lane == .alarms ? ("alarms", "journal.alarms_full") : ("telemetry", "journal.full")
    Log.warning(
      "\(context.share.source.path): the lane of \(name) is full and keeps what it has ('stop'): "
        + "no more is taken until the broker has acknowledged some; \(key): drop_oldest makes "
        + "room, a larger journal.size lasts longer")
  }

  private mutating func isCommitDue(_ now: Int64) -> Bool {
    if now < pauseEnd { return false }
    for lane in [Lane.alarms, Lane.telemetry] {
      guard let mark = marks[lane], mark.ordinal > journal.acknowledged(lane).ordinal else {
        continue
      }
      // Only what is to be written anyway takes it along, unless it has waited for long.
      guard pendingSince != nil || isStopping || now - acknowledgedTime >= Self.acknowledgementDelay
      else { continue }
      journal.acknowledge(mark, lane: lane)
    }
    guard journal.isDirty else {
      // Events that the journal knew already.
      return pendingSince != nil
    }
    guard let since = pendingSince else { return true }
    return isFull || isStopping || journal.isCommitDue(now: now, since: since)
  }

  private var marks: MarkBoard { context.share.marks(context.share.board.medium).acknowledged }

  private mutating func commit(_ now: Int64) {
    beat(.committing, now, within: max(context.deadline, Self.commitLimit))
    do throws(JournalError) {
      try journal.commit()
    } catch {
      return noteFailure(error, now)
    }
    // Killed here the events are durable, and are taken from the ring once more: they are known.
    if failingSince != nil {
      failingSince = nil
      Log.notice("\(context.share.source.path): the medium works again; nothing was lost")
    }
    pendingSince = nil
    acknowledgedTime = now
    events.release()
    context.slot.position = events.position
    context.slot.progress &+= 1
    context.slot.condition = usual
    showDurable()
  }

  /// Of a task whose commits succeed.
  private var usual: Condition {
    context.share.board.medium == .memory ? Condition(.journalInMemory) : .fine
  }

  private mutating func noteFailure(_ error: JournalError, _ now: Int64) {
    context.slot.add(to: .storeFailures)
    context.slot.condition = Condition(.storageFailing)
    pauseEnd = now + Self.failurePause
    if isStopping { exitProcess(0) }
    let reason: String
    switch error {
    case .full(let lane): return nameFull(lane)
    case .storage(let storage): reason = storage.text
    case .cipher: reason = "OpenSSL does not seal"
    }
    let since = failingSince ?? now
    if failingSince == nil {
      Log.error("\(context.share.source.path): can't be written: \(reason); trying again")
    }
    failingSince = since
    guard now - since >= Self.patience, context.share.board.medium == .file else { return }
    Log.error(
      "\(context.share.source.path): has failed for \(Self.patience / 1_000_000_000) s: from now "
        + "on events are kept in memory, and lost when the power fails; replace the card")
    context.share.board.medium = .memory
    // The next life takes what is in the ring into memory; what the file holds stays there.
    exitProcess(71)
  }

  /// Shows the uplink what is durable, and wakes it.
  private mutating func showDurable() {
    for lane in [Lane.alarms, Lane.telemetry] {
      context.share.board.durable.show(journal.durable(lane), of: lane)
    }
    let counts = journal.counts
    context.slot.add(counts.events &- storedCount, to: .stored)
    storedCount = counts.events
    if counts.evicted > evictedCount {
      context.slot.add(counts.evicted &- evictedCount, to: .evicted)
      Log.warning(
        "the journal is full: \(counts.evicted &- evictedCount) events that the broker never got "
          + "made room for new ones")
      evictedCount = counts.evicted
    }
    if context.uplinkDoorbell.needsRing() { context.wakeUplink() }
  }

  private mutating func sleep(_ now: Int64) {
    Log.catchUp()
    context.doorbell.arm()
    var left = Self.sleepMax
    if now < pauseEnd { left = min(left, pauseEnd - now) }
    if let since = pendingSince { left = min(left, since + context.settings.commit.delay - now) }
    let hasMore = now >= pauseEnd && events.peek(at: events.position) != nil
    // A lane that keeps what it has gets room by acknowledgements alone, for which nobody rings.
    if hasMore { left = min(left, isLaneFull ? 50_000_000 : 0) }
    let milliseconds = max(0, left + 999_999) / 1_000_000
    beat(.sleeping, Clock.boot(), within: max(left, 0) + context.deadline)
    do {
      _ = try poll(&pollItems, timeoutMilliseconds: Int32(milliseconds))
    } catch {
      Log.error("poll failed: \(error.text)")
      Futex.pause(nanoseconds: 100_000_000)
    }
    context.doorbell.disarm()
    if pollItems[1].hasInput { EventCounter.acknowledge(context.doorbellDescriptor) }
    if pollItems[0].hasInput {
      isStopping = true
      pollItems[0] = PollItem(-1)
    }
  }
}
