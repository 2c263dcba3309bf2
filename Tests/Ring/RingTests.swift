// Invariants checked:
// - what comes out of a ring is what went in, in order, whatever the positions modulo the capacity;
// - all of the capacity can be used, and not one element more; every call site says so;
// - staged elements are invisible until they are published, and gone if they never are;
// - what was read and not released is read again by the next consumer;
// - attaching refuses everything that is not a ring of these elements, with its reason.

import Seeds
import Testing

@testable import Ring

@Suite struct RingTests {
  @Test(arguments: [1, 2, 4, 8]) func fillsAndEmptiesFromEveryPosition(capacity: Int) {
    let (memory, ring) = makeRing(of: UInt64.self, capacity: capacity)
    var producer = Producer(ring)
    var consumer = Consumer(ring)
    var sent: UInt64 = 0
    var received: UInt64 = 0
    for start in 0..<(2 * capacity) {
      #expect(ring.head.load() == UInt64(start + start * capacity))
      for _ in 0..<capacity {
        #expect(producer.push(sent) == true)
        sent += 1
      }
      #expect(producer.push(99) == false, "full")
      #expect(producer.stage(99) == false, "full")
      #expect(producer.freeCount() == 0)
      #expect(ring.count == UInt64(capacity))
      for _ in 0..<capacity {
        #expect(consumer.pop() == received)
        received += 1
      }
      #expect(consumer.pop() == nil)
      #expect(consumer.next() == nil)
      #expect(consumer.isEmpty() == true)
      // One further, so that the next turn starts at another index.
      producer.append(sent)
      #expect(consumer.removeFirst() == sent)
      sent += 1
      received += 1
    }
    withExtendedLifetime(memory) {}
  }

  @Test func batchesOfEverySizeFromEveryPosition() {
    let capacity = 8
    for start in 0..<capacity {
      for count in 0...(capacity + 2) {
        for room in 0...(capacity + 2) {
          let (memory, ring) = makeRing(of: UInt32.self, capacity: capacity)
          var producer = Producer(ring)
          var consumer = Consumer(ring)
          for _ in 0..<start {
            producer.append(7)
            #expect(consumer.removeFirst() == 7)
          }
          let source = (0..<UInt32(count)).map { $0 + 100 }
          let written = producer.write(source.span)
          #expect(written == min(count, capacity))
          var destination = [UInt32](repeating: 0, count: room)
          var span = destination.mutableSpan
          let read = consumer.read(into: &span)
          #expect(read == min(written, room))
          #expect(destination == Array(source[..<read]) + Array(repeating: 0, count: room - read))
          #expect(ring.count == UInt64(written - read))
          withExtendedLifetime(memory) {}
        }
      }
    }
  }

  @Test func stagedElementsShowWhenPublished() {
    let (memory, ring) = makeRing(of: UInt64.self, capacity: 4)
    var producer = Producer(ring)
    var consumer = Consumer(ring)
    #expect(producer.stage(1) == true)
    #expect(producer.stage(2) == true)
    #expect(producer.stagedHead == 2)
    #expect(consumer.pop() == nil)
    producer.publish()
    #expect(consumer.pop() == 1)
    #expect(consumer.pop() == 2)
    #expect(producer.stage(3) == true)
    producer.discardStaged()
    #expect(producer.push(4) == true)
    #expect(consumer.pop() == 4)
    // A producer that dies with staged elements leaves nothing of them.
    #expect(producer.stage(5) == true)
    var successor = Producer(ring)
    #expect(successor.stagedHead == 3)
    #expect(successor.push(6) == true)
    #expect(consumer.pop() == 6)
    #expect(ring.producerCount == 2)
    withExtendedLifetime(memory) {}
  }

  @Test func unreleasedElementsAreReadAgain() {
    let (memory, ring) = makeRing(of: UInt64.self, capacity: 4)
    var producer = Producer(ring)
    for value in 10..<14 { producer.append(UInt64(value)) }
    var consumer = Consumer(ring)
    #expect(consumer.next() == 10)
    #expect(consumer.next() == 11)
    #expect(producer.freeCount() == 0)
    consumer.advance(to: 1)
    #expect(producer.freeCount() == 1)
    #expect(consumer.peek(at: 1) == 11)
    #expect(consumer.peek(at: 3) == 13)
    #expect(consumer.peek(at: 4) == nil)
    #expect(consumer.next() == 12)
    consumer.rewind()
    #expect(consumer.next() == 11)
    var successor = Consumer(ring)
    #expect(successor.next() == 11)
    successor.advance(to: 4)
    #expect(successor.next() == nil)
    #expect(ring.consumerCount == 2)
    withExtendedLifetime(memory) {}
  }

