import Ring

/// How events lie in records: an event is its 64 bytes, as the table of `Event` has them, with the
/// lowest byte of each number first. A window that thinning made has 8 more: the epoch of the
/// events that it stands for; its `sequence` is that of the last of them.
extension Event {
  /// The size of an event's record.
  public static var recordByteCount: Int { 64 }
  /// The size of the record of a thinned window.
  public static var thinnedByteCount: Int { 72 }

  /// Puts the event into the first 64 bytes.
  public func store(in bytes: Bytes) {
    var event = self
    // Safe: Event is 64 bytes without gaps, as its table says; bytes is at least as large.
    precondition(MemoryLayout<Event>.size == Self.recordByteCount)
    unsafe withUnsafeBytes(of: &event) {
      let source = unsafe UnsafeMutableRawPointer(mutating: $0.baseAddress.unsafelyUnwrapped)
      bytes.copy(unsafe Bytes(base: source, count: $0.count))
    }
  }

  /// The event in the first 64 bytes; nil if they are none, by a kind or a quality that this
  /// version does not know.
  @inline(__always)
  public init?(_ bytes: Bytes) {
    guard bytes.count >= Self.recordByteCount, EventKind(rawValue: bytes[62]) != nil,
      Quality(rawValue: bytes[63]) != nil
    else { return nil }
    precondition(MemoryLayout<Event>.size == Self.recordByteCount)
    // Safe: 64 bytes without gaps, as the table of Event says; kind and quality, the only fields
    // that not every pattern is right for, were looked at.
    self = unsafe bytes.base.loadUnaligned(as: Event.self)
  }

  /// The lane that the event travels in.
  public var lane: Lane {
    switch kind {
    case .alarmRaised, .alarmCleared: .alarms
    case .value, .window, .edge, .missedDeadlines, .lostEdges, .droppedReadings, .droppedEvents,
      .slowedSampling, .overload:
      .telemetry
    }
  }
}
