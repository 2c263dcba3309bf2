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
  public init?(_ bytes: Bytes) {
    guard bytes.count >= Self.recordByteCount, let kind = EventKind(rawValue: bytes[62]),
      let quality = Quality(rawValue: bytes[63])
    else { return nil }
    self.init(
      kind: kind, channel: bytes.load(UInt16.self, at: 60),
      time: bytes.load(Int64.self, at: 0), sequence: bytes.load(UInt64.self, at: 8),
      readingSequence: bytes.load(UInt64.self, at: 16),
      value: Double(bitPattern: bytes.load(UInt64.self, at: 24)), quality: quality,
      minimum: Double(bitPattern: bytes.load(UInt64.self, at: 32)),
      maximum: Double(bitPattern: bytes.load(UInt64.self, at: 40)),
      span: bytes.load(Int64.self, at: 48), count: bytes.load(UInt32.self, at: 56))
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
