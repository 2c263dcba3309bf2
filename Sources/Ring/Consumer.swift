/// The reading end of a ring. There is at most one at a time; after its process died, the next one
/// goes on at the published tail.
///
/// `next` moves on without giving anything back: the elements stay in the ring, and are read again
/// after a restart. `release` gives all of them back by one release store. `pop` and `read` do both
/// at once. A task that must advance several rings and its state together uses `next`, and leaves
/// giving back to its `Committer`.
///
/// The ring is *empty* for a consumer when its position has reached the published head. Everything
/// here is O(1), batches O(elements); nothing allocates or waits.
@safe public struct Consumer<Element: BitwiseCopyable>: ~Copyable {
  public let ring: Ring<Element>
  /// The position of the element that `next` will return.
  public private(set) var position: UInt64
  /// What is before this has been given back, at least as far as this consumer did it.
  private var released: UInt64
  /// The head when it was last looked at. The producer's line is fetched only when the ring seems
  /// empty by this.
  private var cachedHead: UInt64

  /// Goes on at the ring's published tail.
  public init(_ ring: Ring<Element>) {
    self.ring = ring
    position = ring.tail.load()
    released = position
    cachedHead = ring.head.load()
    precondition(cachedHead &- position <= ring.capacity)
    ring.consumerGeneration.store(ring.consumerGeneration.load() &+ 1)
  }

  /// How many elements are published that `next` has not returned yet.
  public mutating func availableCount() -> Int {
    refresh()
    return Int(truncatingIfNeeded: cachedHead &- position)
  }

  /// Whether nothing is published that `next` has not returned: looks at the head each time.
  public mutating func isEmpty() -> Bool { availableCount() == 0 }

  /// The next element, which stays in the ring until it is released; nil if the ring is empty.
  @inline(__always)
  public mutating func next() -> Element? {
    if position == cachedHead {
      refresh()
      if position == cachedHead { return nil }
    }
    // Safe: the element is published and not given back, so the producer leaves it alone.
    let element = unsafe ring.slot(position).pointee
    position &+= 1
    return element
  }

  /// The element at a position that is not given back yet; nil if it is not published yet. Traps
  /// on a position that was given back. Moves nothing.
  public mutating func peek(at wanted: UInt64) -> Element? {
    precondition(wanted >= released, "the element was given back")
    if wanted >= cachedHead {
      refresh()
      if wanted >= cachedHead { return nil }
    }
    // Safe: the element is published and not given back, so the producer leaves it alone.
    return unsafe ring.slot(wanted).pointee
  }

  /// Shows `body` the next elements where they lie in the ring, at most `countMax`, and moves on
  /// behind them without giving them back; returns how many. They are one piece of memory, so
  /// there may be more beyond it; there are none (and `body` is not called) only if the ring is
  /// empty. Nothing is copied.
  @inline(__always)
  public mutating func nextInPlace(countMax: Int, _ body: (Span<Element>) -> Void) -> Int {
    precondition(countMax > 0)
    if position == cachedHead { refresh() }
    let available = Int(truncatingIfNeeded: cachedHead &- position)
    let count = min(min(available, countMax), ring.runCount(position))
    if count == 0 { return 0 }
    // Safe: the elements are published and not given back, so the producer leaves them alone;
    // the span cannot leave `body`.
    body(unsafe Span(_unsafeStart: ring.slot(position), count: count))
    position &+= UInt64(truncatingIfNeeded: count)
    return count
  }

  /// Copies published elements to the front of `destination`, as many as fit, without giving them
  /// back; returns how many. There may be more than it returns, but 0 says that the ring is empty
  /// (or that nothing fits): the head is looked at only when all that was seen before is taken.
  @inline(__always)
  public mutating func next(into destination: inout MutableSpan<Element>) -> Int {
    if position == cachedHead { refresh() }
    let count = min(Int(truncatingIfNeeded: cachedHead &- position), destination.count)
    let first = min(count, ring.runCount(position))
    // Safe: the elements are published and not given back; the two pieces lie inside of the
    // destination and of the ring.
    unsafe destination.withUnsafeMutableBufferPointer { destination in
      guard let destination = destination.baseAddress else { return }
      unsafe ring.copy(ring.slot(position), to: destination, count: first)
      if count > first {
        unsafe ring.copy(ring.elements, to: destination + first, count: count &- first)
      }
    }
    position &+= UInt64(truncatingIfNeeded: count)
    return count
  }

  /// Gives back all that `next` returned, by one release store.
  @inline(__always)
  public mutating func release() {
    released = position
    ring.tail.store(position)
  }

  /// Gives back what lies before `newTail`, which is not before the present tail and not beyond
  /// what is published; anything else traps. `next` goes on there, or where it was if that is
  /// further.
  public mutating func advance(to newTail: UInt64) {
    if newTail > cachedHead { refresh() }
    precondition(newTail >= released && newTail <= cachedHead)
    released = newTail
    position = max(position, newTail)
    ring.tail.store(newTail)
  }

  /// Returns to the oldest element that is not given back, as a restart does.
  public mutating func rewind() {
    position = ring.tail.load()
    released = position
  }

  /// Takes the next element out; nil if the ring is empty.
  @inline(__always)
  public mutating func pop() -> Element? {
    guard let element = next() else { return nil }
    release()
    return element
  }

  /// As `pop`, where the caller knows that there is one: traps if the ring is empty.
  public mutating func removeFirst() -> Element {
    guard let element = pop() else { preconditionFailure("the ring is empty") }
    return element
  }

  /// As `next(into:)`, and gives them back.
  @inline(__always)
  public mutating func read(into destination: inout MutableSpan<Element>) -> Int {
    let count = next(into: &destination)
    if count > 0 { release() }
    return count
  }

  /// Looks at the producer's head again.
  private mutating func refresh() {
    cachedHead = ring.head.load()
    // A neighbour that writes nonsense into its head stops this task here.
    precondition(cachedHead &- position <= ring.capacity)
  }
}
