import Linux
import Ring
import Rivals

// A ring whose consumer sleeps when there is nothing, as the tasks of the product do it.

/// Sends `count` elements one at a time and asks the doorbell after each.
@inline(never)
func weirProduce(_ ring: Ring<Element16>, count: Int, asking bell: Doorbell) {
  var producer = Producer(ring)
  for n in 0..<UInt64(count) {
    while !producer.push(Element16(number: n)) { bench_pause() }
    if bell.needsRing() { unsafe Futex.wake(bell.word) }
  }
}

@inline(never)
func weirCallSleeping(
  _ there: Ring<Element16>, _ back: Ring<Element16>, _ bells: (Doorbell, Doorbell), count: Int
) {
  var producer = Producer(there)
  var consumer = Consumer(back)
  for n in 0..<UInt64(count) {
    producer.append(Element16(number: n))
    if bells.0.needsRing() { unsafe Futex.wake(bells.0.word) }
    _ = popSleeping(&consumer, bells.1)
  }
}

@inline(never)
func weirAnswerSleeping(
  _ there: Ring<Element16>, _ back: Ring<Element16>, _ bells: (Doorbell, Doorbell), count: Int
) {
  var producer = Producer(back)
  var consumer = Consumer(there)
  for _ in 0..<count {
    producer.append(popSleeping(&consumer, bells.0))
    if bells.1.needsRing() { unsafe Futex.wake(bells.1.word) }
  }
}

private func popSleeping(_ consumer: inout Consumer<Element16>, _ bell: Doorbell) -> Element16 {
  while true {
    if let element = consumer.pop() { return element }
    bell.arm()
    if consumer.isEmpty() {
      unsafe Futex.wait(
        bell.word, expected: Doorbell.armedValue, timeoutNanoseconds: 1_000_000_000)
    }
    bell.disarm()
  }
}
