import Configuration
import Foundation
import Journal
import JournalFile
import Linux
import Ring
import Testing

@testable import Uplink

/// An uplink and the journal that it reads, driven by the test itself, turn by turn.
struct UplinkRig: ~Copyable {
  static let channels = [
    ChannelSettings(name: "boiler.temperature", unit: "Cel"),
    ChannelSettings(name: "door", unit: ""),
  ]

  var uplink: Uplink
  private(set) var journal: Journal<FileStorage>
  let slot: TaskSlot
  /// Of the tasks `sense` and `supervisor`.
  let logs: [LogRing]
  let bell: Doorbell
  let bellCounter: EventCounter
  let stopCounter: EventCounter
  private(set) var context: UplinkContext
  /// By sequence number.
  let notes: RingNotes
  private let file: FileDescriptor
  private let memory: JournalMemory
  private let record = JournalMemory(byteCount: Event.recordByteCount)
  private let mapping: SharedMapping
  private(set) var nextSequence: UInt64 = 0

  /// The journal has so many MiB of memory, of which seven eighths are for telemetry.
  init(_ port: Int, mebibytes: Int64 = 1, _ change: (inout UplinkSettings) -> Void = { _ in })
    throws
  {
    prepareUplinkProcess()
    var plan = ArenaPlan()
    let boardRegion = plan.reserve(byteCount: JournalBoard.byteCount)
    let markRegions = (0..<2).map { _ in plan.reserve(byteCount: DeliveryMarks.byteCount) }
    let slotRegion = plan.reserve(byteCount: TaskSlot.taskByteCount)
    let verdictRegion = plan.reserve(byteCount: TaskSlot.supervisorByteCount)
    let bellRegion = plan.reserve(byteCount: Doorbell.byteCount)
    let notesRegion = plan.reserve(byteCount: RingNotes.byteCount(capacity: 1024))
    let logRegions = (0..<2).map { _ in plan.reserve(byteCount: LogRing.byteCount) }
    let cursorRegion = plan.reserve(byteCount: LogCursors.byteCount(count: 2))
    // Everything that can fail comes first: a half-made noncopyable value can't be undone.
    let mapping = try SharedMapping(byteCount: plan.byteCount)
    let bellCounter = try EventCounter()
    let stopCounter = try EventCounter()
    let file = try FileDescriptor(inMemory: "journal")
    let geometry = try #require(Geometry(byteCount: mebibytes << 20 + Geometry.dataOffset))
    let made = try JournalFile.open(memory: file.number, geometry: geometry)
    let memory = JournalMemory(byteCount: Journal<FileStorage>.memoryByteCount(geometry))
    let journal = try Journal(
      made.take(), memory: memory.bytes, settings: JournalSettings(), epoch: .same(3))
    // Safe: the mapping lives as long as this rig.
    let arena = unsafe Arena(base: mapping.base, byteCount: mapping.byteCount)
    let share = JournalShare(
      source: JournalSource(path: "/nowhere", folder: -1, memory: file.number),
      board: JournalBoard.format(arena[boardRegion]),
      fileMarks: DeliveryMarks.format(arena[markRegions[0]]),
      memoryMarks: DeliveryMarks.format(arena[markRegions[1]]))
    share.board.medium = .memory
    slot = TaskSlot.format(task: arena[slotRegion], supervisor: arena[verdictRegion])
    bell = Doorbell.format(arena[bellRegion])
    notes = RingNotes.format(arena[notesRegion], capacity: 1024)
    logs = logRegions.map { LogRing.format(arena[$0]) }
    var settings = UplinkSettings()
    settings.host = "127.0.0.1"
    settings.port = UInt16(port)
    settings.retrySecondsMax = 1
    settings.clientIdentifier = "uplink-test"
    settings.keepAliveSeconds = 5
    change(&settings)
    var context = UplinkContext(
      settings: settings, channels: UplinkRig.channels, device: "plant7", epoch: 3,
      version: "test", journal: share, doorbell: bell,
      doorbellDescriptor: bellCounter.descriptor.number,
      stopDescriptor: stopCounter.descriptor.number, slot: slot,
      clock: ClockTrust(lowerBound: 0, isPlausibleEnough: true))
    context.logs = zip(["sense", "supervisor"], logs).map { LogSource(title: $0, ring: $1) }
    context.logCursors = LogCursors.format(arena[cursorRegion], count: 2)
    context.deadlines.connect = 2_000_000_000
    context.deadlines.progress = 3_000_000_000
    self.context = context
    uplink = Uplink(context, seed: 1)
    self.mapping = mapping
    self.journal = journal
    self.memory = memory
    self.file = file
    self.bellCounter = bellCounter
    self.stopCounter = stopCounter
  }

