// Invariants checked, on real files:
// - what was committed is read again, in order, each once, with its bytes;
// - nothing counts as durable before the commit that covers it has returned;
// - each start begins a larger epoch; within an epoch an event is taken once;
// - a lane that is full does what its policy says, and what it gave up is a gap of exactly that
//   range;
// - telemetry never evicts an alarm;
// - windows stand for all readings that thinning gave up;
// - what was acknowledged is not read again, and its room is used again, also in a lane that is
//   full to the last block, with power cuts in between;
// - a reader sees what was written since it was opened, also round after round of its lane.

import Foundation
import Journal
import JournalFile
import Ring
import Seeds
import Testing

@Suite struct JournalTests {
  @Test(arguments: [false, true])
  func whatWasCommittedIsReadAgain(isDelta: Bool) throws {
    var random = SeededRandom(seed: testSeed("journal, delta \(isDelta)"))
    let folder = try JournalFolder()
    var settings = JournalSettings()
    settings.isDelta = isDelta
    var expected: [[Item]] = [[], []]
    var sequence: UInt64 = 0
    for epoch in UInt64(1)...4 {
      var journal = try folder.open(settings)
      same(journal.epoch, epoch)
      sequence = 0
      for _ in 0..<40 {
        let lane = Lane(rawValue: UInt8.random(in: 0...1, using: &random)) ?? .alarms
        let bytes = (0..<Int.random(in: 1...64, using: &random)).map { _ in
          UInt8.random(in: 0 ... .max, using: &random)
        }
        try journal.put(bytes, sequence: sequence, lane: lane)
        expected[Int(lane.rawValue)].append(
          .event(epoch: epoch, sequence: sequence, bytes: bytes))
        sequence += UInt64.random(in: 1...2, using: &random)
        if Int.random(in: 0..<3, using: &random) == 0 { try journal.commit() }
      }
      try journal.commit()
      holds(!journal.isDirty)
    }
    #expect(try folder.items(.alarms) == expected[0])
    #expect(try folder.items(.telemetry) == expected[1])
  }

  @Test func nothingIsDurableBeforeTheCommit() throws {
    let folder = try JournalFolder()
    var journal = try folder.open()
    try journal.put([1, 2, 3], sequence: 7)
    same(journal.durable(.telemetry), Mark())
    same(journal.end(.telemetry), Mark(ordinal: 1, epoch: 1, sequence: 7))
    #expect(try folder.items(.telemetry) == [])
    try journal.commit()
    same(journal.durable(.telemetry), Mark(ordinal: 1, epoch: 1, sequence: 7))
    #expect(try folder.items(.telemetry) == [.event(epoch: 1, sequence: 7, bytes: [1, 2, 3])])
  }

  @Test func aCommitIsDueBySizeAndTimeAndAtOnceForAlarms() throws {
    let folder = try JournalFolder()
    var settings = JournalSettings()
    settings.commit.blockCount = 2
    var journal = try folder.open(settings)
    holds(!journal.isCommitDue(now: .max, since: 0))
    try journal.put(valueBytes(0), sequence: 0)
    holds(!journal.isCommitDue(now: settings.commit.delay - 1, since: 0))
    holds(journal.isCommitDue(now: settings.commit.delay, since: 0))
    for sequence in UInt64(1)...30 { try journal.put(valueBytes(sequence), sequence: sequence) }
    holds(journal.isCommitDue(now: 0, since: 0))
    try journal.commit()
    try journal.put(valueBytes(31), sequence: 31, lane: .alarms)
    holds(journal.isCommitDue(now: 0, since: 0))
  }

  @Test func epochsOnlyGrow() throws {
    let folder = try JournalFolder()
    try same(folder.open().epoch, 1)
    try same(folder.open().epoch, 2)
    try same(folder.open(epoch: .next(atLeast: 100)).epoch, 100)
    try same(folder.open(epoch: .next(atLeast: 5)).epoch, 101)
    try same(folder.open(epoch: .same(101)).epoch, 101)
    #expect(throws: JournalOpenError.epoch) { _ = try folder.open(epoch: .same(100)) }
    #expect(throws: JournalOpenError.epoch) { _ = try folder.open(epoch: .same(0)) }
  }

  @Test func anEventOfAnEpochIsTakenOnce() throws {
    let folder = try JournalFolder()
    do {
      var journal = try folder.open()
      for sequence in UInt64(0)..<5 { try journal.put([9], sequence: sequence) }
      try journal.commit()
      // Appended, and lost with the process.
      try journal.put([9], sequence: 5)
    }
    var journal = try folder.open(epoch: .same(1))
    let memory = Memory([9])
    for sequence in UInt64(0)..<5 {
      same(journal.append(memory.bytes, sequence: sequence, lane: .telemetry), .known)
    }
    try journal.put([9], sequence: 5)
    try journal.commit()
    let sequences = try folder.items(.telemetry).map { item in
      if case .event(1, let sequence, [9]) = item { sequence } else { UInt64.max }
    }
    #expect(sequences == [0, 1, 2, 3, 4, 5])
  }

