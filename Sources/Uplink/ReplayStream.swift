import Journal
import Ring

/// Sends the events of one request again: alarms, then telemetry, each in order, from what the
/// journal held when it began.
///
/// It ends with the session: nobody would know which of its events arrived.
final class ReplayStream {
  /// A message under way, with so many events.
  private struct Flight {
    var messageID: UInt16
    var count: UInt64
  }

  let request: RangeRequest
  private let lanes: [LaneArchive]
  /// Of each lane, the ordinal at which it ends.
  private let ends: [UInt64]
  private var laneIndex = 0
  private var pending: EventItem?
  private var takenCount: UInt64 = 0
  private var flights: [Flight] = []
  /// Events that the broker has.
  private(set) var sentCount: UInt64 = 0
  /// Whether the broker has refused one of them, which is the end.
  private(set) var isRefused = false
  /// Whether reading goes on although nothing was found yet.
  private(set) var isSearching = false

  init(_ request: RangeRequest, lanes: [LaneArchive], ends: [UInt64]) {
    precondition(!lanes.isEmpty && lanes.count == ends.count)
    self.request = request
    self.lanes = lanes
    self.ends = ends
    lanes[0].seek(first)
  }

  private var first: EventPlace { EventPlace(epoch: request.epoch, sequence: request.first) }
  private var last: EventPlace { EventPlace(epoch: request.epoch, sequence: request.last) }

  /// The next event; nil for none, or none yet.
  func peek() -> EventItem? {
    if let pending { return pending }
    isSearching = false
    // Each turn goes to the next lane.
    while laneIndex < lanes.count {
      switch lanes[laneIndex].next(before: ends[laneIndex], from: first) {
      case .unfinished:
        isSearching = true
        return nil
      case .event(let item) where item.place <= last:
        pending = item
        return item
      case .event, .end:
        laneIndex += 1
        if laneIndex < lanes.count { lanes[laneIndex].seek(first) }
      }
    }
    return nil
  }

  /// What `peek` showed is part of the message that is being made.
  func take() {
    precondition(pending != nil)
    pending = nil
    takenCount += 1
  }

  /// Takes what comes next as long as `isWanted` says so. Returns how many it took.
  func takeMore(_ isWanted: (EventItem) -> Bool) -> Int {
    var count = 0
    while let item = peek(), isWanted(item) {
      take()
      count += 1
    }
    return count
  }

  /// The message with all that was taken is under way.
  func noteSent(messageID: UInt16) {
    flights.append(Flight(messageID: messageID, count: takenCount))
    takenCount = 0
  }

  /// What was taken can never be sent.
  func noteImpossible() { takenCount = 0 }

  func holds(messageID: UInt16) -> Bool { flights.contains { $0.messageID == messageID } }

  /// The broker has the message of this stream, or has not taken it.
  func note(_ acknowledgement: Acknowledgement) {
    guard let index = flights.firstIndex(where: { $0.messageID == acknowledgement.messageID })
    else { return }
    switch acknowledgement.code {
    case 0..<0x80: sentCount += flights[index].count
    case 0x90, 0x99: break  // never to be accepted: missing
    default: refuse()
    }
    if !flights.isEmpty { flights.remove(at: index) }
  }

  private func refuse() {
    isRefused = true
    flights.removeAll()
    pending = nil
    isSearching = false
    laneIndex = lanes.count
  }

  var underWayCount: Int { flights.count }

  /// Whether all was sent and acknowledged. Only `peek` finds the end.
  var isDone: Bool {
    laneIndex == lanes.count && pending == nil && flights.isEmpty && takenCount == 0
  }

  var answer: RangeAnswer {
    RangeAnswer(
      request: request,
      outcome: isRefused ? .refused(.brokerRefuses) : .done(sentCount: sentCount))
  }
}
