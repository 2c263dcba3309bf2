import Journal
import JournalFile
import Linux
import Ring

/// What comes next in a lane.
struct EventItem {
  enum Content {
    /// An event as it came.
    case event(Event)
    /// A window that stands for events that were evicted.
    case thinned(Event)
    /// Events that can't be read any more.
    case gap(Gap)
  }

  var content: Content
  /// Of the boot in which it happened; of a gap, that of its last event.
  var epoch: UInt64
  /// The place behind it.
  var after: Mark
}

/// Takes the events of one lane from the journal to the broker, in order, and knows how far the
/// broker has acknowledged them.
///
/// The journal is the queue: what is under way stays in it, and only the mark moves. A process that
/// dies, a session that ends or a message that is refused costs nothing but reading and sending
/// again from the mark on; the receiver knows duplicates by (device, epoch, seq).
///
/// | place | meaning |
/// | --- | --- |
/// | before `acknowledged` | the broker has it |
/// | up to the reader's place | under way, or in the message that is being made |
/// | up to `limit` and what is durable | waits |
final class EventStream {
  /// A message under way: the place behind its last event.
  private struct Flight {
    var messageID: UInt16
    var after: Mark
    var isDone: Bool
  }

  let lane: Lane
  private var reader: JournalReader<FileStorage>
  private let memory: JournalMemory
  /// In the order of sending; what is done and has nothing before it is taken out.
  private var flights: [Flight] = []
  private(set) var acknowledged: Mark
  /// Nothing from this ordinal on belongs to the stream.
  var limit: UInt64
  private var pending: EventItem?
  /// Behind the last event that belongs to a message.
  private var taken: Mark
  /// Where `next` was last sure that something is damaged.
  private var damage: UInt64?
  private(set) var underWayCount = 0

  /// `start` nil is where the journal says that the receiver is.
  init(
    _ source: JournalSource, lane: Lane, start: Mark?, limit: UInt64 = .max
  ) throws(JournalFileError) {
    let file = try source.open()
    let geometry = file.geometry
    memory = JournalMemory(
      byteCount: JournalReader<FileStorage>.memoryByteCount(geometry, lane))
    var storage = file.take()
    storage.life = source.life
    do throws(JournalOpenError) {
      reader = try JournalReader(
        storage, lane: lane, memory: memory.bytes, keys: source.keys)
    } catch {
      throw .open(error)
    }
    let known = reader.place
    acknowledged = known
    if let start, start.ordinal > known.ordinal { acknowledged = start }
    taken = acknowledged
    reader.seek(acknowledged)
    // The scan went through all segments; until a lane has events its last one is of no use.
    memory.forget(reader.idleMemory)
    self.lane = lane
    self.limit = limit
  }

  /// Whether nothing is under way and nothing waits before the limit.
  func isEmpty(durable: UInt64) -> Bool {
    acknowledged.ordinal >= min(durable, limit)
  }

  /// How many events wait to be taken, `durable` being the ordinal up to which the lane may be
  /// published.
  func waitingCount(durable: UInt64) -> UInt64 {
    let end = min(durable, limit)
    return end > taken.ordinal ? end - taken.ordinal : 0
  }

  /// What comes next, `durable` being the ordinal up to which the lane may be published.
  func peek(durable: UInt64) -> EventItem? {
    if let pending { return pending }
    let end = min(durable, limit)
    var isRefreshed = false
    // Each turn reads a record, looks at the file again, or passes over what is no event.
    for _ in 0..<64 {
      guard reader.place.ordinal < end else { return nil }
      let before = reader.place
      switch reader.next(before: end) {
      case .end:
        // What is durable may be in the page cache only since the reader looked last.
        if isRefreshed { return nil }
        isRefreshed = true
        reader.refresh(upTo: end)
      case .record(let found):
        damage = nil
        // What this version does not know it can't send: an event of a later one.
        guard let item = Self.item(found, reader.record) else { continue }
        pending = item
        return item
      case .gap(let gap):
        // The writer may just have overwritten the segment, or begun another one.
        if damage != before.ordinal {
          damage = before.ordinal
          reader.refresh()
          reader.seek(before)
          continue
        }
        damage = nil
        let item = EventItem(content: .gap(gap), epoch: gap.through.epoch, after: gap.through)
        pending = item
        return item
      }
    }
    return nil
  }

