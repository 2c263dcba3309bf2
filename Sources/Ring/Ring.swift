// Ring: the fixed memory through which the tasks hand each other readings and events.
//
// It owns the layout of everything in the shared arena: rings, commit cells, doorbells, task slots.
// Every task may use it. It never allocates, never makes a system call, never waits, and never
// grows; it knows nothing of files, networks or processes but that each of them may die at any
// instruction.

import Synchronization

/// Why a ring in memory was refused: the memory is not a ring of this program, or it is damaged.
public enum RingError: Error, Equatable, Sendable {
  /// The memory is smaller than the header, or than the ring that its header describes.
  case tooSmall(neededByteCount: UInt64, byteCount: UInt64)
  /// The memory does not start on a line (`lineByteCount`).
  case misaligned
  /// No magic number: this is something else, or was never formatted.
  case foreign(magic: UInt64)
  /// Another layout than this program's.
  case unknownVersion(UInt32)
  /// The elements are of another size.
  case elementSize(expectedByteCount: UInt32, byteCount: UInt32)
  /// The capacity is not a power of two from 1 to `ringCapacityMax`.
  case capacity(UInt64)
  /// The head is behind the tail, or more than the capacity in front of it.
  case positions(head: UInt64, tail: UInt64)
}

/// What different processes write lies at least this far apart. A cache line of the processors that
/// Weir runs on has 64 bytes, but x86-64 fetches lines in adjacent pairs (Intel's Optimization
/// Reference Manual, "spatial prefetcher"), so two neighbours still steal each other's line.
public let lineByteCount = 128

/// The largest capacity of a ring: 2³⁰ elements.
public let ringCapacityMax: UInt64 = 1 << 30

/// "WEIRRING", as a big-endian number.
let ringMagic: UInt64 = 0x5745_4952_5249_4E47
let ringVersion: UInt32 = 1
/// Of a ring whose consumer's line lies elsewhere.
let splitRingVersion: UInt32 = 2

/// A queue of fixed capacity in shared memory, with one producer and one consumer, each a process
/// (or a thread) of its own. This is the view of the memory, to be copied freely; `Producer` and
/// `Consumer` use it.
///
/// Positions are `UInt64` that only grow, from 0: the tail is the position of the oldest element,
/// the head that of the next one to come; element *p* lies at index *p* mod capacity. The ring is
/// *empty* when head = tail and *full* when head − tail = capacity, so all of the capacity is used.
/// A position does not come around in any lifetime: at 10⁹ elements a second, after 584 years.
///
/// | offset | size | field | written by |
/// | ---: | ---: | --- | --- |
/// | 0 | 8 | magic, "WEIRRING" as a big-endian number | the formatter |
/// | 8 | 4 | version: 1, or 2 where the consumer's line lies elsewhere | the formatter |
/// | 12 | 4 | bytes from one element to the next | the formatter |
/// | 16 | 8 | capacity, a power of two | the formatter |
/// | 128 | 8 | head | the producer |
/// | 136 | 8 | producers that attached so far | the producer |
/// | 256 | 8 | tail | the consumer |
/// | 264 | 8 | consumers that attached so far | the consumer |
/// | 384 | capacity × size | elements | the producer |
///
/// The consumer's line can lie in a block of its own instead, so that neither side needs a page
/// that the other writes; the line in the ring is unused then.
///
/// All numbers are in the order of the machine: the ring never leaves it.
@safe public struct Ring<Element: BitwiseCopyable>: @unchecked Sendable {
  /// How many elements fit: a power of two.
  public let capacity: UInt64
  let mask: UInt64
  /// The position of the next element to be published.
  public let head: PositionWord
  /// The position of the oldest element that is not yet given back.
  public let tail: PositionWord
  let producerGeneration: PositionWord
  let consumerGeneration: PositionWord
  let elements: UnsafeMutablePointer<Element>

  static var headerByteCount: Int { 3 * lineByteCount }
  static var elementByteCount: UInt32 { UInt32(MemoryLayout<Element>.stride) }

  /// How much memory a ring of `capacity` elements takes, in bytes. The capacity is a power of two
  /// from 1 to `ringCapacityMax`; anything else traps.
  public static func byteCount(capacity: Int) -> Int {
    precondition(isRingCapacity(UInt64(capacity)))
    return headerByteCount + capacity * MemoryLayout<Element>.stride
  }

  /// What the consumer writes, in bytes, where that has a block of its own.
  public static var consumerByteCount: Int { lineByteCount }

  /// Makes an empty ring in the block. Only one process may do it, before any other attaches.
  /// Traps if the block is too small or not on a line.
  public static func format(_ block: ArenaBlock, capacity: Int) -> Ring {
    precondition(block.byteCount >= byteCount(capacity: capacity) && block.isOnLine)
    return format(
      block, consumer: block.part(offset: 2 * lineByteCount, byteCount: lineByteCount),
      version: ringVersion, capacity: capacity)
  }

