import Glibc

@testable import Ring

/// Memory for a test, on a line and zeroed, freed with its owner.
@safe final class Memory: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  init(byteCount: Int) {
    self.byteCount = byteCount
    // Safe: freed in deinit only; the tests keep the owner for as long as its views.
    unsafe base = .allocate(byteCount: max(byteCount, 1), alignment: lineByteCount)
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  }

  deinit { unsafe base.deallocate() }

  /// All of it, or a piece.
  func block(offset: Int = 0, byteCount: Int? = nil) -> ArenaBlock {
    precondition(offset + (byteCount ?? 0) <= self.byteCount)
    // Safe: just checked.
    return unsafe ArenaBlock(base: base + offset, byteCount: byteCount ?? self.byteCount - offset)
  }

  var arena: Arena {
    // Safe: the owner outlives it.
    unsafe Arena(base: base, byteCount: byteCount)
  }

  func set<T: BitwiseCopyable>(_ value: T, at offset: Int) {
    precondition(offset + MemoryLayout<T>.size <= byteCount)
    // Safe: just checked.
    unsafe base.storeBytes(of: value, toByteOffset: offset, as: T.self)
  }
}

/// A ring in memory of its own.
func makeRing<Element: BitwiseCopyable>(
  of type: Element.Type, capacity: Int
) -> (memory: Memory, ring: Ring<Element>) {
  let memory = Memory(byteCount: Ring<Element>.byteCount(capacity: capacity))
  return (memory, Ring.format(memory.block(), capacity: capacity))
}

/// Whether this is a run under the thread sanitizer, which sees nothing between processes or in a
/// model, and makes both take minutes.
let isThreadSanitized: Bool = {
  // Safe: only asks whether the name is known.
  unsafe dlsym(nil, "__tsan_init") != nil
}()

extension Ring {
  /// Writes the first word of a slot, as the producer is about to do. The generic code of the
  /// module copies elements where the thread sanitizer does not see it; it sees this.
  func touchBeforeStaging(_ position: UInt64) {
    // Safe: the callers' elements begin with a UInt64, and the producer owns the slot.
    unsafe writeWord(UnsafeMutableRawPointer(slot(position)), position)
  }

  /// Reads the first word of a slot, as the consumer just did, and has not given it back.
  func touchAfterNext(_ position: UInt64) -> UInt64 {
    // Safe: the callers' elements begin with a UInt64, and the consumer owns the slot.
    unsafe readWord(UnsafeMutableRawPointer(slot(position)))
  }
}

@inline(never) private func writeWord(_ place: UnsafeMutableRawPointer, _ value: UInt64) {
  // Safe: see the callers.
  unsafe place.assumingMemoryBound(to: UInt64.self).pointee = value
}

@inline(never) private func readWord(_ place: UnsafeMutableRawPointer) -> UInt64 {
  // Safe: see the callers.
  unsafe place.assumingMemoryBound(to: UInt64.self).pointee
}
