import CLinux
import Linux
import Ring
import Rivals

/// What is sent: the number of the element and nothing else that matters.
protocol BenchElement: BitwiseCopyable {
  init(number: UInt64)
  var number: UInt64 { get set }
}

struct Element16: BenchElement {
  var number: UInt64
  var rest: UInt64 = 0

  init(number: UInt64) { self.number = number }
}

struct Element64: BenchElement {
  var number: UInt64
  var rest: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0)

  init(number: UInt64) { self.number = number }
}

/// Who takes part. Weir's loops are below, and do what those in Rivals/loops.h do.
enum Contender {
  case weir
  case boost
  case ck

  var rival: Int32 { self == .boost ? Int32(bench_boost) : Int32(bench_ck) }
}

/// Two rings of one contender in shared memory, one for each direction.
struct Track {
  let contender: Contender
  let elementSize: Int
  let there: ArenaBlock
  let back: ArenaBlock

  static func byteCount(_ contender: Contender, elementSize: Int) -> Int {
    switch contender {
    case .weir: weirByteCount(elementSize)
    case .boost, .ck: bench_ring_size(contender.rival, Int32(elementSize))
    }
  }

  private static func weirByteCount(_ elementSize: Int) -> Int {
    elementSize == 16
      ? Ring<Element16>.byteCount(capacity: Int(bench_capacity))
      : Ring<Element64>.byteCount(capacity: Int(bench_capacity))
  }

  /// Makes both rings anew and empty.
  func reset() {
    switch contender {
    case .weir:
      for block in [there, back] {
        if elementSize == 16 {
          _ = Ring<Element16>.format(block, capacity: Int(bench_capacity))
        } else {
          _ = Ring<Element64>.format(block, capacity: Int(bench_capacity))
        }
      }
    case .boost, .ck:
      unsafe bench_make(contender.rival, Int32(elementSize), there.base)
      unsafe bench_make(contender.rival, Int32(elementSize), back.base)
    }
  }

  func produce(count: Int, batch: Int, check: Bool) {
    if contender != .weir {
      unsafe bench_produce(
        contender.rival, Int32(elementSize), there.base, UInt64(count), Int32(batch),
        check ? 1 : 0)
    } else if elementSize == 16 {
      weirProduce(attached(there, Element16.self), count: count, batch: batch, check: check)
    } else {
      weirProduce(attached(there, Element64.self), count: count, batch: batch, check: check)
    }
  }

  /// Returns how many elements were wrong.
  func consume(count: Int, batch: Int, check: Bool) -> UInt64 {
    if contender != .weir {
      return unsafe bench_consume(
        contender.rival, Int32(elementSize), there.base, UInt64(count), Int32(batch),
        check ? 1 : 0)
    } else if elementSize == 16 {
      return weirConsume(attached(there, Element16.self), count: count, batch: batch, check: check)
    } else {
      return weirConsume(attached(there, Element64.self), count: count, batch: batch, check: check)
    }
  }

  func call(count: Int) {
    if contender != .weir {
      unsafe bench_call(
        contender.rival, Int32(elementSize), there.base, back.base, UInt64(count))
    } else if elementSize == 16 {
      weirCall(attached(there, Element16.self), attached(back, Element16.self), count: count)
    } else {
      weirCall(attached(there, Element64.self), attached(back, Element64.self), count: count)
    }
  }

  func answer(count: Int) {
    if contender != .weir {
      unsafe bench_answer(
        contender.rival, Int32(elementSize), there.base, back.base, UInt64(count))
    } else if elementSize == 16 {
      weirAnswer(attached(there, Element16.self), attached(back, Element16.self), count: count)
    } else {
      weirAnswer(attached(there, Element64.self), attached(back, Element64.self), count: count)
    }
  }
}

func attached<Element>(_ block: ArenaBlock, _ type: Element.Type) -> Ring<Element> {
  do throws(RingError) {
    return try Ring(attaching: block)
  } catch {
    fatalError("the ring that was just made is not one")
  }
}

@inline(never)
func weirProduce<E: BenchElement>(_ ring: Ring<E>, count: Int, batch: Int, check: Bool) {
  var producer = Producer(ring)
  if batch == 1 {
    for n in 0..<UInt64(count) {
      while !producer.push(E(number: n)) { bench_pause() }
    }
    return
  }
  // Not an InlineArray: its span would copy all of it for each batch.
  let source = UnsafeMutableBufferPointer<E>.allocate(capacity: batch)
  unsafe source.initialize(repeating: E(number: 0))
  defer { unsafe source.deallocate() }
  for index in 0..<batch { unsafe source[index].number = UInt64(index) }
  var n = 0
  while n < count {
    if check {
      for index in 0..<batch { unsafe source[index].number = UInt64(n + index) }
    }
    var done = 0
    while done < batch {
      let moved = producer.write(unsafe source.span.extracting(done..<batch))
      if moved == 0 { bench_pause() }
      done += moved
    }
    n += batch
  }
}

@inline(never)
func weirConsume<E: BenchElement>(
  _ ring: Ring<E>, count: Int, batch: Int, check: Bool
) -> UInt64 {
  var consumer = Consumer(ring)
  var wrong: UInt64 = 0
  if batch == 1 {
    for n in 0..<UInt64(count) {
      var element = consumer.pop()
      while element == nil {
        bench_pause()
        element = consumer.pop()
      }
      if element?.number != n { wrong += 1 }
    }
    return wrong
  }
  let destination = UnsafeMutableBufferPointer<E>.allocate(capacity: batch)
  unsafe destination.initialize(repeating: E(number: 0))
  defer { unsafe destination.deallocate() }
  var n = 0
  while n < count {
    var room = unsafe destination.mutableSpan
    let moved = consumer.read(into: &room)
    if moved == 0 {
      bench_pause()
      continue
    }
    for index in (check ? 0 : moved - 1)..<moved {
      let expected = check ? n + index : (n + index) & (batch - 1)
      if unsafe destination[index].number != UInt64(expected) { wrong += 1 }
    }
    n += moved
  }
  return wrong
}

@inline(never)
func weirCall<E: BenchElement>(_ there: Ring<E>, _ back: Ring<E>, count: Int) {
  var producer = Producer(there)
  var consumer = Consumer(back)
  for n in 0..<UInt64(count) {
    while !producer.push(E(number: n)) { bench_pause() }
    while consumer.pop() == nil { bench_pause() }
  }
}

@inline(never)
func weirAnswer<E: BenchElement>(_ there: Ring<E>, _ back: Ring<E>, count: Int) {
  var producer = Producer(back)
  var consumer = Consumer(there)
  for _ in 0..<count {
    var element = consumer.pop()
    while element == nil {
      bench_pause()
      element = consumer.pop()
    }
    while let answer = element, !producer.push(answer) { bench_pause() }
  }
}
