// Invariants checked:
// - a committer that dies before its commit leaves nothing, one that dies after it everything;
// - after any sequence of changes, commits and deaths the state is the model's, byte for byte;
// - a position that was committed is mirrored by the next committer;
// - attaching refuses everything that is not a commit cell, with its reason.

import Seeds
import Testing

@testable import Ring

@Suite struct CommitTests {
  @Test func deathBeforeAndAfterTheCommit() throws {
    let cellSize = CommitCell.byteCount(positionCount: 2, stateByteCount: 16)
    let memory = Memory(byteCount: cellSize)
    let cell = CommitCell.format(memory.block(), positionCount: 2, stateByteCount: 16)
    let (inputMemory, input) = makeRing(of: UInt64.self, capacity: 4)
    let (outputMemory, output) = makeRing(of: UInt64.self, capacity: 4)
    var source = Producer(input)
    var sink = Consumer(output)
    source.append(10)
    source.append(11)
    do {
      var committer = Committer(cell)
      var consumer = committer.consumer(of: input, position: 0)
      var producer = committer.producer(of: output, position: 1)
      let next = consumer.next()
      let element = try #require(next)
      committer.store(committer.load(UInt64.self, at: 8) + element, at: 8)
      #expect(producer.stage(element) == true)
      committer.setPosition(0, to: consumer.position)
      committer.setPosition(1, to: producer.stagedHead)
      // Dies here.
    }
    #expect(sink.next() == nil && input.tail.load() == 0)
    do {
      var committer = Committer(cell)
      #expect(committer.load(UInt64.self, at: 8) == 0 && committer.position(0) == 0)
      var consumer = committer.consumer(of: input, position: 0)
      var producer = committer.producer(of: output, position: 1)
      for _ in 0..<2 {
        let next = consumer.next()
        let element = try #require(next)
        committer.store(committer.load(UInt64.self, at: 8) + element, at: 8)
        #expect(producer.stage(element) == true)
        committer.setPosition(0, to: consumer.position)
        committer.setPosition(1, to: producer.stagedHead)
        committer.commit()
      }
    }
    #expect(sink.next() == 10 && sink.next() == 11 && sink.next() == nil)
    #expect(input.tail.load() == 2 && cell.commitCount == 2)
    #expect(Committer(cell).load(UInt64.self, at: 8) == 21)
    #expect(cell.committerCount == 3)
    withExtendedLifetime((memory, inputMemory, outputMemory)) {}
  }

  @Test func mirrorsWhatADeadCommitterDidNot() throws {
    let memory = Memory(byteCount: CommitCell.byteCount(positionCount: 1, stateByteCount: 0))
    let cell = CommitCell.format(memory.block(), positionCount: 1, stateByteCount: 0)
    let (ringMemory, ring) = makeRing(of: UInt64.self, capacity: 4)
    do {
      var committer = Committer(cell)
      var producer = committer.producer(of: ring, position: 0)
      #expect(producer.stage(5) == true)
      committer.setPosition(0, to: 1)
      committer.commit()
    }
    // As if it had died between the commit and the mirroring.
    ring.head.store(0)
    var committer = Committer(cell)
    let producer = committer.producer(of: ring, position: 0)
    #expect(producer.stagedHead == 1)
    var consumer = Consumer(ring)
    #expect(consumer.pop() == 5)
    withExtendedLifetime((memory, ringMemory)) {}
  }

