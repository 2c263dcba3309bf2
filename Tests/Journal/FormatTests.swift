// Invariants checked:
// - the checksum is the CRC32C of RFC 3720, with the processor's instruction and without;
// - every record that was put into a block comes out of it, whatever its size and bytes, plain and
//   coded as differences, and never takes more room than was said;
// - bytes that are no records give no record, and end;
// - an event that was stored is the same when it is read, and what is no event is none.

import CLinux
import Ring
import Seeds
import Testing

@testable import Journal

@Suite struct FormatTests {
  @Test func theChecksumIsCRC32C() {
    // RFC 3720, appendix B.4: 32 zeroes, 32 ones, 0 to 31.
    let vectors: [([UInt8], UInt32)] = [
      ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
      ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
      ([UInt8](0..<32), 0x46DD_794E),
    ]
    for (bytes, value) in vectors {
      let memory = Memory(bytes)
      #expect(checksum(memory.bytes) == value)
      // Safe: exactly these bytes are read.
      #expect(unsafe weir_crc32c_portable(0, bytes, bytes.count) == value)
    }
  }

  @Test func bothChecksumsAreTheSame() {
    var random = SeededRandom(seed: testSeed("checksum"))
    for count in 0..<300 {
      let bytes = (0..<count).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
      let start = UInt32.random(in: 0 ... .max, using: &random)
      // Safe: exactly these bytes are read.
      let portable = unsafe weir_crc32c_portable(start, bytes, count)
      #expect(unsafe weir_crc32c(start, bytes, count) == portable)
      // Four stretches side by side, with a gap of three bytes between them.
      let stride = count / 4
      guard stride > 3 else { continue }
      var four: [UInt32] = [0, 0, 0, 0]
      unsafe weir_crc32c_four(bytes, stride, stride - 3, &four)
      for index in 0..<4 {
        let part = Array(bytes[index * stride..<(index + 1) * stride - 3])
        #expect(unsafe four[index] == weir_crc32c_portable(0, part, part.count))
      }
    }
  }

  @Test(arguments: [false, true])
  func recordsComeOutAsTheyWentIn(isDelta: Bool) {
    var random = SeededRandom(seed: testSeed("records, delta \(isDelta)"))
    for _ in 0..<200 {
      let room = Memory(byteCount: 2048)
      let record = Memory(byteCount: 256)
      let previous = Memory(byteCount: 256)
      var encoder = RecordEncoder()
      var expected: [(sequence: UInt64, bytes: [UInt8])] = []
      var sequence: UInt64 = 0
      // The room is full after fewer.
      for _ in 0..<2048 {
        sequence += Int.random(in: 0..<8, using: &random) == 0 ? 7 : 1
        let bytes = someRecord(after: expected.last?.bytes, &random)
        record.set(bytes)
        let before = encoder.byteCount
        guard
          encoder.append(
            record.bytes.slice(0, bytes.count), kind: .event, sequence: sequence, to: room.bytes,
            previous: previous.bytes, isDelta: isDelta)
        else { break }
        let most = RecordCoding.byteCountMax(bytes.count, isDelta: isDelta)
        #expect(encoder.byteCount - before <= most + RecordCoding.runByteCount)
        expected.append((sequence, bytes))
      }
      #expect(expected.count > 6)
      check(room, encoder, expected, isDelta: isDelta)
    }
  }

  private func check(
    _ room: Memory, _ encoder: RecordEncoder, _ expected: [(sequence: UInt64, bytes: [UInt8])],
    isDelta: Bool
  ) {
    let record = Memory(byteCount: 256)
    var decoder = RecordDecoder(header(encoder.byteCount, isDelta: isDelta))
    for entry in expected {
      guard let found = decoder.next(room.bytes, into: record.bytes) else {
        Issue.record("fewer records than were put in")
        return
      }
      #expect(found.sequence == entry.sequence)
      #expect(record.array(found.byteCount) == entry.bytes)
    }
    #expect(decoder.next(room.bytes, into: record.bytes) == nil)
  }

