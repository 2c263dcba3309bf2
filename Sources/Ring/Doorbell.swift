import Synchronization

/// How a consumer sleeps, and how its producers know that they must wake it: a word in the arena.
/// Making the system calls is left to the callers; while the consumer is awake there are none.
///
/// The consumer: `arm()`; look at all rings once more; if there is nothing, sleep on the word
/// (futex, while it is `armedValue`) or on a descriptor, with a deadline; then `disarm()`.
/// A producer: publish, then `needsRing()`; if true, make the system call that wakes.
/// A producer that was restarted makes that call once without asking, because its predecessor may
/// have died between the question and the call.
///
/// No wake is lost: both sides write, then fence, then read the other's word, so at least one of
/// them sees the other.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 4 | 0: awake or already rung for; 1: armed |
@safe public struct Doorbell: @unchecked Sendable {
  /// What the word holds while the consumer is, or is about to be, asleep.
  public static var armedValue: UInt32 { 1 }

  /// How much memory a doorbell takes, in bytes.
  public static var byteCount: Int { lineByteCount }

  private let atomic: UnsafeMutablePointer<Atomic<UInt32>>

  /// Makes a disarmed doorbell. Traps if the block is too small or not on a line.
  public static func format(_ block: ArenaBlock) -> Doorbell {
    precondition(block.byteCount >= byteCount && block.isOnLine)
    // Safe: inside of the block and aligned.
    unsafe block.base.bindMemory(to: Atomic<UInt32>.self, capacity: 1).initialize(to: Atomic(0))
    return Doorbell(block)
  }

  /// The doorbell that was formatted there. Traps if the block is too small or not on a line.
  public init(_ block: ArenaBlock) {
    precondition(block.byteCount >= Self.byteCount && block.isOnLine)
    // Safe: inside of the block and aligned; only `format` gives this memory a type. Every
    // pattern of bits is a valid state: all but 1 count as awake.
    unsafe atomic = block.base.assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// The word to sleep on, for the futex call.
  public var word: UnsafePointer<UInt32> {
    // Safe: the representation of an atomic word is the word.
    unsafe UnsafePointer(UnsafeRawPointer(atomic).assumingMemoryBound(to: UInt32.self))
  }

  /// The consumer is about to sleep. It must look at its rings again after this.
  public func arm() {
    // Safe: the word lives as long as the arena, which outlives its views.
    unsafe atomic.pointee.store(Self.armedValue, ordering: .relaxed)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
  }

  /// The consumer is awake.
  public func disarm() {
    // Safe: as above.
    unsafe atomic.pointee.store(0, ordering: .relaxed)
  }

  /// Whether the consumer sleeps, or is about to, and nobody else has undertaken to wake it. To be
  /// asked after every publication; if true the caller must wake it.
  @inline(__always)
  public func needsRing() -> Bool {
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    // Safe: as above. Reading first leaves the line shared between the producers.
    guard unsafe atomic.pointee.load(ordering: .relaxed) == Self.armedValue else { return false }
    // Safe: as above. Of several producers one wins, and makes the call.
    return unsafe atomic.pointee.exchange(0, ordering: .relaxed) == Self.armedValue
  }
}
