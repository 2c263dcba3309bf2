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

  /// Codes `record` against `reference`, which is at least as large, and leaves a copy of it there.
  /// Returns the size. `output` has room for `byteCountMax`.
  @inline(__always)
  static func encode(_ record: Bytes, against reference: Bytes, to output: Bytes) -> Int {
    let wordCount = record.count / 8
    let codeCount = (wordCount + 1) / 2
    let tail = record.count - wordCount * 8
    precondition(record.count <= recordByteCountMax && reference.count >= record.count)
    // Each word is written as eight bytes, of which the next one overwrites what is too many: with
    // room for the longest codes none of them ends outside.
    precondition(output.count >= codeCount + record.count)
    if record.count == eventByteCount { return encodeEvent(record, reference, output) }
    var used = codeCount
    // Sixteen words at a time: their codes are a number of eight bytes.
    for first in stride(from: 0, to: wordCount, by: 16) {
      var codes: UInt64 = 0
      for index in first..<min(first + 16, wordCount) {
        encodeWord(index, record, reference, output, &codes, &used)
      }
      // Behind codes for fewer words their bytes lie already.
      let mask = UInt64.max &>> UInt64(64 - 8 * min(8, codeCount - first / 2))
      output.storeUnchecked(codes | (output.unchecked(at: first / 2) & ~mask), at: first / 2)
    }
    for index in 0..<tail {
      let byte = record[wordCount * 8 + index]
      output[used + index] = byte
      reference[wordCount * 8 + index] = byte
    }
    return used + tail
  }

  /// The size of nearly all records. Without a loop the processor learns which words of an event
  /// change, and how.
  private static var eventByteCount: Int { 64 }

  @inline(__always)
  private static func encodeEvent(_ record: Bytes, _ reference: Bytes, _ output: Bytes) -> Int {
    var used = 4
    var codes: UInt64 = 0
    encodeWord(0, record, reference, output, &codes, &used)
    encodeWord(1, record, reference, output, &codes, &used)
    encodeWord(2, record, reference, output, &codes, &used)
    encodeWord(3, record, reference, output, &codes, &used)
    encodeWord(4, record, reference, output, &codes, &used)
    encodeWord(5, record, reference, output, &codes, &used)
    encodeWord(6, record, reference, output, &codes, &used)
    encodeWord(7, record, reference, output, &codes, &used)
    output.store(UInt32(truncatingIfNeeded: codes), at: 0)
    return used
  }

  /// Puts the bytes of one word behind those of the others, and its code among theirs.
  @inline(__always)
  private static func encodeWord(
    _ index: Int, _ record: Bytes, _ reference: Bytes, _ output: Bytes, _ codes: inout UInt64,
    _ used: inout Int
  ) {
    let word = record.unchecked(at: index * 8)
    let before = reference.unchecked(at: index * 8)
    if word == before { return }
    let change = Change(from: before, to: word)
    reference.storeUnchecked(word, at: index * 8)
    codes |= change.code &<< UInt64(4 * (index % 16))
    output.storeUnchecked(change.bytes, at: used)
    used += change.byteCount
  }

  /// What a word that has changed is coded as.
  private struct Change {
    var code: UInt64
    var bytes: UInt64
    var byteCount: Int

    @inline(__always)
    init(from before: UInt64, to word: UInt64) {
      let difference = Int64(bitPattern: word &- before)
      let number = UInt64(bitPattern: (difference << 1) ^ (difference >> 63))
      let numberCount = UInt64(8 - number.leadingZeroBitCount / 8)
      let changed = word ^ before
      // A change of 8 bytes would be no gain: the number codes it too.
      let changedCount = UInt64(8 - changed.trailingZeroBitCount / 8)
      let isShorter = changedCount < numberCount
      bytes = isShorter ? changed &>> (64 &- 8 &* changedCount) : number
      code = isShorter ? 8 + changedCount : numberCount
      byteCount = Int(isShorter ? changedCount : numberCount)
    }
  }

  /// Undoes `encode`: `record` holds what it was coded against, and then the record. Returns the
  /// size of what it read; nil if the code is wrong or ends too early.
  @inline(__always)
  static func decode(_ input: Bytes, to record: Bytes) -> Int? {
    let wordCount = record.count / 8
    let codeCount = (wordCount + 1) / 2
    let tail = record.count - wordCount * 8
    // Where the longest codes lie inside, no word of eight bytes ends outside.
    if input.count >= codeCount + record.count {
      if record.count == eventByteCount { return decodeEvent(input, record) }
      var used = codeCount
      for first in stride(from: 0, to: wordCount, by: 16) {
        var codes = input.unchecked(at: first / 2)
        for index in first..<min(first + 16, wordCount) {
          decodeWord(index, input, record, &codes, &used)
        }
      }
      for index in 0..<tail { record[wordCount * 8 + index] = input[used + index] }
      return used + tail
    }
    guard codeCount <= input.count, record.count <= recordByteCountMax else { return nil }
    var used = codeCount
    for index in 0..<wordCount {
      let code = UInt64(input[index / 2] >> UInt8(index % 2 * 4)) & 15
      let count = Int(code > 8 ? code - 8 : code)
      guard used + count <= input.count else { return nil }
      var value: UInt64 = 0
      for place in 0..<count { value |= UInt64(input[used + place]) << UInt64(8 * place) }
      used += count
      record.store(changed(record.load(UInt64.self, at: index * 8), code, value), at: index * 8)
    }
    guard used + tail <= input.count else { return nil }
    record.copy(input.slice(used, tail), to: wordCount * 8)
    return used + tail
  }

  @inline(__always)
  private static func decodeEvent(_ input: Bytes, _ record: Bytes) -> Int {
    var used = 4
    var codes = UInt64(input.load(UInt32.self, at: 0))
    decodeWord(0, input, record, &codes, &used)
    decodeWord(1, input, record, &codes, &used)
    decodeWord(2, input, record, &codes, &used)
    decodeWord(3, input, record, &codes, &used)
    decodeWord(4, input, record, &codes, &used)
    decodeWord(5, input, record, &codes, &used)
    decodeWord(6, input, record, &codes, &used)
    decodeWord(7, input, record, &codes, &used)
    return used
  }

  /// Decodes one word by the lowest of the codes, which is taken away.
  @inline(__always)
  private static func decodeWord(
    _ index: Int, _ input: Bytes, _ record: Bytes, _ codes: inout UInt64, _ used: inout Int
  ) {
    let code = codes & 15
    codes >>= 4
    if code == 0 { return }
    let count = code > 8 ? code &- 8 : code
    let value = input.unchecked(at: used) & (UInt64.max &>> (64 &- 8 &* count))
    used += Int(count)
    record.storeUnchecked(changed(record.unchecked(at: index * 8), code, value), at: index * 8)
  }

  /// The word that `before` became, by the code and its bytes.
  @inline(__always)
  private static func changed(_ before: UInt64, _ code: UInt64, _ value: UInt64) -> UInt64 {
    if code > 8 { return before ^ (value &<< (64 &- 8 &* (code &- 8))) }
    return before &+ ((value &>> 1) ^ (0 &- (value & 1)))
  }
}

extension Bytes {
  /// Eight bytes, of which the caller knows that they lie inside.
  @inline(__always)
  fileprivate func unchecked(at offset: Int) -> UInt64 {
    assert(offset >= 0 && offset <= count - 8)
    // Safe: as the caller has seen; an integer has no invalid pattern.
    return unsafe UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// Stores eight bytes, of which the caller knows that they lie inside.
  @inline(__always)
  fileprivate func storeUnchecked(_ value: UInt64, at offset: Int) {
    assert(offset >= 0 && offset <= count - 8)
    // Safe: as the caller has seen.
    unsafe base.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt64.self)
  }
}
