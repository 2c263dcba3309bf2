/// What is known of one segment of a lane.
struct Segment: BitwiseCopyable, Equatable {
  /// 0: holds nothing of this journal.
  var sequence: UInt64 = 0
  /// The ordinal of its first record.
  var first: UInt64 = 0
  /// The place behind its last record.
  var after = Mark()
  /// The first block that may be written when the segment is used next: the ones before it are
  /// torn.
  ///
  /// A torn block must not be written over while its ordinals may still come: if power failed again
  /// just then, sectors of the new block that are the same in the old one, zeroes mostly, could
  /// make the old one whole, and events that recovery did not find would rise from the dead.
  var firstUsable = 0
  /// Not to be written again in this run: a write to it failed.
  var isRetired = false
}

/// All segments of a lane, in memory that the journal was given.
@safe struct SegmentTable: @unchecked Sendable {
  private let entries: UnsafeMutablePointer<Segment>
  let count: Int

  static func byteCount(_ count: Int) -> Int { count * MemoryLayout<Segment>.stride }

  /// A table of empty segments; the memory starts at a multiple of 8. What is zero already is not
  /// written, so that memory that nothing was put into takes no pages.
  init(_ memory: Bytes, count: Int) {
    precondition(memory.count >= Self.byteCount(count))
    // Safe: only the number of the address is used.
    precondition(unsafe Int(bitPattern: memory.base) % MemoryLayout<Segment>.alignment == 0)
    // Safe: large enough and aligned; only the table gives this memory a type.
    unsafe entries = memory.base.bindMemory(to: Segment.self, capacity: count)
    self.count = count
    let stride = MemoryLayout<Segment>.stride
    for index in 0..<count where !memory.slice(index * stride, stride).isBlank {
      // Safe: inside; an empty segment is all zeroes.
      unsafe (entries + index).initialize(to: Segment())
    }
  }

  subscript(index: Int) -> Segment {
    get {
      precondition(index >= 0 && index < count)
      // Safe: inside.
      return unsafe entries[index]
    }
    nonmutating set {
      precondition(index >= 0 && index < count)
      // Safe: inside.
      unsafe entries[index] = newValue
    }
  }

  func retire(_ index: Int) {
    var entry = self[index]
    entry.isRetired = true
    self[index] = entry
  }

  /// All of the segment may be written when it is used next.
  func clearUsable(_ index: Int) {
    var entry = self[index]
    entry.isRetired = false
    entry.firstUsable = 0
    self[index] = entry
  }

  /// The next segment of the circle that may be written; nil if there is no other one.
  func successor(of index: Int) -> Int? {
    for step in 1..<count {
      let next = (index + step) % count
      if !self[next].isRetired { return next }
    }
    return nil
  }
}
