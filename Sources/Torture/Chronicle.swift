import Journal

/// What was put into one lane, and what of it must be found again. Indexed by ordinal.
struct LaneChronicle {
  /// A record as it was appended. Windows made by thinning are known by their ordinal only.
  struct Entry {
    var epoch: UInt64
    var sequence: UInt64
    var payload: [UInt8]
    var isThinned = false
  }

  var entries: [Entry] = []
  /// Whether an entry was found after the last cut: then it must be found for ever.
  var isRequired: [Bool] = []
  /// The end that the last recovery found: what lies before it and was not found then is lost.
  var baseline = 0

  mutating func append(_ entry: Entry) {
    entries.append(entry)
    isRequired.append(false)
  }

  /// The mark behind the first `count` entries.
  func mark(_ count: Int) -> Mark {
    guard count > 0 else { return Mark() }
    return Mark(
      ordinal: UInt64(count), epoch: entries[count - 1].epoch,
      sequence: entries[count - 1].sequence)
  }

  /// Forgets what lies behind the end that a recovery found.
  mutating func truncate(_ count: Int) {
    precondition(count <= entries.count)
    entries.removeLast(entries.count - count)
    isRequired.removeLast(isRequired.count - count)
    baseline = count
  }
}

/// What the journal had promised at one moment.
struct Promise {
  /// How many events of the disk's history had happened.
  var eventCount: Int
  /// The epoch that was in use; 0 before the first.
  var epoch: UInt64
  /// Of each lane.
  var durable: [UInt64]
  var acknowledged: [UInt64]
  var evicted: [UInt64]
}

/// What a recovery did wrong.
struct Violation: Error {
  var text: String
  init(_ text: String) { self.text = text }
}

/// What one recovery found: the basis of what comes after it.
struct Recovered {
  /// That it began.
  var epoch: UInt64 = 0
  /// The end of each lane.
  var ends: [Mark] = []
  /// The ordinals that were read, of each lane.
  var found: [[Int]] = []
  var acknowledged: [Mark] = []
  var evicted: [Mark] = []
  var gapCount = 0
}

extension LaneChronicle {
  /// Reads the whole lane and holds it against the promise: every event that was reported durable,
  /// in order, none twice, none invented; and the gaps exact. `isComplete` false: the medium was
  /// damaged beyond what a power cut does, so events may be missing, but only as gaps.
  func check(
    _ reader: inout JournalReader<SimulatedDisk>, _ lane: Lane, _ promise: Promise,
    isComplete: Bool, into recovered: inout Recovered
  ) throws {
    let start = reader.scan.acknowledged
    let index = Int(lane.rawValue)
    guard start.ordinal <= promise.acknowledged[index] else {
      throw Violation(
        "\(lane): the cursor is at \(start.ordinal), and "
          + "\(promise.acknowledged[index]) was acknowledged"
      )
    }
    guard start == mark(Int(start.ordinal)) else {
      throw Violation("\(lane): the cursor is \(start), not \(mark(Int(start.ordinal)))")
    }
    var place = Int(start.ordinal)
    var found: [Int] = []
    reading: while true {
      switch reader.next() {
      case .end: break reading
      case .record(let record):
        guard record.after.ordinal == UInt64(place + 1) else {
          throw Violation("\(lane): ordinal \(record.after.ordinal - 1) follows \(place)")
        }
        try compare(record, reader.record, lane, at: place)
        found.append(place)
        place += 1
      case .gap(let gap):
        try check(gap, lane, promise, from: place, isComplete: isComplete)
        place = Int(gap.through.ordinal)
        recovered.gapCount += 1
      }
    }
    if isComplete {
      let behind = max(
        Int(promise.durable[index]), isRequired.lastIndex(of: true).map { $0 + 1 } ?? 0)
      guard place >= behind else {
        throw Violation("\(lane): ends at \(place); \(behind) were durable")
      }
    }
    recovered.ends.append(reader.place)
    recovered.found.append(found)
    recovered.acknowledged.append(start)
    recovered.evicted.append(reader.scan.evicted)
  }

  private func compare(
    _ record: FoundRecord, _ bytes: Bytes, _ lane: Lane, at place: Int
  ) throws {
    guard place < entries.count else {
      throw Violation("\(lane): a record at \(place), where none was appended")
    }
    let entry = entries[place]
    guard record.after.epoch == entry.epoch, record.after.sequence == entry.sequence,
      (record.kind == .thinned) == entry.isThinned
    else {
      throw Violation("\(lane): at \(place) there is \(record), and not \(entry)")
    }
    if entry.isThinned { return }
    var isSame = record.byteCount == entry.payload.count
    if isSame {
      for index in 0..<record.byteCount where bytes[index] != entry.payload[index] {
        isSame = false
      }
    }
    guard isSame else { throw Violation("\(lane): the record at \(place) has other bytes") }
  }

  private func check(
    _ gap: Gap, _ lane: Lane, _ promise: Promise, from place: Int, isComplete: Bool
  ) throws {
    let end = Int(gap.through.ordinal)
    guard gap.after.ordinal == UInt64(place), end > place, end <= entries.count else {
      throw Violation("\(lane): the gap \(gap) at \(place)")
    }
    guard gap.after == mark(place), gap.through == mark(end) else {
      throw Violation(
        "\(lane): the gap \(gap) is not from \(mark(place)) to \(mark(end))")
    }
    let index = Int(lane.rawValue)
    if gap.reason == .evicted, gap.through.ordinal > promise.evicted[index] {
      throw Violation(
        "\(lane): \(gap.through.ordinal) is evicted, but only \(promise.evicted[index]) was")
    }
    guard isComplete else { return }
    for ordinal in place..<end where ordinal >= Int(promise.evicted[index]) {
      if isRequired[ordinal] || UInt64(ordinal) < promise.durable[index] && ordinal >= baseline {
        throw Violation("\(lane): ordinal \(ordinal) was durable, and is gone; \(promise)")
      }
    }
  }
}
