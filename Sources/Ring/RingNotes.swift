/// One word beside each element of a ring, in a block of its own: what its producer notes of the
/// element and the element has no room for, such as when it came.
///
/// The producer writes the word of a position before it publishes that position, and the consumer
/// reads it before it gives the position back, so that the ring's head and tail order the words as
/// they do the elements: a producer that dies before it published leaves no trace.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 8 × (*p* mod capacity) | 8 | of the element at position *p*; 0 when nothing is noted |
@safe public struct RingNotes: Sendable {
  private let block: ArenaBlock
  private let mask: UInt64

  /// How much memory the notes of a ring of `capacity` elements take, in bytes. The capacity is the
  /// ring's; what is none of a ring traps.
  public static func byteCount(capacity: Int) -> Int {
    precondition(isRingCapacity(UInt64(capacity)))
    return roundedUpToLine(capacity * 8)
  }

  /// Makes empty notes in the block, before any process uses it. Traps if the block is too small or
  /// not on a line.
  public static func format(_ block: ArenaBlock, capacity: Int) -> RingNotes {
    precondition(block.byteCount >= byteCount(capacity: capacity) && block.isOnLine)
    for index in 0..<capacity { block.formatWord(at: index * 8) }
    return RingNotes(block: block, mask: UInt64(capacity) - 1)
  }

  private init(block: ArenaBlock, mask: UInt64) {
    self.block = block
    self.mask = mask
  }

  /// The word of the element at `position`.
  public subscript(position: UInt64) -> UInt64 {
    get { word(position).loadRelaxed() }
    nonmutating set { word(position).storeRelaxed(newValue) }
  }

  private func word(_ position: UInt64) -> PositionWord {
    block.word(at: Int(truncatingIfNeeded: position & mask) * 8)
  }
}

/// The time that an event took from its measurement until it was in the ring to the uplink: a word
/// of that ring's notes.
///
/// | bits | field |
/// | ---: | --- |
/// | 0 to 31 | `sense`, µs |
/// | 32 to 63 | `pipeline`, µs |
public struct HopNote: Equatable, Sendable {
  /// From the event's time until its last reading was in the ring to the pipeline, in µs, at most
  /// 2³² − 1 (71 minutes). 0 for what no reading brought about, such as the end of a window.
  public let sense: UInt32
  /// From there until the event was made, in µs, at most 2³² − 1.
  public let pipeline: UInt32

  public init(word: UInt64) {
    sense = UInt32(truncatingIfNeeded: word)
    pipeline = UInt32(truncatingIfNeeded: word >> 32)
  }

  /// All times in ns of CLOCK_BOOTTIME: when the event happened, when its reading was in the ring
  /// (0 for never or not known), and when the event was made.
  public init(time: Int64, readyTime: Int64, madeTime: Int64) {
    let ready = max(readyTime, time)
    sense = Self.microseconds(from: time, to: ready)
    pipeline = Self.microseconds(from: ready, to: madeTime)
  }

  public var word: UInt64 { UInt64(sense) | UInt64(pipeline) << 32 }

  /// Of two times, in µs; 0 when they are the other way round.
  public static func microseconds(from begin: Int64, to end: Int64) -> UInt32 {
    let (difference, hasOverflowed) = end.subtractingReportingOverflow(begin)
    return hasOverflowed ? (end > begin ? .max : 0) : UInt32(clamping: difference / 1000)
  }
}
