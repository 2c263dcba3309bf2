/// What a record is.
public enum RecordKind: UInt8, BitwiseCopyable, Sendable {
  /// An event as it came.
  case event = 0
  /// Made by thinning: a window that stands for evicted events.
  case thinned = 1
}

/// How records lie in a block: in runs of the same kind and size whose sequence numbers follow each
/// other, so that an event of the usual stream costs its own bytes and no more.
///
/// | offset | size | of a run |
/// | ---: | ---: | --- |
/// | 0 | 1 | kind of its records |
/// | 1 | 1 | size of each, uncoded, in bytes: 1 to 255 |
/// | 2 | 2 | how many there are, at least 1 |
/// | 4 | 8 | sequence number of the first |
/// | 12 | … | the records, one after the other |
///
/// Plain, a record is its bytes. Coded as differences, it is compared, in words of 8 bytes, with
/// the record before it in the block if that has the same size, else with zeroes:
///
/// | size | of a coded record of *n* bytes, *w* = *n* div 8 |
/// | ---: | --- |
/// | ⌈*w* ÷ 2⌉ | a code for each word, the first in the lower half of the byte |
/// | … | for each word its bytes, lowest first |
/// | *n* mod 8 | the last bytes, as they are |
///
/// Code 0 to 8: so many bytes of the difference of the two, as a number whose sign is in its lowest
/// bit. Code 9 to 15: the upper 1 to 7 bytes of their exclusive or, the lower ones being zero, as
/// measured values have them.
enum RecordCoding {
  static var runByteCount: Int { 12 }
  static var recordByteCountMax: Int { 255 }

  /// The most bytes that a record of `count` bytes takes.
  static func byteCountMax(_ count: Int, isDelta: Bool) -> Int {
    isDelta ? count + (count / 8 + 1) / 2 : count
  }

  /// Codes `record` against `reference`, which is at least as large. Returns the size.
  static func encode(_ record: Bytes, against reference: Bytes, to output: Bytes) -> Int {
    let wordCount = record.count / 8
    var used = (wordCount + 1) / 2
    output.slice(0, used).clear()
    for index in 0..<wordCount {
      let word = record.load(UInt64.self, at: index * 8)
      let before = reference.load(UInt64.self, at: index * 8)
      let difference = Int64(bitPattern: word &- before)
      let number = UInt64(bitPattern: (difference << 1) ^ (difference >> 63))
      let numberCount = 8 - number.leadingZeroBitCount / 8
      let changed = word ^ before
      // 8 would be no gain: the number codes it too.
      let changedCount = changed == 0 ? 8 : 8 - changed.trailingZeroBitCount / 8
      var code = numberCount
      var rest = number
      var count = numberCount
      if changedCount < numberCount {
        code = 8 + changedCount
        rest = changed >> UInt64(64 - 8 * changedCount)
        count = changedCount
      }
      output[index / 2] |= UInt8(code << (index % 2 * 4))
      if used + 8 <= output.count {
        // What is behind the number is written by those that follow, or is not used.
        output.store(rest, at: used)
        used += count
      } else {
        for _ in 0..<count {
          output[used] = UInt8(truncatingIfNeeded: rest)
          rest >>= 8
          used += 1
        }
      }
    }
    let tail = record.count - wordCount * 8
    output.copy(record.slice(wordCount * 8, tail), to: used)
    return used + tail
  }

  /// Undoes `encode` into `record`. Returns the size of what it read; nil if the code is wrong or
  /// ends too early.
  static func decode(_ input: Bytes, against reference: Bytes, to record: Bytes) -> Int? {
    let wordCount = record.count / 8
    var used = (wordCount + 1) / 2
    guard used <= input.count else { return nil }
    for index in 0..<wordCount {
      let code = Int(input[index / 2] >> UInt8(index % 2 * 4)) & 15
      let count = code > 8 ? code - 8 : code
      guard used + count <= input.count else { return nil }
      var value: UInt64 = 0
      if used + 8 <= input.count {
        value = input.load(UInt64.self, at: used)
        if count < 8 { value &= (1 << UInt64(8 * count)) - 1 }
      } else {
        for place in 0..<count { value |= UInt64(input[used + place]) << UInt64(8 * place) }
      }
      used += count
      let before = reference.load(UInt64.self, at: index * 8)
      if code > 8 {
        record.store(before ^ (value << UInt64(64 - 8 * count)), at: index * 8)
      } else {
        let difference = (value >> 1) ^ (0 &- (value & 1))
        record.store(before &+ difference, at: index * 8)
      }
    }
    let tail = record.count - wordCount * 8
    guard used + tail <= input.count else { return nil }
    record.copy(input.slice(used, tail), to: wordCount * 8)
    return used + tail
  }
}

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
      previous.copy(record)
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
  mutating func next(_ room: Bytes, into record: Bytes) -> Record? {
    if runLeft == 0 {
      guard offset + RecordCoding.runByteCount <= end,
        let kind = RecordKind(rawValue: room[offset])
      else { return nil }
      runKind = kind
      runRecordByteCount = Int(room[offset + 1])
      runLeft = room.load(UInt16.self, at: offset + 2)
      sequence = room.load(UInt64.self, at: offset + 4)
      offset += RecordCoding.runByteCount
      guard runLeft > 0, runRecordByteCount > 0 else { return nil }
    }
    let target = record.slice(0, runRecordByteCount)
    if isDelta {
      if previousByteCount != runRecordByteCount { target.clear() }
      guard
        let used = RecordCoding.decode(
          room.slice(offset, end - offset), against: target, to: target)
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
}
