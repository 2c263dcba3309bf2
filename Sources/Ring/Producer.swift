/// The writing end of a ring. There is at most one at a time; after its process died, the next one
/// goes on at the published head.
///
/// `stage` writes elements beyond the published head, where the consumer does not look; `publish`
/// shows them all by one release store. `push` and `write` do both at once. A task that must
/// advance several rings and its state together stages, and leaves publishing to its `Committer`.
///
/// The ring is *full* for a producer when its staged and its unread elements together are as many
/// as the capacity. Everything here is O(1), batches O(elements); nothing allocates or waits.
@safe public struct Producer<Element: BitwiseCopyable>: ~Copyable {
  public let ring: Ring<Element>
  /// The position of the next element to be staged. What lies before it and is not published yet
  /// is lost when the process dies.
  public private(set) var stagedHead: UInt64
  /// The tail when it was last looked at. The consumer's line is fetched only when the ring seems
  /// full by this; that is what makes the ring fast.
  private var cachedTail: UInt64

  /// Goes on at the ring's published head.
  public init(_ ring: Ring<Element>) {
    self.ring = ring
    stagedHead = ring.head.load()
    cachedTail = ring.tail.load()
    precondition(stagedHead &- cachedTail <= ring.capacity)
    ring.producerGeneration.store(ring.producerGeneration.load() &+ 1)
  }

  /// How many elements can be staged before the ring is full, by what the consumer has given back
  /// until now.
  public mutating func freeCount() -> Int {
    refresh()
    return Int(truncatingIfNeeded: ring.capacity &- (stagedHead &- cachedTail))
  }

  /// Writes the element beyond the head. False, and nothing written, if the ring is full.
  @inline(__always)
  public mutating func stage(_ element: Element) -> Bool {
    if stagedHead &- cachedTail >= ring.capacity {
      refresh()
      if stagedHead &- cachedTail >= ring.capacity { return false }
    }
    // Safe: the slot is free: the consumer has given it back, and looks no further than the head.
    unsafe ring.slot(stagedHead).initialize(to: element)
    stagedHead &+= 1
    return true
  }

  /// As `stage`, but keeps `reserve` slots (below the capacity) free: for elements that must not
  /// keep others out. False, and nothing written, if no more than those are left.
  @inline(__always)
  public mutating func stage(_ element: Element, leaving reserve: Int) -> Bool {
    let limit = ring.capacity &- UInt64(truncatingIfNeeded: reserve)
    if stagedHead &- cachedTail >= limit {
      refresh()
      if stagedHead &- cachedTail >= limit { return false }
    }
    return stage(element)
  }

  /// Writes as many elements as fit, from the first on, beyond the head; returns how many.
  @inline(__always)
  public mutating func stage(contentsOf source: Span<Element>) -> Int {
    var free = Int(truncatingIfNeeded: ring.capacity &- (stagedHead &- cachedTail))
    if free < source.count {
      refresh()
      free = Int(truncatingIfNeeded: ring.capacity &- (stagedHead &- cachedTail))
    }
    let count = min(free, source.count)
    let first = min(count, ring.runCount(stagedHead))
    // Safe: the slots are free, the two pieces lie inside of the source and of the ring, and the
    // source does not overlap the free part of the ring, which nobody but this producer sees.
    unsafe source.withUnsafeBufferPointer { source in
      guard let source = source.baseAddress else { return }
      unsafe ring.copy(source, to: ring.slot(stagedHead), count: first)
      if count > first {
        unsafe ring.copy(source + first, to: ring.elements, count: count &- first)
      }
    }
    stagedHead &+= UInt64(truncatingIfNeeded: count)
    return count
  }

  /// Shows the consumer all that is staged, by one release store.
  @inline(__always)
  public func publish() {
    ring.head.store(stagedHead)
  }

  /// Forgets what is staged and not published.
  public mutating func discardStaged() {
    stagedHead = ring.head.load()
  }

  /// Stages the element and publishes. False, and nothing staged, if the ring is full.
  @inline(__always)
  public mutating func push(_ element: Element) -> Bool {
    guard stage(element) else { return false }
    publish()
    return true
  }

  /// As `push`, where the caller knows that there is room: traps if the ring is full.
  public mutating func append(_ element: Element) {
    let hasRoom = push(element)
    precondition(hasRoom, "the ring is full")
  }

  /// Stages as many elements as fit, from the first on, and publishes; returns how many.
  @inline(__always)
  public mutating func write(_ source: Span<Element>) -> Int {
    let count = stage(contentsOf: source)
    if count > 0 { publish() }
    return count
  }

  /// Looks at the consumer's tail again.
  private mutating func refresh() {
    cachedTail = ring.tail.load()
    // A neighbour that writes nonsense into its tail stops this task here, not in its memory.
    precondition(stagedHead &- cachedTail <= ring.capacity)
  }
}
