// Invariants:
// - what is compressed is one zstd frame that reads back as the message, at any size and content;
// - what would not be smaller is not compressed;
// - a compressor takes less than 300 KB, once.
// - numbers have the shortest text that reads back, as Swift itself writes them;
// - records whose times have a base read back with the same times.

import Configuration
import Desk
import Foundation
import Ring
import Seeds
import Testing

@testable import Uplink

struct CompressorTests {
  private func compressed(
    _ message: [UInt8], with compressor: Compressor, saving byteCount: Int = 1
  ) -> [UInt8]? {
    // Safe: the array outlives the call, and so does the compressor.
    let isSmaller = unsafe message.withUnsafeBufferPointer {
      unsafe compressor.compress($0, saving: byteCount)
    }
    return isSmaller ? unsafe compressor.withBytes { unsafe Array($0) } : nil
  }

  /// A message of so many records.
  private func message(_ count: Int, channels: Int, random: inout SeededRandom) -> [UInt8] {
    var batch = BatchSettings()
    batch.eventCount = 1000
    var encoder = SenMLEncoder(
      device: "plant7", epoch: 3,
      channels: (0..<channels).map { ChannelSettings(name: "room.\($0)", unit: "Cel") },
      batch: batch)
    encoder.begin()
    for index in 0..<count {
      let event = Event(
        kind: .value, channel: UInt16(index % channels), time: Int64(index) * 10_000_123,
        sequence: UInt64(index), readingSequence: UInt64(index / channels),
        value: 21 + Double(random.next() % 64) / 16)
      let isIn = encoder.append(event, .absolute(offset: 1_764_000_000_000_000_000))
      #expect(isIn)
    }
    encoder.finish()
    return Array(encoder.buffer.text.utf8)
  }

  @Test func whatIsCompressedReadsBack() throws {
    var random = SeededRandom(seed: testSeed("compressor"))
    let compressor = try #require(Compressor(messageByteCountMax: 65_536))
    #expect(compressor.memoryByteCount < 300_000)
    print("the compressor takes \(compressor.memoryByteCount) bytes")
    for count in [1, 2, 16, 64, 300, 500, 1, 64] {
      let plain = message(count, channels: 4, random: &random)
      guard let packed = compressed(plain, with: compressor) else {
        #expect(count == 1)
        continue
      }
      #expect(packed.count < plain.count)
      let messages = try decode(packed, contentType: compressedContentType, receivedAt: 0)
      #expect(messages == (try decode(plain, receivedAt: 0)))
      #expect(messages.count == count)
      if count >= 16 { #expect(packed.count * 2 < plain.count) }
    }
  }

  @Test func whatIsNotSmallerStaysAsItIs() throws {
    var random = SeededRandom(seed: testSeed("random bytes"))
    let compressor = try #require(Compressor(messageByteCountMax: 65_536))
    for count in [0, 1, 16, 1000, 65_536] {
      let bytes = (0..<count).map { _ in UInt8(random.next() % 256) }
      #expect(compressed(bytes, with: compressor) == nil)
    }
    let zeroes = [UInt8](repeating: 0, count: 1000)
    let packed = try #require(compressed(zeroes, with: compressor))
    #expect(compressed(zeroes, with: compressor, saving: 900) == packed)
    #expect(compressed(zeroes, with: compressor, saving: 1001 - packed.count) == nil)
  }

  @Test func numbersAreWrittenAsSwiftDoes() {
    var random = SeededRandom(seed: testSeed("numbers"))
    var values: [Double] = [0, -0.0, 1, -1, 0.001, 0.0009, 999_999_999, 1e9, 0.1 + 0.2, 1e15]
    let scales = [1.0, 10, 16, 100, 256, 1000, 4096, 1e6, 1e7, 3]
    for _ in 0..<1000 {
      let number = Double(random.next() % 2_000_000_000) - 1e9
      for scale in scales { values.append(number / scale) }
    }
    var buffer = ByteBuffer(capacity: 64)
    for value in values {
      buffer.removeAll()
      buffer.append(value)
      #expect(buffer.text == value.description)
    }
    for shift in 0..<64 {
      for number in [UInt64(1) << UInt64(shift), (1 << UInt64(shift)) - 1, .max >> UInt64(shift)] {
        buffer.removeAll()
        buffer.append(number)
        #expect(buffer.text == number.description)
      }
    }
  }

  @Test func timesHaveABaseWhereSeveralMayCome() throws {
    var batch = BatchSettings()
    batch.eventCount = 3
    var encoder = SenMLEncoder(
      device: "d", epoch: 3, channels: [ChannelSettings(name: "a", unit: "")], batch: batch)
    encoder.begin()
    for (index, time) in [1_500_000_000, 1_500_250_000, 500_000_000].enumerated() {
      let event = Event(
        kind: .value, channel: 0, time: Int64(time), sequence: UInt64(index), value: 1)
      let isIn = encoder.append(event, .absolute(offset: 1_764_000_000_000_000_000))
      #expect(isIn)
    }
    #expect(encoder.room == 0)
    encoder.finish()
    #expect(
      encoder.buffer.text
        == #"[{"bn":"d/","bt":1764000001,"n":"a","v":1.0,"t":0.5,"epoch":3,"seq":0,"rseq":0},"#
        + #"{"n":"a","v":1.0,"t":0.50025,"rseq":0},"#
        + #"{"n":"a","v":1.0,"t":-0.5,"rseq":0}]"#)
    let times = try decode(Array(encoder.buffer.text.utf8), receivedAt: 0).map { message in
      if case .record(let record) = message { record.time } else { 0.0 }
    }
    #expect(times == [1_764_000_001.5, 1_764_000_001.50025, 1_764_000_000.5])
    // Relative to the arrival there is no base.
    encoder.begin()
    let isIn = encoder.append(
      Event(kind: .value, channel: 0, time: 0, sequence: 0, value: 1), .relative(now: 1_000_000))
    #expect(isIn)
    encoder.finish()
    #expect(!encoder.buffer.text.contains("bt"))
  }
}