  /// Begins anew, with traces.
  mutating func trace(_ trace: Trace) {
    context.trace = trace
    context.notes = notes
    uplink = Uplink(context, seed: 1)
  }

  /// Begins anew, with another clock.
  mutating func setClock(_ clock: ClockTrust) {
    context.clock = clock
    uplink = Uplink(context, seed: 1)
  }

  /// Begins anew, with a checkpoint every so many ns.
  mutating func shortenCheckpoints(to period: Int64) {
    context.deadlines.checkpoint = period
    uplink = Uplink(context, seed: 1)
  }

  /// Makes values durable, with one commit.
  mutating func produce(_ count: Int = 1) {
    for _ in 0..<count {
      append(
        Event(
          kind: .value, channel: 0, time: Clock.boot(), sequence: nextSequence,
          readingSequence: nextSequence, value: Double(nextSequence) / 16))
    }
    commit()
  }

  /// Appends an event, whose sequence is the next one.
  mutating func append(_ event: Event) {
    precondition(event.sequence == nextSequence)
    event.store(in: record.bytes)
    while journal.append(record.bytes, sequence: event.sequence, lane: event.lane) == .commitFirst {
      commit()
    }
    nextSequence += 1
  }

  /// Makes durable what was appended, and rings.
  mutating func commit() {
    let share = context.journal
    do {
      try journal.commit()
    } catch {
      Issue.record("commit: \(error)")
    }
    for lane in [Lane.alarms, .telemetry] {
      share.board.durable.show(journal.durable(lane), of: lane)
      if let mark = acknowledged(lane) { journal.acknowledge(mark, lane: lane) }
    }
    if bell.needsRing() { bellCounter.signal() }
  }

  /// Up to where the broker has a lane, as the uplink shows it.
  func acknowledged(_ lane: Lane = .telemetry) -> Mark? {
    context.journal.memoryMarks.acknowledged[lane]
  }

  /// How many events the broker has, without a hole.
  var acknowledgedCount: UInt64 { acknowledged()?.ordinal ?? 0 }

  /// Whether the broker has all that was produced.
  var isEmpty: Bool {
    [Lane.alarms, .telemetry].allSatisfy {
      acknowledged($0)?.ordinal == journal.durable($0).ordinal
    }
  }

  /// Turns until the condition holds. False when the deadline passes first.
  mutating func turn(
    seconds: Double, until condition: (borrowing Uplink) throws -> Bool
  ) rethrows -> Bool {
    let deadline = Date().addingTimeInterval(seconds)
    while Date() < deadline {
      if try condition(uplink) { return true }
      uplink.turn()
    }
    return try condition(uplink)
  }

  /// Turns until the broker has acknowledged all that was produced.
  mutating func turnUntilEmpty(seconds: Double) -> Bool {
    let deadline = Date().addingTimeInterval(seconds)
    while Date() < deadline, !isEmpty { uplink.turn() }
    return isEmpty
  }

  mutating func turnUntilOpen(seconds: Double = 10) -> Bool {
    turn(seconds: seconds) { $0.phase == .open }
  }

  /// Turns until this fault was named.
  mutating func turnUntil(_ fault: UplinkFault, seconds: Double = 10) -> Bool {
    turn(seconds: seconds) { $0.namedFault == fault }
  }

  /// Asks the uplink to stop and turns until it has; the seconds that it took.
  mutating func stop() -> Double {
    let start = Date()
    stopCounter.signal()
    _ = turn(seconds: 5) { $0.phase == .ended }
    return Date().timeIntervalSince(start)
  }
}
