import FoundationEssentials
import Glibc

/// Events in a file, one JSON object a line, of one receiver alone.
///
/// A line has the fields of `RecordFields` between `device`, `epoch`, `seq` and `t`, `received`;
/// true flags are written, false ones not. Beside events there are lines whose `kind` is `lost`
/// (given up, from `first` to `last`), `conflict` (an identity that came with another content) and
/// `epoch-end`.
///
/// A commit is one `write` and one `fdatasync`. What a crash left behind the last end of a line was
/// never acknowledged, and is cut off at the next start. Which events are there is kept as ranges,
/// and read from the file at the start, line by line; of the last `digestCountMax` events it is
/// known what they were, so that an older one's conflict is counted as a repetition.
@safe public final class LinesStore: EventStore {
  private let path: String
  private let descriptor: Int32
  private var devices: [String: DeviceAccount] = [:]
  private var thinned: [Identity: Void] = [:]
  private var digests: [Identity: UInt64] = [:]
  /// The identities of `digests`, the oldest at `oldest`.
  private var order: [Identity] = []
  private var oldest = 0
  /// The length of the file up to the last commit, in bytes.
  private var byteCount: off_t = 0
  /// Bytes behind the last whole line that the start cut off.
  public private(set) var cutByteCount = 0

  static let digestCountMax = 1 << 20

  private struct Identity: Hashable {
    var device: String
    var epoch: UInt64
    var sequence: UInt64
    var isThinned: Bool
  }

  public init(path: String) throws(StoreFailure) {
    self.path = path
    // Safe: the path is a C string for the call.
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.failure(path, "cannot be opened", errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw StoreFailure(
        "\(path): another receiver writes it; name another file, or share a database (--sqlite)")
    }
    try recover()
  }

  deinit { close(descriptor) }

  public func commit(_ deliveries: [Delivery]) throws(StoreFailure) -> StoreTally {
    var tally = StoreTally()
    var text = ""
    for delivery in deliveries {
      switch delivery.message {
      case .record(let record): take(record, delivery.receivedAt, &tally, &text)
      case .checkpoint(let point):
        change(point.device) {
          $0.checkpoint = point
          $0.checkpointTopic = delivery.topic
        }
      case .replayed(let answer):
        for device in devices.keys {
          _ = devices[device]?.replay?.take(answer, from: device, now: delivery.receivedAt)
        }
      case .status, .log, .boot, .crash: break
      }
    }
    try write(text)
    return tally
  }

  public func accounts() -> [DeviceAccount] {
    devices.values.sorted { $0.device < $1.device }
  }

  public func take(_ step: ReplayStep) throws(StoreFailure) -> Bool {
    guard devices[step.device]?.replay == step.before else { return false }
    var text = ""
    for gap in step.lost {
      text +=
        "{\"device\":\(jsonText(step.device)),\"epoch\":\(gap.last.epoch),\"kind\":\"lost\","
        + "\"first\":\(gap.first.sequence),\"last\":\(gap.last.sequence),\"count\":\(gap.count)}\n"
    }
    for epoch in step.ended {
      text +=
        "{\"device\":\(jsonText(step.device)),\"epoch\":\(epoch),\"kind\":\"epoch-end\"}\n"
    }
    try write(text)
    change(step.device) {
      $0.gaps.formUnion(step.lost)
      $0.ended.formUnion(step.ended)
      $0.replay = step.after
    }
    return true
  }

  private func change(_ device: String, _ body: (inout DeviceAccount) -> Void) {
    body(&devices[device, default: DeviceAccount(device: device)])
  }
}

// MARK: - Events

extension LinesStore {
  private func take(
    _ record: Record, _ now: Double, _ tally: inout StoreTally, _ text: inout String
  ) {
    let content = canonicalText(record)
    if let gap = KnownGap(record) {
      var isNew = false
      change(record.device) { isNew = $0.gaps.insert(gap).inserted }
      if isNew {
        tally.gapCount += 1
        tally.goneCount = cappedSum(tally.goneCount, gap.count)
      }
      if record.isPlaceholder {
        if isNew { text += line(record, content, now) }
        return
      }
    }
    let identity = identity(record)
    let digest = digest(content)
    if note(identity) {
      tally.note(new: record)
      keep(digest, of: identity)
      text += line(record, content, now)
      return
    }
    tally.duplicateCount += 1
    guard let was = digests[identity], was != digest else { return }
    tally.note(conflict: record, was: "see \(path)")
    text +=
      "{\"device\":\(jsonText(record.device)),\"epoch\":\(record.epoch),"
      + "\"seq\":\(record.sequence),\"kind\":\"conflict\",\"received\":\(now),"
      + "\"content\":{\(content.dropFirst())}}\n"
  }

  private func identity(_ record: Record) -> Identity {
    Identity(
      device: record.device, epoch: record.epoch, sequence: record.sequence,
      isThinned: record.isThinned)
  }

  /// Takes note of an event; false when it was there.
  private func note(_ identity: Identity) -> Bool {
    if identity.isThinned { return thinned.updateValue((), forKey: identity) == nil }
    var isNew = false
    change(identity.device) {
      isNew = $0.covered[identity.epoch, default: SequenceSet()].insert(identity.sequence)
    }
    return isNew
  }

  private func keep(_ digest: UInt64, of identity: Identity) {
    digests[identity] = digest
    guard order.count == Self.digestCountMax else { return order.append(identity) }
    digests[order[oldest]] = nil
    order[oldest] = identity
    oldest = (oldest + 1) % order.count
  }

