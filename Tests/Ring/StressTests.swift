// Invariants checked, with producer and consumer in threads of their own (under the thread
// sanitizer too: the elements are plain memory, ordered by the positions alone):
// - every element arrives once, in order, unchanged, whatever mixture of single, staged and batched
//   calls moves it, and however small the ring is;
// - the same over a pipeline that dies at random steps and starts again;
// - a consumer that sleeps on its doorbell is woken for every element.

import CLinux
import Linux
import Seeds
import Testing

@testable import Ring

@Suite(.serialized) struct StressTests {
  struct Element: BitwiseCopyable {
    var number: UInt64
    var double: UInt64
    var inverse: UInt64

    init(_ number: UInt64) {
      self.number = number
      double = number &* 2
      inverse = ~number
    }

    var isWhole: Bool { double == number &* 2 && inverse == ~number }
  }

  @Test(arguments: [1, 2, 8, 1024]) func twoThreads(capacity: Int) {
    let seed = testSeed("twoThreads(\(capacity))")
    let (memory, ring) = makeRing(of: Element.self, capacity: capacity)
    let total: UInt64 = 30_000
    let source = TestThread {
      var random = SeededRandom(seed: seed)
      var producer = Producer(ring)
      while producer.stagedHead < total {
        let wanted = min(Int(random.next() % 12), Int(total - producer.stagedHead))
        if producer.freeCount() > 0 { ring.touchBeforeStaging(producer.stagedHead) }
        switch random.next() % 3 {
        case 0:
          if !producer.push(Element(producer.stagedHead)) { sched_yield() }
        case 1:
          for _ in 0..<wanted where !producer.stage(Element(producer.stagedHead)) {
            sched_yield()
          }
          producer.publish()
        default:
          let head = producer.stagedHead
          let batch = (0..<wanted).map { Element(head + UInt64($0)) }
          if producer.write(batch.span) == 0 { sched_yield() }
        }
      }
    }
    var random = SeededRandom(seed: seed &+ 1)
    var consumer = Consumer(ring)
    var expected: UInt64 = 0
    var wrongCount = 0
    func check(_ element: Element) {
      if element.number != expected || !element.isWhole { wrongCount += 1 }
      expected += 1
    }
    while expected < total {
      switch random.next() % 4 {
      case 0:
        if let element = consumer.pop() { check(element) } else { sched_yield() }
      case 1:
        for _ in 0..<(random.next() % 12) {
          guard let element = consumer.next() else { break }
          if ring.touchAfterNext(consumer.position - 1) != expected { wrongCount += 1 }
          check(element)
        }
        consumer.release()
      case 2:
        let count = consumer.nextInPlace(countMax: 7) { elements in
          for index in elements.indices {
            if ring.touchAfterNext(expected) != expected { wrongCount += 1 }
            check(elements[index])
          }
        }
        if count > 0 { consumer.release() } else { sched_yield() }
      default:
        var batch = [Element](repeating: Element(0), count: Int(random.next() % 12))
        var span = batch.mutableSpan
        let count = consumer.read(into: &span)
        for element in batch[..<count] { check(element) }
        if count == 0 { sched_yield() }
      }
    }
    source.join()
    #expect(wrongCount == 0)
    #expect(ring.count == 0 && ring.head.load() == total)
    withExtendedLifetime(memory) {}
  }

  @Test func aPipelineThatDiesAtRandomSteps() {
    let seed = testSeed("aPipelineThatDiesAtRandomSteps")
    let memory = Memory(byteCount: Relay.byteCount)
    let relay = Relay(formatting: memory.arena)
    let total: UInt64 = 3_000
    let source = TestThread { relay.runSource(total: total) { sched_yield() } }
    let supervisor = TestThread {
      var random = SeededRandom(seed: seed)
      while relay.cell.commitCount == 0 || relay.input.tail.load() < total {
        // Each life is a thread of its own, as it would be a process.
        let life = random.next() % 200
        TestThread {
          var steps = life
          relay.runPipeline(
            total: total,
            isDead: {
              if steps == 0 { return true }
              steps -= 1
              return false
            }, idle: { sched_yield() })
        }.join()
      }
    }
    var sink = Consumer(relay.output)
    for number in 0..<total {
      var output = sink.next()
      while output == nil {
        sched_yield()
        output = sink.next()
      }
      #expect(relay.output.touchAfterNext(number) == number)
      sink.release()
      #expect(output == Relay.expected(number))
    }
    source.join()
    supervisor.join()
    #expect(sink.isEmpty() == true)
    #expect(relay.cell.committerCount > 10)
    withExtendedLifetime(memory) {}
  }

  @Test func aSleeperIsWokenForEveryElement() {
    let memory = Memory(byteCount: Doorbell.byteCount)
    let bell = Doorbell.format(memory.block())
    let (ringMemory, ring) = makeRing(of: UInt64.self, capacity: 4)
    let total: UInt64 = 2_000
    withExtendedLifetime(memory) {
      let source = TestThread {
        var random = SeededRandom(seed: 7)
        var producer = Producer(ring)
        while producer.stagedHead < total {
          if !producer.push(producer.stagedHead) { sched_yield() }
          if bell.needsRing() { unsafe Futex.wake(bell.word) }
          // Often enough the consumer gets the time to fall asleep.
          while random.next() % 4 != 0, ring.count > 0 { sched_yield() }
        }
      }
      var consumer = Consumer(ring)
      var expected: UInt64 = 0
      var lateCount = 0
      var sleepCount = 0
      while expected < total {
        if let number = consumer.pop() {
          #expect(number == expected)
          expected += 1
          continue
        }
        bell.arm()
        if consumer.isEmpty() {
          let start = Clock.monotonic()
          // A lost wake would cost all of this time.
          unsafe Futex.wait(
            bell.word, expected: Doorbell.armedValue, timeoutNanoseconds: 5_000_000_000)
          sleepCount += 1
          if Clock.monotonic() - start > 4_900_000_000 { lateCount += 1 }
        }
        bell.disarm()
      }
      source.join()
      #expect(lateCount == 0)
      #expect(sleepCount > 0)
      #expect(consumer.isEmpty() == true)
    }
    withExtendedLifetime(ringMemory) {}
  }
}