  @Test func aLaneThatDropsTheOldestSaysWhich() throws {
    let folder = try JournalFolder()
    var journal = try folder.open()
    for sequence in UInt64(0)..<20 {
      try journal.put(valueBytes(sequence), sequence: sequence, lane: .alarms)
    }
    for sequence in UInt64(20)..<2000 { try journal.put(valueBytes(sequence), sequence: sequence) }
    // A commit gives up the segment after the next one, which the commit after it makes durable.
    for _ in 0..<2 { try journal.commit() }
    holds(journal.counts.evicted > 1000)
    let items = try folder.items(.telemetry)
    guard case .gap(let gap)? = items.first else {
      Issue.record("no gap, but \(String(describing: items.first))")
      return
    }
    #expect(gap.reason == .evicted && gap.after == Mark())
    same(gap.count, journal.counts.evicted)
    same(gap.through.sequence, 19 + gap.count)
    same(gap.through, journal.evicted(.telemetry))
    let expected = (gap.through.sequence + 1..<2000).map {
      Item.event(epoch: 1, sequence: $0, bytes: valueBytes($0))
    }
    #expect(Array(items.dropFirst()) == expected)
    // More than half of the lane's room is in use.
    #expect(expected.count * Event.recordByteCount > 6 * 8 * 1024 / 2)
    #expect(try folder.items(.alarms).count == 20)
  }

  @Test func aLaneThatStopsAcceptingLosesNothing() throws {
    let folder = try JournalFolder()
    var settings = JournalSettings()
    settings.telemetryRetention = .stopAccepting
    let taken = try fill(folder, settings)
    #expect(taken > 300 && taken < 1000)
    var journal = try folder.open(settings)
    let memory = Memory(valueBytes(0))
    same(journal.append(memory.bytes, sequence: taken, lane: .telemetry), .laneFull)
    #expect(try folder.items(.telemetry).count == Int(taken))

    // The receiver takes half of it: there is room again.
    journal.acknowledge(
      Mark(ordinal: taken / 2, epoch: 1, sequence: taken / 2 - 1), lane: .telemetry)
    try journal.commit()
    same(journal.append(memory.bytes, sequence: taken, lane: .telemetry), .pending)
    try journal.commit()
    #expect(try folder.items(.telemetry).count == Int(taken - taken / 2 + 1))
    same(journal.counts.evicted, 0)
  }

