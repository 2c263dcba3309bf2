/// Puts records into a block.
struct RecordEncoder {
  /// Bytes of records so far.
  private(set) var byteCount = 0
  private(set) var recordCount: UInt32 = 0
  private(set) var lastSequence: UInt64 = 0
  private var runOffset = -1
  private var runCount: UInt16 = 0
  private var runKind = RecordKind.event
  private var runRecordByteCount = 0
  /// The size of the record that lies in `previous`; 0 before the first.
  private var previousByteCount = 0

  /// Adds a record to the block's room for records. False if it may not fit; then nothing
  /// happened.
  @inline(__always)
  mutating func append(
    _ record: Bytes, kind: RecordKind, sequence: UInt64, to room: Bytes, previous: Bytes,
    isDelta: Bool
  ) -> Bool {
    let continues =
      runOffset >= 0 && runKind == kind && runRecordByteCount == record.count
      && sequence == lastSequence &+ 1 && runCount < UInt16.max
    let needed =
      RecordCoding.byteCountMax(record.count, isDelta: isDelta)
      + (continues ? 0 : RecordCoding.runByteCount)
    guard needed <= room.count - byteCount else { return false }
    if !continues { beginRun(record.count, kind: kind, sequence: sequence, in: room) }
    if isDelta {
      if previousByteCount != record.count { previous.slice(0, record.count).clear() }
      byteCount += RecordCoding.encode(
        record, against: previous, to: room.slice(byteCount, room.count - byteCount))
      previousByteCount = record.count
    } else {
      room.copy(record, to: byteCount)
      byteCount += record.count
    }
    runCount += 1
    recordCount += 1
    lastSequence = sequence
    room.store(runCount, at: runOffset + 2)
    return true
  }

  private mutating func beginRun(
    _ recordByteCount: Int, kind: RecordKind, sequence: UInt64, in room: Bytes
  ) {
    runOffset = byteCount
    runCount = 0
    runKind = kind
    runRecordByteCount = recordByteCount
    room[byteCount] = kind.rawValue
    room[byteCount + 1] = UInt8(recordByteCount)
    room.store(sequence, at: byteCount + 4)
    byteCount += RecordCoding.runByteCount
  }
}

/// Takes records out of a block, in their order.
struct RecordDecoder {
  private var offset = 0
  private let end: Int
  private let isDelta: Bool
  private var runLeft: UInt16 = 0
  private var runKind = RecordKind.event
  private var runRecordByteCount = 0
  private var sequence: UInt64 = 0
  private var previousByteCount = 0

  /// Of no block: it has no records.
  init() {
    end = 0
    isDelta = false
  }

  init(_ header: BlockHeader) {
    end = Int(header.payloadByteCount)
    isDelta = header.isDelta
  }

  struct Record {
    var kind: RecordKind
    var sequence: UInt64
    var byteCount: Int
  }

  /// The next record, whose bytes it leaves at the front of `record` (255 bytes, kept by the caller
  /// between calls). Nil at the end, and where the block makes no sense.
  @inline(__always)
  mutating func next(_ room: Bytes, into record: Bytes) -> Record? {
    if runLeft == 0, !beginRun(room) { return nil }
    let target = record.slice(0, runRecordByteCount)
    if isDelta {
      if previousByteCount != runRecordByteCount { target.clear() }
      guard
        let used = RecordCoding.decode(room.slice(offset, end - offset), to: target)
      else { return nil }
      previousByteCount = runRecordByteCount
      offset += used
    } else {
      guard offset + runRecordByteCount <= end else { return nil }
      target.copy(room.slice(offset, runRecordByteCount))
      offset += runRecordByteCount
    }
    let found = Record(kind: runKind, sequence: sequence, byteCount: runRecordByteCount)
    runLeft -= 1
    sequence &+= 1
    return found
  }

  /// Reads what is said of the next run. False if there is none, or it makes no sense.
  private mutating func beginRun(_ room: Bytes) -> Bool {
    guard offset + RecordCoding.runByteCount <= end, let kind = RecordKind(rawValue: room[offset])
    else { return false }
    runKind = kind
    runRecordByteCount = Int(room[offset + 1])
    runLeft = room.load(UInt16.self, at: offset + 2)
    sequence = room.load(UInt64.self, at: offset + 4)
    offset += RecordCoding.runByteCount
    return runLeft > 0 && runRecordByteCount > 0
  }
}
