import Configuration
import Journal
import JournalFile
import Linux
import Ring

/// What the uplink and the journal's task share.
public struct JournalShare: Sendable {
  public var source: JournalSource
  /// Written by the journal's task.
  public var board: JournalBoard
  /// Written by the uplink: of the journal in the file, and of the one in memory.
  public var fileMarks: DeliveryMarks
  public var memoryMarks: DeliveryMarks

  public init(
    source: JournalSource, board: JournalBoard, fileMarks: DeliveryMarks,
    memoryMarks: DeliveryMarks
  ) {
    self.source = source
    self.board = board
    self.fileMarks = fileMarks
    self.memoryMarks = memoryMarks
  }

  /// Of the journal that lies there.
  public func marks(_ medium: JournalMedium) -> DeliveryMarks {
    switch medium {
    case .memory: memoryMarks
    case .file, .none: fileMarks
    }
  }
}

/// How far the broker has what a journal holds, for the journal's task and for the uplink's own
/// successors.
public struct DeliveryMarks: Sendable {
  /// Up to here the broker has acknowledged each lane, without a hole.
  public let acknowledged: MarkBoard
  /// Where the lane's present events began after an outage, while older ones are still being sent,
  /// and how far the broker has these.
  let presentBegin: MarkBoard
  let presentEnd: MarkBoard

  /// How much memory they take, in bytes.
  public static var byteCount: Int { 3 * MarkBoard.byteCount }

  /// Makes marks of nothing. Traps if the block is too small.
  public static func format(_ block: ArenaBlock) -> DeliveryMarks {
    func board(_ index: Int) -> MarkBoard {
      let count = MarkBoard.byteCount
      return MarkBoard.format(block.part(offset: index * count, byteCount: count))
    }
    return DeliveryMarks(
      acknowledged: board(0), presentBegin: board(1), presentEnd: board(2))
  }
}

/// Takes events from the journal to the broker: both lanes, alarms first; and after an outage, in
/// each lane the present events at once, with the older ones behind them.
///
/// What the broker refuses (PUBACK with an error, MQTT 5 only) is sent again after a pause, because
/// a missing right or a full quota gets repaired; meanwhile the journal holds it. Only what can
/// never be accepted is dropped and counted, lest it hold back everything behind it for ever: a
/// topic name or a payload that the broker calls invalid, and a message larger than the broker
/// takes.
struct Delivery: ~Copyable {
  /// The largest window of the configuration.
  static let windowMax: UInt16 = 1000
  /// A lane that is more events behind than this at the begin of a session is split: the present
  /// first. Fewer are sent within a moment, in order.
  static let backlogMin: UInt64 = 256

  /// An event that can be sent now.
  struct Outgoing {
    var item: EventItem
    /// Which stream it belongs to.
    var stream: Int
    /// Whether it is sent behind later ones.
    var isHistorical: Bool
    /// Whether a receiver has asked for it again.
    var isReplayed: Bool { stream == Delivery.replayIndex }
  }

  /// The stream of present telemetry.
  private static let telemetryIndex = 1
  /// What stands for the stream of what is sent again, behind the four others.
  static let replayIndex = 4

  private var share: JournalShare
  private let window: Int
  /// Present alarms, present telemetry, and of both the older ones; nil where there is none.
  private var streams: [EventStream?] = [nil, nil, nil, nil]
  /// When the broker last acknowledged something, or nothing was under way. Boot time, ns.
  private(set) var progressTime: Int64 = 0
  /// After a refusal nothing is sent before this. Boot time, ns.
  private(set) var pauseEnd: Int64 = 0
  private var pause: Backoff
  /// Of the last refusal; 0 for none.
  private(set) var refusalCode: UInt8 = 0
  private var backfill: BackfillRate
  /// Why the journal could not be opened, in words; nil when it is open or was not tried yet.
  private(set) var problem: String?
  /// Both lanes, for what is sent again and for checkpoints; empty until they were opened.
  private var archives: [LaneArchive] = []
  /// Whether opening them failed in this session.
  private var isArchiveBroken = false
  /// What is sent again just now.
  private(set) var replay: ReplayStream?
  /// When present telemetry waits for company.
  var company: Company

  init(
    _ share: JournalShare, window: UInt16, pause: Backoff, backfillRate: UInt32,
    batch: BatchSettings = .init()
  ) {
    precondition(window >= 1 && window <= Self.windowMax)
    self.share = share
    self.window = Int(window)
    self.pause = pause
    backfill = BackfillRate(perSecond: backfillRate)
    company = Company(batch)
  }

