// Invariants checked:
// - every text comes back as it was written, or cut between two characters with an ellipsis;
// - a reader sees every line once and in order, or counts it as lost, whatever its distance;
// - a reader beside a writer that never stops sees only whole lines;
// - a writer that dies after any of its stores leaves every line but the oldest readable, and its
//   successor goes on with the next number; the same with SIGKILL at random moments;
// - in a ring full of nonsense reading and writing end, and the next lines can be read.

import CTrace
import Glibc
import Linux
import Seeds
import Testing

@testable import Ring

@Suite(.serialized) struct LogRingTests {
  @Test func textsComeBack() throws {
    let (memory, ring) = makeLogRing()
    defer { withExtendedLifetime(memory) {} }
    var reader = LogReader(ring)
    let characters = ["a", "é", "€", "𝄞"]
    for count in 0..<300 {
      for character in characters {
        let text =
          String(repeating: "x", count: count % 7) + String(repeating: character, count: count)
        ring.write(text)
        let next = reader.next()
        let line = try #require(next)
        let bytes = text.utf8.count
        #expect(line.isCut == (bytes > LogRing.textByteCountMax))
        if line.isCut {
          #expect(line.text.hasSuffix("…") && text.hasPrefix(line.text.dropLast()))
          #expect(line.byteCount > LogRing.textByteCountMax - 4)
        } else {
          #expect(line.text == text && line.byteCount == bytes)
        }
      }
    }
    let end = reader.next()
    #expect(end?.text == nil && reader.lostCount == 0)
  }

  @Test func fieldsComeBack() throws {
    let (memory, ring) = makeLogRing()
    defer { withExtendedLifetime(memory) {} }
    let bytes = Array("on the brink".utf8)
    ring.append(
      level: 3, time: -5, generation: .max, suppressedCount: .max, text: bytes.span)
    var reader = LogReader(ring)
    let next = reader.next()
    let line = try #require(next)
    #expect(line.number == 0 && line.time == -5 && line.generation == .max && line.level == 3)
    #expect(line.suppressedCount == .max && !line.isCut && line.text == "on the brink")
    ring.count(suppressed: 3, consoleDropped: 4)
    ring.count(suppressed: 1, consoleDropped: 0)
    #expect(ring.suppressedCount == 4 && ring.consoleDroppedCount == 4 && ring.lineCount == 1)
  }

  @Test func whatWasOverwrittenIsCounted() throws {
    for total in [0, 1, 63, 64, 65, 128, 1000] as [UInt64] {
      let (memory, ring) = makeLogRing()
      defer { withExtendedLifetime(memory) {} }
      for number in 0..<total { ring.write("line \(number)") }
      var reader = LogReader(ring)
      var expected = total > 64 ? total - 64 : 0
      while let line = reader.next() {
        #expect(line.number == expected && line.text == "line \(expected)")
        expected += 1
      }
      #expect(expected == total && reader.lostCount == (total > 64 ? total - 64 : 0))
      var last = LogReader(ring, last: 3)
      let number = last.next()?.number
      #expect(number == (total > 0 ? max(3, total) - 3 : nil))
    }
  }