  /// The same, with what the consumer writes in the block `consumer`. Such a ring can't be attached
  /// to: its users get the value that is returned.
  public static func format(
    _ block: ArenaBlock, consumer: ArenaBlock, capacity: Int
  ) -> Ring {
    precondition(consumer.byteCount >= consumerByteCount && consumer.isOnLine)
    precondition(block.byteCount >= byteCount(capacity: capacity) && block.isOnLine)
    return format(block, consumer: consumer, version: splitRingVersion, capacity: capacity)
  }

  private static func format(
    _ block: ArenaBlock, consumer: ArenaBlock, version: UInt32, capacity: Int
  ) -> Ring {
    precondition(MemoryLayout<Element>.alignment <= lineByteCount)
    block.store(version, at: 8)
    block.store(elementByteCount, at: 12)
    block.store(UInt64(capacity), at: 16)
    block.formatWord(at: lineByteCount)
    block.formatWord(at: lineByteCount + 8)
    consumer.formatWord(at: 0)
    consumer.formatWord(at: 8)
    // Last, so that a formatter that dies halfway leaves no ring.
    block.store(ringMagic, at: 0)
    return Ring(in: block, consumer: consumer, capacity: UInt64(capacity))
  }

  /// Attaches to a ring that was formatted before: by this process, by one that is dead, or by
  /// something else entirely. Never traps; O(1).
  public init(attaching block: ArenaBlock) throws(RingError) {
    guard block.byteCount >= Self.headerByteCount else {
      throw .tooSmall(
        neededByteCount: UInt64(Self.headerByteCount), byteCount: UInt64(block.byteCount))
    }
    guard block.isOnLine else { throw .misaligned }
    let magic = block.load(UInt64.self, at: 0)
    guard magic == ringMagic else { throw .foreign(magic: magic) }
    let version = block.load(UInt32.self, at: 8)
    guard version == ringVersion else { throw .unknownVersion(version) }
    let size = block.load(UInt32.self, at: 12)
    guard size == Self.elementByteCount else {
      throw .elementSize(expectedByteCount: Self.elementByteCount, byteCount: size)
    }
    let capacity = block.load(UInt64.self, at: 16)
    guard isRingCapacity(capacity) else { throw .capacity(capacity) }
    let needed = UInt64(Self.headerByteCount) + capacity * UInt64(size)
    guard UInt64(block.byteCount) >= needed else {
      throw .tooSmall(neededByteCount: needed, byteCount: UInt64(block.byteCount))
    }
    self.init(
      in: block, consumer: block.part(offset: 2 * lineByteCount, byteCount: lineByteCount),
      capacity: capacity)
    // The tail first: the head only grows, so a tail that is in front of it is damage and not a
    // race. A difference above the capacity can be a race: both may have moved on in between.
    let tail = self.tail.load()
    let head = self.head.load()
    guard head >= tail, head - tail <= capacity || self.tail.load() > tail else {
      throw .positions(head: head, tail: tail)
    }
  }

  /// The blocks have been checked, or just formatted.
  private init(in block: ArenaBlock, consumer: ArenaBlock, capacity: UInt64) {
    self.capacity = capacity
    mask = capacity - 1
    head = block.word(at: lineByteCount)
    producerGeneration = block.word(at: lineByteCount + 8)
    tail = consumer.word(at: 0)
    consumerGeneration = consumer.word(at: 8)
    // Safe: the block holds `capacity` elements from here on, aligned to a line, and only Ring
    // gives this memory a type.
    unsafe elements = (block.base + Self.headerByteCount).assumingMemoryBound(to: Element.self)
  }

  /// How many elements are published and not given back, at this moment: for the console. Both
  /// sides move on meanwhile, so it is late and not exact, but never above the capacity.
  public var count: UInt64 {
    let tail = self.tail.load()
    let head = self.head.load()
    return head < tail ? 0 : min(head - tail, capacity)
  }

  /// How many producers have attached since the ring was formatted: 1 + restarts.
  public var producerCount: UInt64 { producerGeneration.load() }

  /// How many consumers have attached since the ring was formatted: 1 + restarts.
  public var consumerCount: UInt64 { consumerGeneration.load() }

  /// Where the element at `position` lies.
  @inline(__always)
  func slot(_ position: UInt64) -> UnsafeMutablePointer<Element> {
    // Safe: the masked position is below the capacity.
    unsafe elements + Int(truncatingIfNeeded: position & mask)
  }

  /// Copies elements as bytes: in generic code the typed copies are loops over the elements.
  @inline(__always)
  func copy(
    _ source: UnsafePointer<Element>, to destination: UnsafeMutablePointer<Element>, count: Int
  ) {
    // Safe: the caller has `count` elements at both; elements are nothing but their bytes.
    unsafe UnsafeMutableRawPointer(destination).copyMemory(
      from: source, byteCount: count &* MemoryLayout<Element>.stride)
  }

  /// How many elements can be copied at once from `position` on before the memory starts over.
  @inline(__always)
  func runCount(_ position: UInt64) -> Int {
    Int(truncatingIfNeeded: capacity &- (position & mask))
  }
}

func isRingCapacity(_ capacity: UInt64) -> Bool {
  capacity >= 1 && capacity <= ringCapacityMax && capacity & (capacity - 1) == 0
}