  /// Power fails in each commit of how far the receiver is, so that none of them reaches its block.
  /// When no block is left but those of events that he has, they must not be missing afterwards.
  @Test func aFullLaneCutInEachCommitTellsNoGap() throws {
    let folder = try JournalFolder()
    var settings = JournalSettings()
    settings.telemetryRetention = .stopAccepting
    let taken = try fill(folder, settings)
    var known: UInt64 = 0
    for _ in 0..<40 where known < taken {
      var journal = try folder.open(settings)
      let before = try Data(contentsOf: URL(fileURLWithPath: folder.path))
      known += 10
      journal.acknowledge(
        Mark(ordinal: known, epoch: 1, sequence: known - 1), lane: .telemetry)
      // Without a place for it nothing is written, until he has all of the oldest segment.
      do { try journal.commit() } catch { #expect(error == .full(.telemetry)) }
      var image = try Data(contentsOf: URL(fileURLWithPath: folder.path))
      let size = folder.geometry.blockByteCount
      for block in stride(from: Int(Geometry.dataOffset), to: image.count, by: size)
      where image[block..<block + size] != before[block..<block + size] {
        image[block + size - 1] ^= 1
      }
      try image.write(to: URL(fileURLWithPath: folder.path))
      let items = try folder.items(.telemetry)
      #expect(!items.contains { if case .gap = $0 { true } else { false } }, "\(known)")
      #expect(items.count <= Int(taken) && items.count >= Int(taken - known))
    }
    #expect(try folder.items(.telemetry).count < Int(taken))
  }

  /// Appends until the lane takes no more; returns how many events that were.
  private func fill(_ folder: JournalFolder, _ settings: JournalSettings) throws -> UInt64 {
    var journal = try folder.open(settings)
    let memory = Memory(valueBytes(0))
    var taken: UInt64 = 0
    // 48 blocks of 13 records each are fewer.
    filling: for _ in 0..<1000 {
      switch journal.append(memory.bytes, sequence: taken, lane: .telemetry) {
      case .pending: taken += 1
      case .commitFirst: try journal.commit()
      case .laneFull: break filling
      case .known: Issue.record("known")
      }
    }
    try journal.commit()
    return taken
  }

  @Test func windowsStandForWhatWasThinned() throws {
    let folder = try JournalFolder()
    var settings = JournalSettings()
    settings.telemetryRetention = .thin
    var journal = try folder.open(settings)
    for sequence in UInt64(0)..<3000 {
      try journal.put(valueBytes(sequence, channel: UInt16(sequence % 3)), sequence: sequence)
      if sequence % 20 == 0 { try journal.commit() }
    }
    try journal.commit()
    holds(journal.counts.thinned > 10)
    var readings = [UInt64](repeating: 0, count: 3)
    for item in try folder.items(.telemetry) {
      switch item {
      case .gap(let gap): #expect(gap.reason == .evicted)
      case .window(let count, let channel): readings[Int(channel)] += UInt64(count)
      case .event(_, let sequence, _): readings[Int(sequence % 3)] += 1
      }
    }
    #expect(readings == [1000, 1000, 1000])
  }

  @Test func whatWasAcknowledgedIsNotReadAgain() throws {
    let folder = try JournalFolder()
    var journal = try folder.open()
    for sequence in UInt64(0)..<10 { try journal.put([1], sequence: sequence) }
    // Not durable yet: that can't have been sent.
    journal.acknowledge(Mark(ordinal: 3, epoch: 1, sequence: 2), lane: .telemetry)
    same(journal.acknowledged(.telemetry), Mark())
    try journal.commit()
    journal.acknowledge(Mark(ordinal: 3, epoch: 1, sequence: 2), lane: .telemetry)
    // Not durable yet: a crash would send again.
    #expect(try folder.items(.telemetry).count == 10)
    try journal.commit()
    #expect(try folder.items(.telemetry).count == 7)
    journal.acknowledge(Mark(ordinal: 2, epoch: 1, sequence: 1), lane: .telemetry)
    holds(!journal.isDirty)
    #expect(try folder.items(.telemetry).first == .event(epoch: 1, sequence: 3, bytes: [1]))
  }

  @Test func aReaderSeesWhatIsWrittenLater() throws {
    let folder = try JournalFolder()
    var journal = try folder.open()
    var reader = try folder.reader(.telemetry)
    var sequences: [UInt64] = []
    var sequence: UInt64 = 0
    for round in 0..<40 {
      for _ in 0..<(1 + round) {
        try journal.put(valueBytes(sequence), sequence: sequence)
        sequence += 1
      }
      try journal.commit()
      reader.refresh()
      for item in rest(of: &reader) {
        guard case .event(1, let sequence, _) = item else {
          Issue.record("\(item)")
          continue
        }
        sequences.append(sequence)
      }
      same(reader.place, journal.durable(.telemetry))
    }
    #expect(sequences == Array(0..<sequence))
  }

  /// As the uplink reads: behind the writer, round after round of the lane, and looking no further
  /// than to what is durable.
  @Test func aReaderThatFollowsMissesNothing() throws {
    var random = SeededRandom(seed: testSeed("a reader that follows"))
    let folder = try JournalFolder()
    var journal = try folder.open()
    var reader = try folder.reader(.telemetry)
    var written: UInt64 = 0
    var read: UInt64 = 0
    for round in 0..<1000 {
      // Small commits write the last blocks of a segment again and again.
      for _ in 0..<Int.random(in: 1...(round % 4 == 0 ? 150 : 6), using: &random) {
        try journal.put(valueBytes(written), sequence: written)
        written += 1
      }
      try journal.commit()
      let end = journal.durable(.telemetry).ordinal
      // Never so far behind that events had to make room.
      let goal = UInt64.random(in: max(read, end - min(end, 100))...end, using: &random)
      while read < goal {
        var item = reader.next(before: end)
        if case .end = item {
          reader.refresh(upTo: end)
          item = reader.next(before: end)
        }
        guard case .record(let found) = item, found.after.sequence == read else {
          Issue.record("\(item) in place of \(read), of \(end)")
          return
        }
        read += 1
      }
      journal.acknowledge(reader.place, lane: .telemetry)
    }
    same(journal.counts.evicted, 0)
    #expect(written > 10_000)
  }

  @Test func tooLittleMemoryIsSaid() throws {
    let folder = try JournalFolder()
    try same(folder.open().epoch, 1)
    let needed = Journal<FileStorage>.memoryByteCount(folder.geometry)
    let memory = Memory(byteCount: needed - 1)
    #expect(throws: JournalOpenError.memory(neededByteCount: needed)) {
      _ = try Journal(
        try JournalFile.open(folder.path, geometry: folder.geometry).take(),
        memory: memory.bytes, settings: JournalSettings(), epoch: .next(atLeast: 0))
    }
  }
}