  /// The record as an event; nil for what this version does not know.
  @inline(__always)
  private static func item(_ found: FoundRecord, _ record: Bytes) -> EventItem? {
    guard let event = Event(record) else { return nil }
    switch found.kind {
    case .event:
      return EventItem(content: .event(event), epoch: found.after.epoch, after: found.after)
    case .thinned:
      guard found.byteCount >= Event.thinnedByteCount else { return nil }
      let epoch = record.load(UInt64.self, at: Event.recordByteCount)
      return EventItem(content: .thinned(event), epoch: epoch, after: found.after)
    }
  }

  /// What `peek` showed is part of the message that is being made.
  func take() {
    guard let item = pending else { preconditionFailure("nothing was shown") }
    taken = item.after
    pending = nil
  }

  /// Takes what comes next as long as `isWanted` says so: it becomes part of the message that is
  /// being made. Returns how many it took.
  func takeMore(durable: UInt64, _ isWanted: (EventItem) -> Bool) -> Int {
    var count = 0
    // Each turn takes events, or is the last.
    while let item = peek(durable: durable), isWanted(item) {
      taken = item.after
      pending = nil
      count += 1 + takeRun(before: min(durable, limit), isWanted)
    }
    return count
  }

  /// The same for what lies ready behind what was just taken.
  private func takeRun(before end: UInt64, _ isWanted: (EventItem) -> Bool) -> Int {
    var count = 0
    var after = taken
    var refused: EventItem?
    reader.readRun(before: end) { found, record in
      guard let item = Self.item(found, record) else { return true }
      guard isWanted(item) else {
        refused = item
        return false
      }
      after = item.after
      count += 1
      return true
    }
    taken = after
    pending = refused
    return count
  }

  /// The message with all that was taken is under way.
  func noteSent(messageID: UInt16) {
    flights.append(Flight(messageID: messageID, after: taken, isDone: false))
    underWayCount += 1
  }

  /// What was taken can never be sent: it counts as done.
  func noteImpossible() {
    flights.append(Flight(messageID: 0, after: taken, isDone: true))
    giveBack()
  }

  /// The broker has the message, or will never take it. False when it is none of this stream.
  func noteDone(messageID: UInt16) -> Bool {
    guard let index = flights.firstIndex(where: { $0.messageID == messageID && !$0.isDone }) else {
      return false
    }
    flights[index].isDone = true
    underWayCount -= 1
    giveBack()
    return true
  }

  /// Whether the message is one of this stream.
  func holds(messageID: UInt16) -> Bool {
    flights.contains { $0.messageID == messageID && !$0.isDone }
  }

  private func giveBack() {
    let count = flights.firstIndex { !$0.isDone } ?? flights.count
    guard count > 0 else { return }
    acknowledged = flights[count - 1].after
    flights.removeFirst(count)
  }

  /// Nothing is under way any more: reading goes on at the mark.
  func rewind() {
    flights.removeAll(keepingCapacity: true)
    underWayCount = 0
    pending = nil
    damage = nil
    taken = acknowledged
    reader.seek(acknowledged)
  }

  /// Gives up what is between the mark and `mark`: another stream has it.
  func skip(to mark: Mark) {
    rewind()
    guard mark.ordinal > acknowledged.ordinal else { return }
    acknowledged = mark
    taken = mark
    reader.seek(mark)
  }
}

/// Where the journal is for a process that only reads it.
public struct JournalSource: Sendable {
  /// The file, for people.
  public var path: String
  /// Its folder, open, because not every task may reach it by its path; and its name there.
  public var folder: Int32
  public var name = "log"
  /// The descriptor of the memory that stands in for the file.
  public var memory: Int32
  public var medium = JournalMedium.none
  /// What opens its blocks, where they are sealed.
  public var keys: SealKeys?
  /// Where each read is shown as a sign of life: a stream that is opened reads all of its lane.
  public var life: FileStorage.SignOfLife?

  public init(path: String, folder: Int32, memory: Int32) {
    self.path = path
    self.folder = folder
    self.memory = memory
  }

  func open() throws(JournalFileError) -> JournalFile {
    switch medium {
    case .memory: try JournalFile.read(memory: memory)
    case .file, .none: try JournalFile.read(name, in: folder)
    }
  }
}
