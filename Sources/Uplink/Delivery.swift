import Ring

/// Takes events from the ring to the broker, and gives them back to the ring when the broker has
/// acknowledged them and everything before them.
///
/// The ring is the queue: what is under way stays in it. A process that dies, or a session that
/// ends, costs nothing but sending again; the receiver knows duplicates by (device, epoch, seq).
///
/// What the broker refuses (PUBACK with an error, MQTT 5 only) is sent again after a pause, because
/// a missing right or a full quota gets repaired; meanwhile the ring fills, and what it can't
/// hold the pipeline counts. Only what can never be accepted is dropped and counted, lest it hold
/// back everything behind it for ever: a topic name or a payload that the broker calls invalid, and
/// a message larger than the broker takes.
///
/// | state | event | next |
/// | --- | --- | --- |
/// | unsent | published | underWay |
/// | unsent | can never be sent | done, counted |
/// | underWay | acknowledged | done |
/// | underWay | refused for good | done, counted |
/// | underWay | refused for now, or session over | unsent |
/// | done | everything before it is done too | given back |
struct Delivery: ~Copyable {
  /// The largest window of the configuration.
  static let windowMax: UInt16 = 1000
  /// The table's size: the next power of two above `windowMax`, so that positions, and packet
  /// identifiers, which both are given in order, find their place by their low bits.
  static let tableCount = 1024

  enum State: UInt8 {
    case unsent, underWay, done
  }

  private struct Entry {
    var state: State
    var messageID: UInt16
  }

  private var events: Consumer<Event>
  private let windowConfigured: UInt64
  /// By position; those outside of tail ..< end are unsent.
  private var entries: [Entry]
  /// By packet identifier: the low bits of the position.
  private var places: [UInt16]
  /// The oldest position that is not done.
  private var tail: UInt64
  /// Where sending goes on: everything before it is under way or done. A refusal moves it back.
  private var cursor: UInt64
  /// Beyond the last position that was ever sent in this life. Tail ≤ cursor ≤ end.
  private var end: UInt64
  /// How many are under way.
  private(set) var underWayCount = 0
  /// When the broker last acknowledged something, or nothing was under way. Boot time, ns.
  private(set) var progressTime: Int64 = 0
  /// After a refusal nothing is sent before this. Boot time, ns.
  private(set) var pauseEnd: Int64 = 0
  private var pause: Backoff
  /// Beyond the last position that was refused: when the tail is here, the refusal is over.
  private var refusedEnd: UInt64 = 0
  /// Of the last refusal; 0 for none.
  private(set) var refusalCode: UInt8 = 0

  init(_ events: consuming Consumer<Event>, window: UInt16, pause: Backoff) {
    precondition(window >= 1 && window <= Self.windowMax)
    windowConfigured = UInt64(window)
    tail = events.ring.tail.load()
    cursor = tail
    end = tail
    self.events = events
    self.pause = pause
    entries = [Entry](
      repeating: Entry(state: .unsent, messageID: 0), count: Self.tableCount)
    places = [UInt16](repeating: 0, count: Self.tableCount)
  }

  /// The next event to send and its position; nil when the window is full or the ring is empty.
  mutating func nextToSend(receiveMaximum: UInt16) -> (event: Event, position: UInt64)? {
    while !isWindowFull(receiveMaximum: receiveMaximum) {
      guard let event = events.peek(at: cursor) else { return nil }
      if entries[place(cursor)].state == .unsent { return (event, cursor) }
      moveCursor()
    }
    return nil
  }

  /// Whether only an acknowledgement can make room for the next event.
  func isWindowFull(receiveMaximum: UInt16) -> Bool {
    cursor >= tail + min(windowConfigured, UInt64(max(receiveMaximum, 1)))
  }

  /// Whether an event waits that the window would let go.
  mutating func hasMore(receiveMaximum: UInt16) -> Bool {
    nextToSend(receiveMaximum: receiveMaximum) != nil
  }

  /// Whether all that was ever put into the ring is acknowledged.
  mutating func isEmpty() -> Bool { events.peek(at: tail) == nil }

  mutating func noteSent(_ position: UInt64, messageID: UInt16, now: Int64) {
    precondition(position == cursor && entries[place(position)].state == .unsent)
    if underWayCount == 0 { progressTime = now }
    entries[place(position)] = Entry(state: .underWay, messageID: messageID)
    places[Int(messageID) % Self.tableCount] = UInt16(place(position))
    underWayCount += 1
    moveCursor()
  }

  /// The event can never be sent.
  mutating func noteImpossible(_ position: UInt64) {
    precondition(position == cursor && entries[place(position)].state == .unsent)
    entries[place(position)].state = .done
    moveCursor()
    giveBack()
  }

  /// What became of an acknowledgement.
  enum Outcome: Equatable {
    case acknowledged
    /// Acknowledged, and it was the last one that had been refused.
    case acknowledgedAfterRefusal
    case refused
    case dropped
    /// Of a message that is none of ours: birth, or will.
    case foreign
  }

  mutating func note(_ acknowledgement: Acknowledgement, now: Int64) -> Outcome {
    let place = Int(places[Int(acknowledgement.messageID) % Self.tableCount])
    guard entries[place].state == .underWay,
      entries[place].messageID == acknowledgement.messageID
    else { return .foreign }
    underWayCount -= 1
    progressTime = now
    switch acknowledgement.code {
    case 0..<0x80:
      entries[place].state = .done
      giveBack()
      return noteEndOfRefusal() ? .acknowledgedAfterRefusal : .acknowledged
    case 0x90, 0x99:  // topic name invalid, payload format invalid (MQTT 5, 3.4.2.1)
      entries[place].state = .done
      giveBack()
      return .dropped
    default:
      noteRefusal(place, code: acknowledgement.code, now: now)
      return .refused
    }
  }

  private mutating func noteRefusal(_ place: Int, code: UInt8, now: Int64) {
    entries[place].state = .unsent
    // The position with this place that lies in the window, which is smaller than the table.
    let distance = (UInt64(place) &- tail) & UInt64(Self.tableCount - 1)
    let position = tail + distance
    cursor = min(cursor, position)
    refusedEnd = max(refusedEnd, position + 1)
    refusalCode = code
    if now >= pauseEnd { pauseEnd = now + pause.next() }
  }

  private mutating func noteEndOfRefusal() -> Bool {
    guard refusalCode != 0, tail >= refusedEnd else { return false }
    refusalCode = 0
    pause.reset()
    return true
  }

  /// The session is over: nobody will acknowledge what is under way.
  mutating func noteSessionEnd() {
    var position = tail
    while position < end {
      if entries[place(position)].state == .underWay { entries[place(position)].state = .unsent }
      position += 1
    }
    cursor = tail
    underWayCount = 0
  }

  private mutating func giveBack() {
    let before = tail
    while tail < end, entries[place(tail)].state == .done {
      entries[place(tail)].state = .unsent
      tail += 1
    }
    if tail > before { events.advance(to: tail) }
    cursor = max(cursor, tail)
  }

  private mutating func moveCursor() {
    cursor += 1
    end = max(end, cursor)
  }

  private func place(_ position: UInt64) -> Int {
    Int(position % UInt64(Self.tableCount))
  }
}
