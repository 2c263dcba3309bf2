import Ring

/// The window of one channel and epoch, from a stretch of the lane that is evicted.
struct ThinWindow: BitwiseCopyable {
  var epoch: UInt64
  var event: Event
  /// Of the values, each by the number of readings that it stands for.
  var sum: Double

  /// Begins with one event; nil for one that carries no value.
  init?(_ event: Event, epoch: UInt64) {
    guard let count = Self.readingCount(event), event.value.isFinite else { return nil }
    self.epoch = epoch
    self.event = event
    sum = event.value * Double(count)
    if event.kind == .value {
      self.event.minimum = event.value
      self.event.maximum = event.value
      self.event.span = 0
    }
    self.event.kind = .window
    self.event.count = count
  }

  /// Adds a later window of the same channel and epoch.
  mutating func add(_ other: ThinWindow) {
    let start = min(event.time - event.span, other.event.time - other.event.span)
    let end = max(event.time, other.event.time)
    let (count, isTooMany) = event.count.addingReportingOverflow(other.event.count)
    sum += other.sum
    event.count = isTooMany ? UInt32.max : count
    event.value = sum / max(Double(event.count), 1)
    event.minimum = min(event.minimum, other.event.minimum)
    event.maximum = max(event.maximum, other.event.maximum)
    event.time = end
    event.span = end - start
    event.sequence = max(event.sequence, other.event.sequence)
    event.readingSequence = max(event.readingSequence, other.event.readingSequence)
  }

  /// How many readings the event's value stands for; nil if it has none.
  private static func readingCount(_ event: Event) -> UInt32? {
    switch event.kind {
    case .value: 1
    case .window: event.count
    case .alarmRaised, .alarmCleared, .edge, .missedDeadlines, .lostEdges, .droppedReadings,
      .droppedEvents, .slowedSampling, .overload:
      nil
    }
  }
}

extension Journal where S: ~Copyable {
  /// How many channels of an evicted segment get a window; further ones are in the gap only.
  static var thinWindowCountMax: Int { 32 }

  /// Puts windows in the place of what is evicted with `segment`, from the ordinal `from` on. They
  /// become durable with the commit that makes the eviction durable.
  mutating func thin(_ index: Int, segment: Int, from: UInt64) {
    let lane = lanes[index].lane
    var windows = InlineArray<32, ThinWindow?>(repeating: nil)
    var windowCount = 0
    readSegment(&storage, geometry, lane, segment, into: scratch)
    var view = SegmentView(
      scratch, geometry, lane: lane, identity: lanes[index].identity,
      sequence: lanes[index].table[segment].sequence)
    var place = from
    let end = lanes[index].evicted.ordinal
    var record = InlineArray<256, UInt8>(repeating: 0)
    // Safe: the record's bytes are used only inside.
    unsafe withUnsafeMutableBytes(of: &record) {
      let bytes = unsafe Bytes(base: $0.baseAddress.unsafelyUnwrapped, count: $0.count)
      while place < end, let found = view.next(at: place, into: bytes, &cipher) {
        place = found.after.ordinal
        guard place <= end, let window = ThinWindow(found, bytes) else { continue }
        Self.add(window, to: &windows, count: &windowCount)
      }
      for position in 0..<windowCount {
        guard let window = windows[position] else { break }
        window.event.store(in: bytes)
        bytes.store(window.epoch, at: Event.recordByteCount)
        if lanes[index].appendThinned(bytes.slice(0, Event.thinnedByteCount)) {
          counts.thinned += 1
        }
      }
    }
  }

  private static func add(
    _ window: ThinWindow, to windows: inout InlineArray<32, ThinWindow?>, count: inout Int
  ) {
    for position in 0..<count {
      guard let known = windows[position], known.epoch == window.epoch,
        known.event.channel == window.event.channel
      else { continue }
      windows[position]?.add(window)
      return
    }
    guard count < thinWindowCountMax else { return }
    windows[count] = window
    count += 1
  }
}

extension ThinWindow {
  /// The window of a record, if it has one.
  init?(_ found: FoundRecord, _ bytes: Bytes) {
    switch found.kind {
    case .event:
      guard found.byteCount == Event.recordByteCount, let event = Event(bytes) else { return nil }
      self.init(event, epoch: found.after.epoch)
    case .thinned:
      guard found.byteCount == Event.thinnedByteCount, let event = Event(bytes) else {
        return nil
      }
      self.init(event, epoch: bytes.load(UInt64.self, at: Event.recordByteCount))
    }
  }
}
