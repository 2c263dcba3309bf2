// Invariants checked, of both stores:
// - whatever comes, in whatever order and however often, each identity is there once, with the
//   first content; and another content is a conflict;
// - a store that is opened again knows all of it, and one that was cut in a line loses that line
//   only;
// - a file that belongs to another receiver, or is none of ours, is refused.

import Drivers
import Foundation
import Seeds
import Testing

@testable import Desk

@Suite struct StoreTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  enum Kind: CaseIterable { case lines, sqlite }

  private func open(_ kind: Kind, _ name: String = "events") throws -> any EventStore {
    switch kind {
    case .lines: try LinesStore(path: folder.file(name + ".jsonl"))
    case .sqlite: try SQLiteStore(path: folder.file(name + ".db"))
    }
  }

  private func delivery(
    _ epoch: UInt64, _ sequence: UInt64, _ content: Content? = nil, isThinned: Bool = false
  ) -> Delivery {
    let record = Record(
      device: "p\"7", channel: "a,\"received\":b", unit: "Cel", time: 1_764_000_000, epoch: epoch,
      sequence: sequence, readingSequence: sequence, isThinned: isThinned,
      content: content ?? .value(Double(sequence) + 0.1))
    return Delivery(message: .record(record), topic: "weir/p/a", receivedAt: 1_764_000_001)
  }

  @Test(arguments: Kind.allCases) func eachIdentityOnceAndStillAfterOpeningAgain(kind: Kind) throws
  {
    let seed = testSeed("stores")
    var random = SeededRandom(seed: seed)
    var model: [UInt64: Set<UInt64>] = [:]
    var duplicateCount: UInt64 = 0
    for _ in 0..<4 {
      let store = try open(kind)
      for _ in 0..<20 {
        var batch: [Delivery] = []
        var expected = StoreTally()
        for _ in 0..<random.next() % 30 {
          let (epoch, sequence) = (random.next() % 3, random.next() % 300)
          batch.append(delivery(epoch, sequence))
          if model[epoch, default: []].insert(sequence).inserted {
            expected.newCount += 1
          } else {
            expected.duplicateCount += 1
          }
        }
        #expect(try store.commit(batch) == expected, "seed \(seed)")
        duplicateCount += expected.duplicateCount
      }
      let covered = try store.accounts().first?.covered ?? [:]
      #expect(covered.mapValues { Set($0.ranges.flatMap { Array($0) }) } == model, "seed \(seed)")
    }
    #expect(duplicateCount > 100)
  }

  @Test(arguments: Kind.allCases) func anotherContentIsAConflict(kind: Kind) throws {
    var store = try open(kind)
    _ = try store.commit([delivery(1, 5), delivery(1, 6), delivery(1, 5, isThinned: true)])
    for _ in 0..<2 {
      let tally = try store.commit([
        delivery(1, 5), delivery(1, 6, .value(7)), delivery(1, 5, .value(8), isThinned: true),
      ])
      #expect(tally.newCount == 0)
      #expect(tally.duplicateCount == 3)
      #expect(tally.conflictCount == 2)
      #expect(tally.conflicts.first?.contains("epoch 1 seq 6 came with another content") == true)
      // Once more with a store that was opened again, and must remember what they were.
      store = try reopen(kind, store)
    }
  }

  private func reopen(_ kind: Kind, _ old: consuming any EventStore) throws -> any EventStore {
    // The file is one receiver's alone: another copy of it is opened.
    guard kind == .lines else { return try open(kind) }
    let name = "again-\(UUID())"
    try FileManager.default.copyItem(
      atPath: folder.file("events.jsonl"), toPath: folder.file(name + ".jsonl"))
    return try open(kind, name)
  }

  @Test(arguments: Kind.allCases) func aTimeThatDiffersIsNone(kind: Kind) throws {
    let store = try open(kind)
    var first = delivery(1, 5)
    _ = try store.commit([first])
    guard case .record(var record) = first.message else { return }
    record.time += 3
    record.isHistorical = true
    record.isReplayed = true
    first.message = .record(record)
    let tally = try store.commit([first])
    #expect(tally.duplicateCount == 1)
    #expect(tally.conflictCount == 0)
  }

  @Test(arguments: Kind.allCases) func gapsAreKept(kind: Kind) throws {
    let gap = Content.gap(
      Gap(kind: .evicted, first: 3, count: 4, last: 9, firstEpoch: 1, lane: "telemetry"))
    do {
      let store = try open(kind)
      let tally = try store.commit([delivery(2, 9, gap), delivery(2, 9, gap), delivery(2, 9)])
      #expect(tally.gapCount == 1)
      #expect(tally.goneCount == 4)
      // It stands in the place of an event, and is none.
      #expect(tally.newCount == 1)
      #expect(tally.conflictCount == 0)
      let step = ReplayStep(
        device: "p\"7", before: nil, after: nil,
        lost: [
          KnownGap(
            kind: .lost, first: Place(epoch: 2, sequence: 20),
            last: Place(epoch: 2, sequence: 24), count: 5)
        ], ended: [1])
      #expect(try store.take(step))
    }
    let account = try #require(try open(kind).accounts().first)
    #expect(account.gaps.count == 2)
    #expect(account.ended == [1])
    #expect(account.lostCount == 5)
    #expect(account.covered[2]?.ranges == [9...9])
    #expect(
      account.gaps.first { $0.kind == .evicted }
        == KnownGap(
          kind: .evicted, lane: "telemetry", first: Place(epoch: 1, sequence: 3),
          last: Place(epoch: 2, sequence: 9), count: 4))
  }

  @Test(arguments: Kind.allCases) func onlyOneTakesAStep(kind: Kind) throws {
    let store = try open(kind)
    _ = try store.commit([delivery(1, 5)])
    let replay = Replay(epoch: 1, range: 2...3, isTail: false, askedAt: 7.25)
    let step = ReplayStep(device: "p\"7", before: nil, after: replay)
    #expect(try store.take(step))
    #expect(try !store.take(step))
    #expect(try store.accounts().first?.replay == replay)
    let answer = ReplayAnswer(
      id: replay.request(to: "p\"7").id, epoch: 1, first: 2, last: 3, sentCount: 2)
    _ = try store.commit([
      Delivery(message: .replayed(answer), topic: "weir/p/replayed", receivedAt: 9.5)
    ])
    #expect(try store.accounts().first?.replay?.answeredAt == 9.5)
  }

  @Test func twoConnectionsShareADatabase() throws {
    let (a, b) = (try open(.sqlite), try open(.sqlite))
    _ = try a.commit([delivery(1, 0), delivery(1, 2)])
    let tally = try b.commit([delivery(1, 1), delivery(1, 2)])
    #expect(tally.newCount == 1)
    #expect(tally.duplicateCount == 1)
    #expect(try a.accounts().first?.covered[1]?.ranges == [0...2])
    #expect(try a.accounts() == b.accounts())
  }

  @Test func aBrokenLastLineIsCutOff() throws {
    let path = folder.file("events.jsonl")
    do { _ = try LinesStore(path: path).commit([delivery(1, 0), delivery(1, 1)]) }
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    for count in [1, 30, 90] {
      try whole.dropLast(count).write(to: URL(fileURLWithPath: path))
      let store = try LinesStore(path: path)
      #expect(store.accounts().first?.covered[1]?.ranges == [0...0])
      #expect(store.cutByteCount > 0)
      #expect(try store.commit([delivery(1, 0), delivery(1, 1)]).newCount == 1)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole)
    }
  }

  @Test func whatIsNotOursIsRefused() throws {
    let path = try folder.write("hello\n", to: "other")
    #expect(refusal { _ = try LinesStore(path: path) }?.contains("other:1: not a line") == true)
    let long = try folder.write(String(repeating: "hello\n", count: 1000), to: "long")
    #expect(refusal { _ = try SQLiteStore(path: long) }?.contains("name another file") == true)
    #expect(
      refusal { _ = try LinesStore(path: folder.file("no/x")) }?.contains("make its folder") == true
    )
    #expect(
      refusal { _ = try SQLiteStore(path: folder.file("no/x")) }?.contains("cannot be opened")
        == true)
    let first = try LinesStore(path: folder.file("mine"))
    #expect(
      refusal { _ = try LinesStore(path: folder.file("mine")) }?.contains("another receiver")
        == true)
    _ = first.accounts()
  }

  private func refusal(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return (error as? StoreFailure)?.text }
  }
}