  @Test(arguments: [1, 64, 128, 1000, 20_000]) func stateIsTheModels(stateByteCount: Int) {
    var random = SeededRandom(seed: testSeed("stateIsTheModels(\(stateByteCount))"))
    let memory = Memory(
      byteCount: CommitCell.byteCount(positionCount: 1, stateByteCount: stateByteCount))
    let cell = CommitCell.format(
      memory.block(), positionCount: 1, stateByteCount: stateByteCount)
    let (ringMemory, ring) = makeRing(of: UInt64.self, capacity: 256)
    var committed = [UInt8](repeating: 0, count: stateByteCount)
    var position: UInt64 = 0
    for _ in 0..<20 {
      var committer = Committer(cell)
      _ = committer.producer(of: ring, position: 0)
      for _ in 0..<Int.random(in: 0..<10, using: &random) {
        var working = committed
        for _ in 0..<Int.random(in: 0..<6, using: &random) {
          let offset = Int.random(in: 0...stateByteCount, using: &random)
          let limit = min(stateByteCount - offset, Bool.random(using: &random) ? 8 : 9000)
          let count = Int.random(in: 0...limit, using: &random)
          let bytes = unsafe committer.changing(offset, byteCount: count)
          for index in 0..<count {
            let value = UInt8.random(in: 0...255, using: &random)
            unsafe bytes.storeBytes(of: value, toByteOffset: index, as: UInt8.self)
            working[offset + index] = value
          }
        }
        committer.setPosition(0, to: committer.position(0) + 1)
        // One in four dies before the commit.
        if Int.random(in: 0..<4, using: &random) == 0 { break }
        committer.commit()
        committed = working
        position += 1
        #expect(committer.position(0) == position && ring.head.load() == position)
        let isSame = same(committer, committed)
        #expect(isSame)
      }
      let successor = Committer(cell)
      #expect(successor.position(0) == position)
      let isSame = same(successor, committed)
      #expect(isSame)
    }
    withExtendedLifetime((memory, ringMemory)) {}
  }

  func same(_ committer: borrowing Committer, _ expected: [UInt8]) -> Bool {
    let state = unsafe committer.state
    return expected.indices.allSatisfy {
      unsafe state.load(fromByteOffset: $0, as: UInt8.self) == expected[$0]
    }
  }

  @Test func attachingRefusesWhatIsNotTheCell() {
    let byteCount = CommitCell.byteCount(positionCount: 3, stateByteCount: 100)
    func attempt(
      byteCount attached: Int? = nil, offset: Int = 0, _ damage: (Memory) -> Void
    ) -> CommitCellError? {
      let memory = Memory(byteCount: byteCount + 128)
      _ = CommitCell.format(memory.block(), positionCount: 3, stateByteCount: 100)
      damage(memory)
      do throws(CommitCellError) {
        _ = try CommitCell(
          attaching: memory.block(offset: offset, byteCount: attached ?? byteCount))
        return nil
      } catch { return error }
    }
    #expect(attempt { _ in } == nil)
    #expect(attempt(byteCount: 255) { _ in } == .tooSmall(neededByteCount: 256, byteCount: 255))
    #expect(
      attempt(byteCount: byteCount - 1) { _ in }
        == .tooSmall(neededByteCount: UInt64(byteCount), byteCount: UInt64(byteCount) - 1))
    #expect(attempt(offset: 8) { _ in } == .misaligned)
    #expect(attempt { $0.set(UInt64(5), at: 0) } == .foreign(magic: 5))
    #expect(attempt { $0.set(UInt32(2), at: 8) } == .unknownVersion(2))
    #expect(attempt { $0.set(UInt32(33), at: 12) } == .positionCount(33))
    #expect(attempt { $0.set(UInt64.max, at: 16) } == .stateByteCount(.max))
  }

  @Test func misuseTraps() async {
    await #expect(processExitsWith: .failure) {
      let memory = Memory(byteCount: CommitCell.byteCount(positionCount: 1, stateByteCount: 0))
      var committer = Committer(
        CommitCell.format(memory.block(), positionCount: 1, stateByteCount: 0))
      committer.commit()  // position 0 has no ring
    }
    await #expect(processExitsWith: .failure) {
      let memory = Memory(byteCount: CommitCell.byteCount(positionCount: 1, stateByteCount: 0))
      var committer = Committer(
        CommitCell.format(memory.block(), positionCount: 1, stateByteCount: 0))
      committer.setPosition(0, to: 2)
      committer.setPosition(0, to: 1)
    }
    await #expect(processExitsWith: .failure) {
      let memory = Memory(byteCount: CommitCell.byteCount(positionCount: 0, stateByteCount: 8))
      let committer = Committer(
        CommitCell.format(memory.block(), positionCount: 0, stateByteCount: 8))
      _ = committer.load(UInt64.self, at: 1)
    }
  }
}
