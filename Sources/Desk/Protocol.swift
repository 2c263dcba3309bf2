// What a gateway with a journal and its receivers say to each other beside the events. All topics
// are siblings of the gateway's status topic; `weir/DEVICE/` stands for what is before its last
// level.
//
// | topic | who | what |
// | --- | --- | --- |
// | `weir/DEVICE/checkpoint` | gateway, retained | which events the journal holds: `Checkpoint` |
// | `weir/DEVICE/replay` | receiver, QoS 1 | asks for a range again: `ReplayRequest` |
// | `weir/DEVICE/replayed` | gateway | the request was answered, or refused: `ReplayAnswer` |
//
// The events themselves are SenML packs (RFC 8428), of one record or of several, each of which has
// its own `epoch` and `seq`; `Sources/Uplink/SenML.swift` lists the labels. A pack of one channel
// comes on the channel's topic, `weir/DEVICE/CHANNEL`; one of several channels on
// `weir/DEVICE/batch`. Its times may have a base (`bt`), and it may be one zstd frame (RFC 8878):
// then MQTT 5's content type is `application/senml+json+zstd`, otherwise `application/senml+json`.
// A PUBACK of a pack acknowledges all of its events.
//
// The events that were asked for come on their usual topics, with `"replayed":true`, before the
// answer. The identity of an event is its device, epoch, sequence and whether it is thinned; never
// a time.

/// One event's place: the boot and the number in it.
public struct Place: Comparable, Hashable, Sendable {
  public var epoch: UInt64
  public var sequence: UInt64

  public init(epoch: UInt64, sequence: UInt64) {
    self.epoch = epoch
    self.sequence = sequence
  }

  public static func < (a: Place, b: Place) -> Bool {
    (a.epoch, a.sequence) < (b.epoch, b.sequence)
  }

  var text: String { "\(epoch)/\(sequence)" }
}

/// What a gateway's journal holds.
///
/// ```json
/// {"device":"plant7","epoch":7,"t":1795000000,"lowest":{"epoch":3,"seq":120},
///  "highest":{"epoch":7,"seq":991},"acknowledged":{"epoch":7,"seq":990},
///  "stored":40000,"evicted":0,"dropped":0}
/// ```
public struct Checkpoint: Equatable, Sendable {
  public var device: String
  /// The boot that it was sent in.
  public var epoch: UInt64
  /// The first and the last event of the journal; nil while it is empty. What a receiver lacks of
  /// those between, and no gap explains, it may ask for.
  public var lowest: Place?
  public var highest: Place?
  /// The last event that the broker has acknowledged; what is behind it comes without being asked
  /// for.
  public var acknowledged: Place?
  /// Events ever stored, evicted to make room, and dropped before they could be stored.
  public var storedCount: UInt64
  public var evictedCount: UInt64
  public var droppedCount: UInt64

  public init(
    device: String, epoch: UInt64, lowest: Place? = nil, highest: Place? = nil,
    acknowledged: Place? = nil, storedCount: UInt64 = 0, evictedCount: UInt64 = 0,
    droppedCount: UInt64 = 0
  ) {
    self.device = device
    self.epoch = epoch
    self.lowest = lowest
    self.highest = highest
    self.acknowledged = acknowledged
    self.storedCount = storedCount
    self.evictedCount = evictedCount
    self.droppedCount = droppedCount
  }
}

/// Asks a gateway to send the events of one boot again.
///
/// ```json
/// {"id":"free text up to 64 bytes","epoch":7,"first":100,"last":180}
/// ```
public struct ReplayRequest: Equatable, Sendable {
  /// How many numbers one request may span.
  public static let numberCountMax: UInt64 = 100_000
  /// How long an `id` may be, in bytes.
  public static let identifierByteCountMax = 64

  public var id: String
  public var epoch: UInt64
  public var first: UInt64
  public var last: UInt64

  public init(id: String, epoch: UInt64, first: UInt64, last: UInt64) {
    self.id = id
    self.epoch = epoch
    self.first = first
    self.last = last
  }

  public var payload: String {
    #"{"id":\#(jsonText(id)),"epoch":\#(epoch),"first":\#(first),"last":\#(last)}"#
  }
}

/// What became of a request.
///
/// ```json
/// {"id":"…","epoch":7,"first":100,"last":180,"sent":70,"missing":11,"status":"done"}
/// {"id":"…","epoch":7,"first":100,"last":180,"status":"refused","reason":"busy"}
/// ```
public struct ReplayAnswer: Equatable, Sendable {
  public var id: String
  public var epoch: UInt64
  public var first: UInt64
  public var last: UInt64
  public var sentCount: UInt64
  /// Numbers of the range that are gone, or never were events of the journal.
  public var missingCount: UInt64
  /// Why nothing was sent; nil when it was.
  public var refusal: String?

  public init(
    id: String, epoch: UInt64, first: UInt64, last: UInt64, sentCount: UInt64 = 0,
    missingCount: UInt64 = 0, refusal: String? = nil
  ) {
    self.id = id
    self.epoch = epoch
    self.first = first
    self.last = last
    self.sentCount = sentCount
    self.missingCount = missingCount
    self.refusal = refusal
  }
}

func checkpoint(_ raw: RawObject) throws(DecodingFailure) -> Checkpoint {
  guard let device = raw.device else { throw .missing("device") }
  guard let epoch = raw.epoch else { throw .missing("epoch") }
  let lowest = place(raw.lowest)
  let highest = place(raw.highest)
  if let lowest, let highest, highest < lowest { throw .wrong("highest") }
  return Checkpoint(
    device: device, epoch: epoch, lowest: lowest, highest: highest,
    acknowledged: place(raw.acknowledged), storedCount: raw.stored ?? 0,
    evictedCount: raw.evicted ?? 0, droppedCount: raw.dropped ?? 0)
}

func replayAnswer(_ raw: RawObject) throws(DecodingFailure) -> ReplayAnswer {
  guard let id = raw.id else { throw .missing("id") }
  guard let status = raw.status else { throw .missing("status") }
  let isDone = status == "done"
  guard isDone || status == "refused" else { throw .wrong("status") }
  // Who could not read a request can't say what it asked for.
  guard let epoch = raw.epoch ?? (isDone ? nil : 0) else { throw .missing("epoch") }
  guard let first = raw.first ?? (isDone ? nil : 0) else { throw .missing("first") }
  guard let last = raw.last ?? (isDone ? nil : 0) else { throw .missing("last") }
  return ReplayAnswer(
    id: id, epoch: epoch, first: first, last: last, sentCount: raw.sent ?? 0,
    missingCount: raw.missing ?? 0, refusal: isDone ? nil : raw.reason ?? "no reason was given")
}

private func place(_ raw: RawPlace?) -> Place? {
  raw.map { Place(epoch: $0.epoch, sequence: $0.seq) }
}

/// `a/b/name` for `a/b/c`: a topic beside another.
func siblingTopic(of topic: String, named name: String) -> String {
  guard let slash = topic.lastIndex(of: "/") else { return topic + "-" + name }
  return topic[...slash] + name
}

/// A string as JSON, with its quotes (RFC 8259, §7).
func jsonText(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\u{0}"..."\u{1F}":
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