  @Test func cursorsStandWhereTheyWerePut() {
    let memory = Memory(byteCount: LogCursors.byteCount(count: 17))
    let cursors = LogCursors.format(memory.block(), count: 17)
    for index in 0..<17 { cursors[index] = UInt64(index) << 40 }
    let again = LogCursors(memory.block(), count: 17)
    for index in 0..<17 { #expect(again[index] == UInt64(index) << 40) }
  }

  @Test func whatIsNoRingIsRefused() {
    let memory = Memory(byteCount: LogRing.byteCount)
    #expect(throws: LogRingError.foreign(magic: 0)) { try LogRing(attaching: memory.block()) }
    _ = LogRing.format(memory.block())
    #expect(throws: Never.self) { try LogRing(attaching: memory.block()) }
    #expect(throws: LogRingError.tooSmall(neededByteCount: 16_640, byteCount: 16_512)) {
      try LogRing(attaching: memory.block(byteCount: LogRing.byteCount - 128))
    }
    memory.set(UInt32(2), at: 8)
    #expect(throws: LogRingError.unknownVersion(2)) { try LogRing(attaching: memory.block()) }
    memory.set(UInt32(1), at: 8)
    memory.set(UInt64(65), at: 16)
    #expect(throws: LogRingError.shape(recordByteCount: 256, capacity: 65)) {
      try LogRing(attaching: memory.block())
    }
  }

  @Test func nonsenseEnds() throws {
    let seed = testSeed("nonsense")
    var random = SeededRandom(seed: seed)
    for _ in 0..<200 {
      let (memory, ring) = makeLogRing()
      defer { withExtendedLifetime(memory) {} }
      for offset in stride(from: lineByteCount, to: LogRing.byteCount, by: 8) {
        // Small numbers too, which look more like what should be there.
        let word = random.next() >> (random.next() % 64)
        if random.next() % 2 == 0 { memory.set(word, at: offset) }
      }
      var reader = LogReader(ring, at: random.next() >> (random.next() % 64))
      for _ in 0..<1000 {
        guard let line = reader.next() else { break }
        #expect(line.byteCount <= LogRing.textByteCountMax)
        _ = line.text
      }
      ring.write("after all")
      var last = LogReader(ring, last: 1)
      let text = last.next()?.text
      #expect(text == "after all")
    }
  }

  @Test(.disabled(if: isThreadSanitized)) func aReaderBesideAWriterSeesWholeLines() {
    let (memory, ring) = makeLogRing()
    defer { withExtendedLifetime(memory) {} }
    let total: UInt64 = 50_000
    let writer = TestThread { for number in 0..<total { ring.writePattern(number) } }
    var reader = LogReader(ring)
    var seen: UInt64 = 0
    var last: UInt64?
    let deadline = Clock.monotonic() + 60_000_000_000
    while seen + reader.lostCount < total, Clock.monotonic() < deadline {
      guard let line = reader.next() else { continue }
      #expect(line.isPattern)
      #expect(last.map { line.number > $0 } ?? true)
      last = line.number
      seen += 1
    }
    writer.join()
    #expect(seen + reader.lostCount == total && last == total - 1)
    print("\(seen) of \(total) lines seen, \(reader.lostCount) counted as overwritten")
  }
}

