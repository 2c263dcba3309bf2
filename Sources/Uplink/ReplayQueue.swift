/// What becomes of a request.
struct RangeAnswer: Equatable {
  enum Outcome: Equatable {
    /// So many events were sent; the other numbers of the range are gone, or never were events.
    case done(sentCount: UInt64)
    case refused(ReplayRefusal)
  }

  var request: RangeRequest
  var outcome: Outcome

  /// `{"id":"…","epoch":7,"first":100,"last":180,"sent":70,"missing":11,"status":"done"}`, or with
  /// `"status":"refused","reason":"…"` at the end.
  var payload: [UInt8] {
    var text = ByteBuffer(capacity: 512)
    text.append("{\"id\":")
    text.append(jsonString(String(decoding: request.id, as: UTF8.self)))
    text.append(",\"epoch\":")
    text.append(request.epoch)
    text.append(",\"first\":")
    text.append(request.first)
    text.append(",\"last\":")
    text.append(request.last)
    switch outcome {
    case .done(let sentCount):
      text.append(",\"sent\":")
      text.append(sentCount)
      text.append(",\"missing\":")
      text.append(request.numberCount - min(sentCount, request.numberCount))
      text.append(",\"status\":\"done\"}")
    case .refused(let reason):
      text.append(",\"status\":\"refused\",\"reason\":\"")
      text.append(reason.text)
      text.append("\"}")
    }
    // An id of 64 bytes, all escaped, and all numbers at their longest take less than 400.
    precondition(!text.hasOverflowed)
    // Safe: the bytes are copied.
    return unsafe text.withBytes { unsafe Array($0) }
  }
}

/// Requests that wait, and answers that are to be sent: fixed numbers of both, whatever comes.
///
/// | what comes | what becomes of it |
/// | --- | --- |
/// | no request | refused |
/// | more than 60 a minute, after a first 10 | refused: too many requests |
/// | one while 4 wait | refused: busy |
/// | refusals: more than 60 a minute, after a first 10, or while 8 answers wait | ignored, counted |
struct ReplayQueue {
  static let waitingCountMax = 4
  static let answerCountMax = 8
  /// How many answers may be under way: libmosquitto has room for 8 messages beside the window.
  static let underWayCountMax = 4

  private var waiting: [RangeRequest] = []
  private var answers: [RangeAnswer] = []
  private var underWay: [UInt16] = []
  private var rate = TokenBucket(perMinute: 60, burst: 10)
  private var refusalRate = TokenBucket(perMinute: 60, burst: 10)
  /// Requests without an answer.
  private(set) var ignoredCount: UInt64 = 0

  /// Takes what came on the topic of requests. `now` is boot time in ns.
  mutating func add(_ payload: [UInt8], now: Int64) {
    switch RangeRequest.parse(payload) {
    case .refused(let request, let reason): refuse(request, reason, now)
    case .request(let request):
      guard waiting.count < Self.waitingCountMax else { return refuse(request, .busy, now) }
      guard rate.take(now) else { return refuse(request, .tooOften, now) }
      waiting.append(request)
    }
  }

  private mutating func refuse(_ request: RangeRequest, _ reason: ReplayRefusal, _ now: Int64) {
    guard answers.count < Self.answerCountMax, refusalRate.take(now) else { return ignore(1) }
    answers.append(RangeAnswer(request: request, outcome: .refused(reason)))
  }

  /// So many requests were not even looked at.
  mutating func ignore(_ count: UInt64) { ignoredCount &+= count }

  /// The next request, if its answer will have room.
  mutating func next() -> RangeRequest? {
    guard !waiting.isEmpty, answers.count < Self.answerCountMax else { return nil }
    return waiting.removeFirst()
  }

  /// A request was carried out. There is one at a time, so this is at most one beyond the maximum.
  mutating func finish(_ answer: RangeAnswer) {
    precondition(answers.count <= Self.answerCountMax)
    answers.append(answer)
  }

  /// The next answer to send, if one more may be under way.
  var answer: RangeAnswer? {
    underWay.count < Self.underWayCountMax ? answers.first : nil
  }

  mutating func noteSent(messageID: UInt16) {
    answers.removeFirst()
    underWay.append(messageID)
  }

  /// The first answer can't be sent.
  mutating func noteImpossible() { answers.removeFirst() }

  /// Whether the acknowledgement was that of an answer.
  mutating func noteDone(messageID: UInt16) -> Bool {
    guard let index = underWay.firstIndex(of: messageID) else { return false }
    underWay.remove(at: index)
    return true
  }

  /// The session is over: receivers ask again.
  mutating func noteSessionEnd() {
    waiting.removeAll(keepingCapacity: true)
    answers.removeAll(keepingCapacity: true)
    underWay.removeAll(keepingCapacity: true)
  }
}

/// Lets a number of things happen at once, and then so many a minute.
struct TokenBucket {
  private let interval: Int64
  private let tolerance: Int64
  /// When the bucket is full again, boot time in ns.
  private var fullTime: Int64 = .min

  init(perMinute: Int64, burst: Int64) {
    precondition(perMinute > 0 && burst > 0)
    interval = 60_000_000_000 / perMinute
    tolerance = (burst - 1) * interval
  }

  /// False: not now.
  mutating func take(_ now: Int64) -> Bool {
    let from = max(fullTime, now)
    guard from - now <= tolerance else { return false }
    fullTime = from + interval
    return true
  }
}
