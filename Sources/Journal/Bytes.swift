import Ring

/// A stretch of memory that somebody else owns: every access to it is checked. Numbers lie in it
/// with their lowest byte first, as in the file; both machines of Weir have that order.
@safe public struct Bytes: @unchecked Sendable {
  public let base: UnsafeMutableRawPointer
  public let count: Int

  /// `base` points to `count` bytes that live as long as any view of them.
  @unsafe public init(base: UnsafeMutableRawPointer, count: Int) {
    precondition(count >= 0)
    unsafe self.base = unsafe base
    self.count = count
  }

  /// The memory of a block of the arena.
  public init(_ block: ArenaBlock) {
    // Safe: the block's memory, of the block's size.
    unsafe self.init(base: block.base, count: block.byteCount)
  }

  /// `count` bytes from `offset` on; traps where there are none.
  @inline(__always)
  public func slice(_ offset: Int, _ count: Int) -> Bytes {
    precondition(offset >= 0 && count >= 0 && offset <= self.count - count)
    // Safe: the slice lies inside.
    return unsafe Bytes(base: base + offset, count: count)
  }

  @inline(__always)
  public subscript(offset: Int) -> UInt8 {
    get {
      precondition(offset >= 0 && offset < count)
      // Safe: inside.
      return unsafe base.load(fromByteOffset: offset, as: UInt8.self)
    }
    nonmutating set {
      precondition(offset >= 0 && offset < count)
      // Safe: inside; a byte has no alignment.
      unsafe (base + offset).assumingMemoryBound(to: UInt8.self).pointee = newValue
    }
  }

  @inline(__always)
  public func load<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
    precondition(offset >= 0 && offset <= count - MemoryLayout<T>.size)
    // Safe: inside; an integer has no invalid pattern.
    return unsafe T(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  @inline(__always)
  public func store<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at offset: Int) {
    precondition(offset >= 0 && offset <= count - MemoryLayout<T>.size)
    var bytes = value.littleEndian
    // Safe: inside; copied as bytes, so alignment does not matter.
    unsafe withUnsafeBytes(of: &bytes) {
      unsafe (base + offset).copyMemory(
        from: $0.baseAddress.unsafelyUnwrapped, byteCount: MemoryLayout<T>.size)
    }
  }

  /// Copies all of `source` to `offset`; the two may overlap.
  @inline(__always)
  public func copy(_ source: Bytes, to offset: Int = 0) {
    precondition(offset >= 0 && offset <= count - source.count)
    // Safe: both lie inside of their memory; copyMemory allows an overlap.
    unsafe (base + offset).copyMemory(from: source.base, byteCount: source.count)
  }

  /// Makes all of it zeroes.
  public func clear() {
    // Safe: exactly this memory; bytes have no alignment.
    unsafe _ = base.initializeMemory(as: UInt8.self, repeating: 0, count: count)
  }

  /// Whether all of it is zeroes.
  public var isBlank: Bool {
    var offset = 0
    while offset + 8 <= count {
      if load(UInt64.self, at: offset) != 0 { return false }
      offset += 8
    }
    while offset < count {
      if self[offset] != 0 { return false }
      offset += 1
    }
    return true
  }
}