/// The deaths.
@Suite(.serialized, .disabled(if: isThreadSanitized)) struct LogRingDeathTests {
  /// What others, and the successor, make of a ring whose writer just died; `whole` lines were
  /// written before its life.
  private func check(_ ring: LogRing, before whole: UInt64) {
    var reader = LogReader(ring)
    var first: UInt64?
    var last: UInt64?
    while let line = reader.next() {
      #expect(line.isPattern && last.map { line.number == $0 + 1 } ?? true)
      first = first ?? line.number
      last = line.number
    }
    let end = last.map { $0 + 1 } ?? 0
    #expect(end >= whole)
    // The line that was being written stands where the oldest one was.
    #expect((first ?? 0) <= (end > 63 ? end - 63 : 0))
    ring.writePattern(end)
    let next = reader.next()
    #expect(next?.number == end && next?.isPattern == true)
  }

  @Test(arguments: [0, 1, 63, 64, 100] as [UInt64]) func deadAfterAnyStore(before: UInt64) throws {
    let capacity: UInt64 = 1000
    let logByteCount = trace_log_size(capacity, LogRing.byteCount)
    guard let shared = unsafe trace_map(LogRing.byteCount),
      let memory = unsafe trace_map(logByteCount)
    else {
      Issue.record("no memory")
      return
    }
    defer {
      unsafe trace_unmap(shared, LogRing.byteCount)
      unsafe trace_unmap(memory, logByteCount)
    }
    // Safe: both are as large as is said, and live until the end of this function.
    let ring = LogRing.format(unsafe ArenaBlock(base: shared, byteCount: LogRing.byteCount))
    let log = unsafe memory.bindMemory(to: trace_log.self, capacity: 1)
    unsafe log.pointee = trace_log(count: 0, capacity: capacity, size: UInt64(LogRing.byteCount))
    for number in 0..<before { ring.writePattern(number) }
    let child = trace_fork()
    if child == 0 {
      guard unsafe trace_begin(shared, log) == 0 else { trace_exit(1) }
      for number in before..<before + 3 { ring.writePattern(number) }
      trace_end()
      trace_exit(0)
    }
    #expect(unsafe trace_collect(child, shared, log) == 0)
    let count = unsafe log.pointee.count
    for index in 0..<count {
      let copy = Memory(byteCount: LogRing.byteCount)
      // Safe: the copy has as many bytes.
      unsafe memcpy(copy.base, trace_copy(log, index), LogRing.byteCount)
      check(try LogRing(attaching: copy.block()), before: before)
    }
    // A line changes its mark twice, the number of lines, and most words of a record.
    #expect(count > 3 * 10)
    print("\(count) different rings")
  }

  @Test func killedAtRandomMoments() {
    let seed = testSeed("killed writers")
    var random = SeededRandom(seed: seed)
    // Not a mapping with an owner: in the child, which never ends, it would be given back at once.
    guard let shared = unsafe trace_map(LogRing.byteCount) else {
      Issue.record("no memory")
      return
    }
    defer { unsafe trace_unmap(shared, LogRing.byteCount) }
    // Safe: as large as is said, and there until the end of this function.
    let ring = LogRing.format(unsafe ArenaBlock(base: shared, byteCount: LogRing.byteCount))
    // All that the child will call is called here first: what the runtime looks up, it has then.
    for _ in 0..<2 { ring.writePattern(ring.nextNumber) }
    var reader = LogReader(ring)
    var seen: UInt64 = 0
    for _ in 0..<300 {
      let child = trace_fork()
      if child == 0 { while true { ring.writePattern(ring.nextNumber) } }
      let pause = Clock.monotonic() + Int64(random.next() % 300_000)
      while Clock.monotonic() < pause {
        guard let line = reader.next() else { continue }
        #expect(line.isPattern)
        seen += 1
      }
      #expect(trace_kill_after(child, 0) == 1)
      // The successor's number is one that no reader has seen.
      let next = ring.nextNumber
      while let line = reader.next() {
        #expect(line.isPattern && line.number < next)
        seen += 1
      }
      #expect(seen + reader.lostCount == next)
    }
    print("\(seen) lines seen, \(reader.lostCount) overwritten, 300 writers killed")
  }
}

private func makeLogRing() -> (memory: Memory, ring: LogRing) {
  let memory = Memory(byteCount: LogRing.byteCount)
  return (memory, LogRing.format(memory.block()))
}

extension LogRing {
  fileprivate func write(_ text: String) {
    append(level: 1, time: 0, generation: 1, suppressedCount: 0, text: Array(text.utf8).span)
  }

  /// A line in which every field and every byte says which line it is. Allocates nothing: children
  /// of a process with threads call it.
  fileprivate func writePattern(_ number: UInt64) {
    let bytes = InlineArray<224, UInt8>(repeating: UInt8(truncatingIfNeeded: number))
    append(
      level: UInt8(truncatingIfNeeded: number), time: Int64(bitPattern: number),
      generation: UInt32(truncatingIfNeeded: number), suppressedCount: number,
      text: bytes.span.extracting(first: 100 + Int(number % 100)))
  }

  /// The number that `append` will use.
  fileprivate var nextNumber: UInt64 {
    if case .line = content(ofLine: lineCount) { lineCount + 1 } else { lineCount }
  }
}

extension LogLine {
  fileprivate var text: String {
    var bytes: [UInt8] = []
    for index in 0..<byteCount { bytes.append(byte(index)) }
    return String(decoding: bytes, as: UTF8.self)
  }

  fileprivate var isPattern: Bool {
    guard level == UInt8(truncatingIfNeeded: number), time == Int64(bitPattern: number),
      generation == UInt32(truncatingIfNeeded: number), suppressedCount == number,
      byteCount == 100 + Int(number % 100)
    else { return false }
    for index in 0..<byteCount where byte(index) != UInt8(truncatingIfNeeded: number) {
      return false
    }
    return true
  }
}