  /// Opens the journal where its task says that it is, if it is not open. False while there is
  /// none; `problem` says why where that is known. What a lane is far behind at that moment is sent
  /// behind what comes.
  mutating func open() -> Bool {
    let medium = share.board.medium
    guard medium != .none else { return false }
    if streams[0] != nil, medium == share.source.medium { return true }
    share.source.medium = medium
    streams = [nil, nil, nil, nil]
    archives = []
    replay = nil
    do throws(JournalFileError) {
      for lane in [Lane.alarms, Lane.telemetry] {
        try open(lane)
        split(lane)
      }
      problem = nil
      return true
    } catch {
      problem = error.text(share.source.path)
      streams = [nil, nil, nil, nil]
      return false
    }
  }

  private var marks: DeliveryMarks { share.marks(share.source.medium) }

  private mutating func open(_ lane: Lane) throws(JournalFileError) {
    let index = Int(lane.rawValue)
    let known = marks.acknowledged[lane]
    let begin = marks.presentBegin[lane]
    let end = marks.presentEnd[lane]
    let start = try EventStream(share.source, lane: lane, start: known)
    guard let begin, let end, begin.ordinal > start.acknowledged.ordinal,
      end.ordinal >= begin.ordinal
    else {
      streams[index] = start
      return
    }
    // The last life of this task had not come to the end of the older ones.
    start.limit = begin.ordinal
    streams[index + 2] = start
    streams[index] = try EventStream(share.source, lane: lane, start: end)
  }

  /// A session is open: lanes that are far behind are split.
  mutating func beginSession() {
    guard open() else { return }
    // Nothing is lost by doing it twice.
    for lane in [Lane.alarms, Lane.telemetry] { split(lane) }
  }

  private mutating func split(_ lane: Lane) {
    let index = Int(lane.rawValue)
    guard let present = streams[index], let durable = share.board.durable[lane],
      durable.ordinal > present.acknowledged.ordinal + Self.backlogMin
    else { return }
    if let older = streams[index + 2] {
      // What of the present was sent since the last outage is sent again: one split is remembered.
      older.limit = durable.ordinal
      present.skip(to: durable)
    } else {
      do throws(JournalFileError) {
        let older = present
        older.limit = durable.ordinal
        streams[index] = try EventStream(share.source, lane: lane, start: durable)
        streams[index + 2] = older
      } catch {
        present.limit = .max
        return
      }
    }
    marks.presentBegin.show(durable, of: lane)
    marks.presentEnd.show(durable, of: lane)
  }

  private func durable(_ stream: Int) -> UInt64 {
    let lane: Lane = stream % 2 == 0 ? .alarms : .telemetry
    return share.board.durable[lane]?.ordinal ?? 0
  }

  /// How many messages are under way.
  var underWayCount: Int {
    var count = 0
    for stream in streams { count += stream?.underWayCount ?? 0 }
    return count + (replay?.underWayCount ?? 0)
  }

  /// How many of them are not of the present.
  private var lateCount: Int {
    (streams[2]?.underWayCount ?? 0) + (streams[3]?.underWayCount ?? 0)
      + (replay?.underWayCount ?? 0)
  }

  /// Whether only an acknowledgement can make room for the next message.
  func isWindowFull(receiveMaximum: UInt16) -> Bool {
    underWayCount >= min(window, Int(max(receiveMaximum, 1)))
  }

  /// The next event to send; nil when the window is full or nothing waits. Older events leave a
  /// quarter of the window to the present. What is sent again comes last, in a quarter of it.
  mutating func next(receiveMaximum: UInt16, now: Int64) -> Outgoing? {
    let allowed = min(window, Int(max(receiveMaximum, 1)))
    let underWay = underWayCount
    guard underWay < allowed else { return nil }
    let lateMax = max(1, allowed - (allowed + 3) / 4)
    for index in 0..<4 {
      guard let stream = streams[index] else { continue }
      let isHistorical = index >= 2
      if isHistorical {
        guard lateCount < lateMax, backfill.nextTime(now) <= now else { continue }
      }
      guard let item = stream.peek(durable: durable(index)) else { continue }
      if index == Self.telemetryIndex, isWaitingForCompany(stream, item, now) { continue }
      return Outgoing(item: item, stream: index, isHistorical: isHistorical)
    }
    guard let replay, lateCount < lateMax, replay.underWayCount < max(1, allowed / 4),
      let item = replay.peek()
    else { return nil }
    return Outgoing(item: item, stream: Self.replayIndex, isHistorical: false)
  }