  @Test(arguments: [false, true])
  func garbageGivesNoEndlessRecords(isDelta: Bool) {
    var random = SeededRandom(seed: testSeed("garbage, delta \(isDelta)"))
    let room = Memory(byteCount: 512)
    let record = Memory(byteCount: 256)
    for _ in 0..<2000 {
      room.set((0..<512).map { _ in UInt8.random(in: 0 ... .max, using: &random) })
      // A kind that is one, so that the rest is looked at.
      room.bytes[0] = 0
      var decoder = RecordDecoder(header(512, isDelta: isDelta))
      var count = 0
      // A record of words takes at least a byte; a smaller one its own bytes.
      while count <= 512, decoder.next(room.bytes, into: record.bytes) != nil { count += 1 }
      #expect(count <= 512)
    }
  }

  private func someRecord(after last: [UInt8]?, _ random: inout SeededRandom) -> [UInt8] {
    guard var bytes = last, Int.random(in: 0..<5, using: &random) > 0 else {
      // That of an event, or any.
      let isEvent = Int.random(in: 0..<3, using: &random) == 0
      return (0..<(isEvent ? 64 : Int.random(in: 1...255, using: &random))).map { _ in
        UInt8.random(in: 0 ... .max, using: &random)
      }
    }
    // As a stream of events has it: a few bytes of the last one have changed.
    for _ in 0..<Int.random(in: 0..<6, using: &random) {
      bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(
        in: 0 ... .max, using: &random)
    }
    return bytes
  }

  private func header(_ byteCount: Int, isDelta: Bool) -> BlockHeader {
    BlockHeader(
      lane: .telemetry, isDelta: isDelta, payloadByteCount: UInt32(byteCount), segmentSequence: 1,
      blockSequence: 1, commit: 1, epoch: 1, recordCount: 1, lastSequence: 0, before: Mark(),
      acknowledged: Mark(), evicted: Mark())
  }

  @Test func anEventIsTheSameWhenItIsRead() throws {
    let memory = Memory(byteCount: 64)
    let event = Event(
      kind: .window, channel: 513, time: -5, sequence: 1 << 40, readingSequence: 7, value: -0.5,
      quality: .good, minimum: -.infinity, maximum: 1e300, span: 9, count: 4_000_000_000)
    event.store(in: memory.bytes)
    let read = try #require(Event(memory.bytes))
    let again = Memory(byteCount: 64)
    read.store(in: again.bytes)
    #expect(memory.array(64) == again.array(64))
    #expect(read.channel == 513 && read.kind == .window && read.maximum == 1e300)

    memory.bytes[62] = 200
    #expect(Event(memory.bytes) == nil)
    event.store(in: memory.bytes)
    memory.bytes[63] = 200
    #expect(Event(memory.bytes) == nil)
    #expect(Event(memory.bytes.slice(0, 63)) == nil)
  }

  @Test func onlyAlarmsTravelInTheLaneOfAlarms() {
    for number in UInt8.min...UInt8.max {
      guard let kind = EventKind(rawValue: number) else { continue }
      let isAlarm = kind == .alarmRaised || kind == .alarmCleared
      #expect(Event(kind: kind, channel: 0, time: 0).lane == (isAlarm ? .alarms : .telemetry))
    }
  }

  @Test func aGeometryIsWithinItsLimits() throws {
    #expect(Geometry(byteCount: Geometry.byteCountMin - 1) == nil)
    for size in [Geometry.byteCountMin, 5_000_000, Geometry.byteCountDefault, 1 << 30] {
      for share in [1, 12, 90] {
        let geometry = try #require(Geometry(byteCount: size, alarmShare: share))
        #expect(geometry.byteCount <= size)
        #expect(geometry.byteCount > size - Int64(geometry.segmentByteCount))
      }
    }
    #expect(Geometry(byteCount: Geometry.byteCountDefault, alarmShare: 0) == nil)
    #expect(Geometry(byteCount: Geometry.byteCountDefault, alarmShare: 91) == nil)
  }
}