  private func line(_ record: Record, _ content: String, _ now: Double) -> String {
    var text = "{\"device\":\(jsonText(record.device)),\"epoch\":\(record.epoch)"
    text += ",\"seq\":\(record.sequence)"
    text += record.bootTime.map { ",\"boottime\":\($0)" } ?? ",\"t\":\(record.time)"
    text += content
    if record.isThinned { text += ",\"thinned\":true" }
    if record.isHistorical { text += ",\"historical\":true" }
    if record.isReplayed { text += ",\"replayed\":true" }
    return text + ",\"received\":\(now)}\n"
  }
}

// MARK: - The file

extension LinesStore {
  /// What is read of a line at the start.
  private struct Line: Decodable {
    var device: String
    var epoch: UInt64
    var kind: String
    var seq: UInt64?
    var thinned: Bool?
    var detail: String?
    var lane: String?
    var first: UInt64?
    var last: UInt64?
    var first_epoch: UInt64?
    var count: UInt64?
  }

  /// How many bytes the start reads at once.
  private static let chunkByteCount = 1 << 20

  /// Reads all lines, and cuts off what is behind the last.
  private func recover() throws(StoreFailure) {
    var rest: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: Self.chunkByteCount)
    var number = 0
    while true {
      // Safe: the array outlives the call, and its size is given.
      let count = unsafe chunk.withUnsafeMutableBytes {
        unsafe read(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Self.failure(path, "cannot be read", errno) }
      if count == 0 { break }
      rest += chunk[0..<count]
      var begin = 0
      while let end = rest[begin...].firstIndex(of: UInt8(ascii: "\n")) {
        number += 1
        try takeLine(Array(rest[begin..<end]), number)
        byteCount += off_t(end - begin + 1)
        begin = end + 1
      }
      rest.removeFirst(begin)
    }
    guard !rest.isEmpty else { return }
    cutByteCount = rest.count
    try cut()
  }

  private func takeLine(_ bytes: [UInt8], _ number: Int) throws(StoreFailure) {
    guard let line = try? JSONDecoder().decode(Line.self, from: Data(bytes)) else {
      throw StoreFailure(
        "\(path):\(number): not a line of `weirctl receive`; move the file away, or name another")
    }
    switch line.kind {
    case "conflict": break
    case "epoch-end": change(line.device) { $0.ended.insert(line.epoch) }
    default: takeEvent(line, bytes)
    }
  }

  private func takeEvent(_ line: Line, _ bytes: [UInt8]) {
    let kind = KnownGap.Kind(rawValue: line.kind == "gap" ? line.detail ?? "" : line.kind)
    var isPlaceholder = kind == .lost
    if let kind, let first = line.first, let count = line.count, count > 0 {
      let last = line.last ?? cappedSum(first, count - 1)
      let gap = KnownGap(
        kind: kind, lane: line.lane ?? "",
        first: Place(epoch: line.first_epoch ?? line.epoch, sequence: first),
        last: Place(epoch: line.epoch, sequence: last), count: count)
      change(line.device) { $0.gaps.insert(gap) }
      if kind != .droppedEvents { isPlaceholder = (line.seq ?? 0) <= last }
    }
    guard let sequence = line.seq, !isPlaceholder else { return }
    let identity = Identity(
      device: line.device, epoch: line.epoch, sequence: sequence,
      isThinned: line.thinned ?? false)
    guard note(identity), let digest = contentDigest(bytes) else { return }
    keep(digest, of: identity)
  }

  /// The digest of the content inside a line: what stands between its time and its flags.
  private func contentDigest(_ bytes: [UInt8]) -> UInt64? {
    guard let begin = place(of: ",\"channel\":", in: bytes[...]) else { return nil }
    let marks = [
      ",\"thinned\":true", ",\"historical\":true", ",\"replayed\":true", ",\"received\":",
    ]
    // Strings have their quotes escaped, so that none of the marks can stand inside of one.
    let end = marks.compactMap { place(of: $0, in: bytes[begin...]) }.min()
    return end.map { digest(String(decoding: bytes[begin..<$0], as: UTF8.self)) }
  }

  private func place(of text: String, in bytes: ArraySlice<UInt8>) -> Int? {
    let pattern = Array(text.utf8)
    guard bytes.count >= pattern.count else { return nil }
    return (bytes.startIndex...bytes.endIndex - pattern.count).first {
      bytes[$0] == pattern[0] && bytes[$0..<$0 + pattern.count].elementsEqual(pattern)
    }
  }

  /// Writes all of a text, so that it survives the loss of power, or none of it.
  private func write(_ text: String) throws(StoreFailure) {
    guard !text.isEmpty else { return }
    let bytes = Array(text.utf8)
    var start = 0
    while start < bytes.count {
      // Safe: the range lies inside the array, which outlives the call.
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress.unsafelyUnwrapped + start, $0.count - start)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        let number = errno
        // The next start would do it too.
        try? cut()
        throw Self.failure(path, "cannot be written", number)
      }
      start += count
    }
    guard fdatasync(descriptor) == 0 else {
      throw Self.failure(path, "cannot be made durable", errno)
    }
    byteCount += off_t(bytes.count)
  }

  private func cut() throws(StoreFailure) {
    guard ftruncate(descriptor, byteCount) == 0 else {
      throw Self.failure(path, "cannot be cut to its whole lines", errno)
    }
  }

  private static func failure(_ path: String, _ what: String, _ number: Int32) -> StoreFailure {
    // Safe: strerror returns a terminated string that lives until the next call.
    let reason = unsafe String(cString: strerror(number))
    let remedy =
      switch number {
      case ENOSPC, EDQUOT, EFBIG: "; make room and start again, nothing is lost meanwhile"
      case EACCES, EPERM, EROFS: "; give this user the right to write the file"
      case ENOENT: "; make its folder first"
      default: "; look at the disk and at the kernel's log"
      }
    return StoreFailure("\(path): \(what): \(reason)\(remedy)")
  }
}