  private mutating func isWaitingForCompany(
    _ stream: EventStream, _ item: EventItem, _ now: Int64
  ) -> Bool {
    let count = stream.waitingCount(durable: durable(Self.telemetryIndex))
    return company.isWanted(by: item, waitingCount: count, now: now)
  }

  /// When a present event has waited long enough for company, if that is what it does.
  func companyTime(_ now: Int64) -> Int64? {
    guard streams[Self.telemetryIndex] != nil, let end = company.end, end > now else { return nil }
    return end
  }

  /// Where more events for the message of the given one come from. `noteTaken` is told of them.
  func source(of outgoing: Outgoing) -> Source {
    if outgoing.isReplayed { return .replay(replay) }
    return .stream(streams[outgoing.stream], durable: durable(outgoing.stream))
  }

  /// So many events were taken from there.
  mutating func noteTaken(_ outgoing: Outgoing, count: Int, now: Int64) {
    if outgoing.isHistorical { backfill.note(now, count: count) }
  }

  /// One stream, while a message is made of it.
  enum Source {
    case stream(EventStream?, durable: UInt64)
    case replay(ReplayStream?)

    /// Takes what comes next as long as `isWanted` says so; returns how many.
    func takeMore(_ isWanted: (EventItem) -> Bool) -> Int {
      switch self {
      case .stream(let stream, let durable): stream?.takeMore(durable: durable, isWanted) ?? 0
      case .replay(let replay): replay?.takeMore(isWanted) ?? 0
      }
    }
  }

  /// Whether an event waits that the window would let go.
  mutating func hasMore(receiveMaximum: UInt16, now: Int64) -> Bool {
    next(receiveMaximum: receiveMaximum, now: now) != nil
  }

  /// When older events may go on, if it is their rate that holds them back.
  func backfillTime(_ now: Int64) -> Int64? {
    guard streams[2] != nil || streams[3] != nil else { return nil }
    let time = backfill.nextTime(now)
    return time > now ? time : nil
  }

  /// Whether a present event waits that was not sent yet, whatever it waits for but company.
  mutating func hasUnsent(_ now: Int64) -> Bool {
    for index in 0..<2 {
      guard let stream = streams[index], let item = stream.peek(durable: durable(index)) else {
        continue
      }
      if index != Self.telemetryIndex || !isWaitingForCompany(stream, item, now) { return true }
    }
    return false
  }

  /// Whether all present events are acknowledged.
  func isEmpty() -> Bool {
    for index in 0..<2 {
      guard let stream = streams[index], stream.isEmpty(durable: durable(index)) else {
        return false
      }
    }
    return true
  }

  /// The event that was shown is part of the message that is being made.
  mutating func take(_ outgoing: Outgoing, now: Int64) {
    if outgoing.isReplayed {
      replay?.take()
      return
    }
    streams[outgoing.stream]?.take()
    if outgoing.isHistorical { backfill.note(now, count: 1) }
  }

  mutating func noteSent(_ outgoing: Outgoing, messageID: UInt16, now: Int64) {
    if underWayCount == 0 { progressTime = now }
    if outgoing.isReplayed {
      replay?.noteSent(messageID: messageID)
      return
    }
    streams[outgoing.stream]?.noteSent(messageID: messageID)
  }

  /// What was taken can never be sent.
  mutating func noteImpossible(_ outgoing: Outgoing) {
    if outgoing.isReplayed {
      replay?.noteImpossible()
      return
    }
    streams[outgoing.stream]?.noteImpossible()
    showMarks()
  }

  /// What became of an acknowledgement.
  enum Outcome: Equatable {
    case acknowledged
    /// Acknowledged, and it was the first one after a refusal.
    case acknowledgedAfterRefusal
    case refused
    case dropped
    /// Of a message that is none of ours: birth, health, "offline", or a line of the log.
    case foreign
  }

  mutating func note(_ acknowledgement: Acknowledgement, now: Int64) -> Outcome {
    let messageID = acknowledgement.messageID
    if let replay, replay.holds(messageID: messageID) {
      progressTime = now
      replay.note(acknowledgement)
      // What the broker refuses of it is told in the answer, and holds nothing else back.
      return acknowledgement.code < 0x80 ? .acknowledged : .foreign
    }
    guard let stream = streams.first(where: { $0?.holds(messageID: messageID) ?? false }) ?? nil
    else { return .foreign }
    progressTime = now
    switch acknowledgement.code {
    case 0..<0x80:
      _ = stream.noteDone(messageID: messageID)
      showMarks()
      guard refusalCode != 0 else { return .acknowledged }
      refusalCode = 0
      pause.reset()
      return .acknowledgedAfterRefusal
    case 0x90, 0x99:  // topic name invalid, payload format invalid (MQTT 5, 3.4.2.1)
      _ = stream.noteDone(messageID: messageID)
      showMarks()
      return .dropped
    default:
      refusalCode = acknowledgement.code
      if now >= pauseEnd { pauseEnd = now + pause.next() }
      // All of the lane that is under way is sent again: order counts for more than a duplicate.
      stream.rewind()
      return .refused
    }
  }