  @Test func attachingRefusesWhatIsNotTheRing() throws {
    let byteCount = Ring<Reading>.byteCount(capacity: 4)
    func attempt(
      byteCount attached: Int? = nil, offset: Int = 0, _ damage: (Memory) -> Void
    ) -> RingError? {
      let memory = Memory(byteCount: byteCount + 128)
      _ = Ring<Reading>.format(memory.block(byteCount: byteCount), capacity: 4)
      damage(memory)
      do throws(RingError) {
        _ = try Ring<Reading>(
          attaching: memory.block(offset: offset, byteCount: attached ?? byteCount))
        return nil
      } catch { return error }
    }
    #expect(attempt { _ in } == nil)
    #expect(
      attempt(byteCount: 383) { _ in } == .tooSmall(neededByteCount: 384, byteCount: 383))
    #expect(
      attempt(byteCount: byteCount - 1) { _ in }
        == .tooSmall(neededByteCount: UInt64(byteCount), byteCount: UInt64(byteCount) - 1))
    #expect(attempt(offset: 8) { _ in } == .misaligned)
    #expect(attempt(offset: 128) { _ in } == .foreign(magic: 0))
    #expect(attempt { $0.set(UInt64(5), at: 0) } == .foreign(magic: 5))
    #expect(attempt { $0.set(UInt32(2), at: 8) } == .unknownVersion(2))
    #expect(
      attempt { $0.set(UInt32(64), at: 12) }
        == .elementSize(expectedByteCount: 32, byteCount: 64))
    for capacity in [0, 3, 1 << 31, UInt64.max] {
      #expect(attempt { $0.set(capacity, at: 16) } == .capacity(capacity))
    }
    #expect(
      attempt { $0.set(UInt64(8), at: 16) }
        == .tooSmall(neededByteCount: 384 + 256, byteCount: UInt64(byteCount)))
    #expect(attempt { $0.set(UInt64(5), at: 128) } == .positions(head: 5, tail: 0))
    #expect(attempt { $0.set(UInt64(1), at: 256) } == .positions(head: 0, tail: 1))
    #expect(attempt { $0.set(UInt64(4), at: 128) } == nil)
  }

  @Test func theConsumersLineCanLieElsewhere() {
    let memory = Memory(byteCount: Ring<UInt64>.byteCount(capacity: 4))
    let other = Memory(byteCount: Ring<UInt64>.consumerByteCount)
    let ring = Ring<UInt64>.format(memory.block(), consumer: other.block(), capacity: 4)
    var producer = Producer(ring)
    for value in 0..<4 { producer.append(UInt64(value)) }
    #expect(producer.push(4) == false)
    var consumer = Consumer(ring)
    #expect(consumer.pop() == 0)
    #expect(producer.push(4) == true)
    #expect(ring.count == 4 && ring.consumerCount == 1)
    // Who attaches would look for the consumer's line in the ring.
    #expect(throws: RingError.unknownVersion(2)) {
      try Ring<UInt64>(attaching: memory.block())
    }
    withExtendedLifetime((memory, other)) {}
  }

  @Test func attachingNeverTrapsOnNoise() {
    var random = SeededRandom(seed: testSeed("attachingNeverTrapsOnNoise"))
    let memory = Memory(byteCount: 2048)
    for _ in 0..<20_000 {
      _ = Ring<Reading>.format(memory.block(), capacity: 16)
      _ = CommitCell.format(memory.block(offset: 1024), positionCount: 2, stateByteCount: 8)
      for _ in 0..<3 {
        // Mostly small numbers, which come nearer to a true header than noise does.
        let value = random.next() >> UInt64.random(in: 0..<64, using: &random)
        let offset = [0, 8, 16, 24, 128, 256, 1024, 1032, 1040, 1152].randomElement(using: &random)
        memory.set(value, at: offset ?? 0)
      }
      if let ring = try? Ring<Reading>(attaching: memory.block()) {
        #expect(isRingCapacity(ring.capacity) && ring.count <= ring.capacity)
      }
      if let cell = try? CommitCell(attaching: memory.block(offset: 1024)) {
        #expect(cell.stateByteCount <= 1024)
      }
    }
  }

  @Test func sizesAreTheTables() {
    #expect(MemoryLayout<Reading>.size == 32 && MemoryLayout<Reading>.stride == 32)
    #expect(MemoryLayout<Event>.size == 64 && MemoryLayout<Event>.stride == 64)
    #expect(Ring<Reading>.byteCount(capacity: 1024) == 384 + 32 * 1024)
    #expect(Ring<Event>.byteCount(capacity: 1) == 384 + 64)
  }

  @Test func capacitiesThatAreNoneTrap() async {
    await #expect(processExitsWith: .failure) { _ = Ring<Reading>.byteCount(capacity: 0) }
    await #expect(processExitsWith: .failure) { _ = Ring<Reading>.byteCount(capacity: 12) }
  }

  @Test func trappingFormsTrap() async {
    await #expect(processExitsWith: .failure) {
      let (memory, ring) = makeRing(of: UInt64.self, capacity: 1)
      var producer = Producer(ring)
      producer.append(1)
      producer.append(2)
      withExtendedLifetime(memory) {}
    }
    await #expect(processExitsWith: .failure) {
      let (memory, ring) = makeRing(of: UInt64.self, capacity: 1)
      var consumer = Consumer(ring)
      _ = consumer.removeFirst()
      withExtendedLifetime(memory) {}
    }
    await #expect(processExitsWith: .failure) {
      let (memory, ring) = makeRing(of: UInt64.self, capacity: 1)
      var producer = Producer(ring)
      // A consumer gone mad: its tail is in front of the head.
      ring.tail.store(9)
      _ = producer.freeCount()
      withExtendedLifetime(memory) {}
    }
  }
}