  /// Shows how far the broker has acknowledged each lane, and forgets streams that have come to
  /// their end.
  private mutating func showMarks() {
    for lane in [Lane.alarms, Lane.telemetry] {
      let index = Int(lane.rawValue)
      guard let present = streams[index] else { continue }
      if let older = streams[index + 2] {
        guard older.acknowledged.ordinal >= older.limit else {
          marks.presentEnd.show(present.acknowledged, of: lane)
          marks.acknowledged.show(older.acknowledged, of: lane)
          continue
        }
        streams[index + 2] = nil
      }
      marks.acknowledged.show(present.acknowledged, of: lane)
    }
  }

  /// The session is over: nobody will acknowledge what is under way.
  mutating func noteSessionEnd() {
    for stream in streams { stream?.rewind() }
    replay = nil
    isArchiveBroken = false
  }
}

// What is sent again, and what the journal holds.
extension Delivery {
  /// Opens both lanes to be read at any place, one with each call, because all of a lane is read
  /// then. False until both are open.
  mutating func openArchive() -> Bool {
    guard open(), !isArchiveBroken else { return false }
    guard archives.count < Lane.count else { return true }
    do throws(JournalFileError) {
      let lane: Lane = archives.isEmpty ? .alarms : .telemetry
      archives.append(try LaneArchive(share.source, lane: lane))
      return archives.count == Lane.count
    } catch {
      isArchiveBroken = true
      Log.error(
        "the journal can't be read for checkpoints and replay, until the next session: "
          + error.text(share.source.path))
      return false
    }
  }

  /// Begins to send again what was asked for.
  mutating func begin(_ request: RangeRequest) {
    precondition(archives.count == Lane.count && replay == nil)
    replay = ReplayStream(
      request, lanes: archives, ends: archives.map { durable(Int($0.lane.rawValue)) })
  }

  /// All of it was sent.
  mutating func endReplay() { replay = nil }

  /// Whether there is something to do for it beside sending.
  var replayWantsTurn: Bool {
    guard let replay else { return false }
    return replay.isDone || replay.isSearching
  }

  /// What the journal holds, and how far the broker has it.
  func checkpoint() -> JournalCheckpoint {
    var result = JournalCheckpoint()
    // Of the lanes that have more than the broker, the one that it knows least of.
    var behind: EventPlace?
    for archive in archives {
      let index = Int(archive.lane.rawValue)
      guard let stream = streams[index + 2] ?? streams[index],
        let durable = share.board.durable[archive.lane], durable.ordinal > 0
      else { continue }
      let end = EventPlace(epoch: durable.epoch, sequence: durable.sequence)
      result.highest = max(result.highest ?? end, end)
      if let lowest = archive.lowest(before: durable.ordinal) {
        result.lowest = min(result.lowest ?? lowest, lowest)
      }
      let known = stream.acknowledged
      if known.ordinal < durable.ordinal {
        let place = EventPlace(epoch: known.epoch, sequence: known.sequence)
        behind = min(behind ?? place, place)
      }
    }
    guard let lowest = result.lowest, let highest = result.highest, lowest <= highest else {
      return JournalCheckpoint()
    }
    result.acknowledged = behind ?? highest
    return result
  }
}

/// How fast older events may follow: a bucket that holds what a tenth of a second lets through, so
/// that a slow rate is even and a fast one is not bound to the clock's turns.
struct BackfillRate {
  private let perSecond: Int64
  /// The time at which the bucket would be empty, ns of CLOCK_BOOTTIME.
  private var emptyTime: Int64 = 0

  /// 0 for no limit.
  init(perSecond: UInt32) { self.perSecond = Int64(perSecond) }

  /// When the next event may go.
  func nextTime(_ now: Int64) -> Int64 {
    perSecond == 0 ? now : emptyTime - 100_000_000
  }

  /// So many events went.
  mutating func note(_ now: Int64, count: Int) {
    guard perSecond > 0 else { return }
    emptyTime = max(emptyTime, now) + Int64(count) * 1_000_000_000 / perSecond
  }
}
