import Ring

/// What a sense task must not forget, and its way into the ring to the pipeline: readings, sequence
/// numbers and totals are committed together, so a task that dies and comes back goes on at the
/// deadline where the dead one stopped, without a reading lost or doubled.
///
/// When the ring is full, readings are dropped, but not their numbers: per channel the first and
/// the count of what was dropped are kept, and go out as one `overflow` reading before the
/// channel's next one.
///
/// The state in the task's commit cell, version by the cell's own header:
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | 1 once the task has started in this boot |
/// | 8 | 8 | time of the first start, ns of CLOCK_BOOTTIME: deadlines count from it |
/// | 16 | 8 | total of readings staged |
/// | 24 | 8 | total of missed deadlines |
/// | 32 | 8 | total of lost edges |
/// | 40 | 8 | total of readings dropped |
/// | 48 | 8 | total of deadlines left out |
/// | 64 + 32 × channel | 8 | next sequence |
/// | + 8 | 8 | first dropped sequence |
/// | + 16 | 8 | count of sequences dropped, 0: none |
/// | + 24 | 8 | zero |
public struct SenseLedger: ~Copyable {
  private var committer: Committer
  private var producer: Producer<Reading>
  /// Of the ring: when each reading came, in ns of CLOCK_BOOTTIME.
  private let notes: RingNotes?
  private let channelCount: Int
  private var isChanged = false
  /// Channels with an `overflow` reading that still has to go out.
  private var overflowCount = 0

  static var headerByteCount: Int { 64 }
  static var recordByteCount: Int { 32 }

  /// What a commit cell's state needs for `channelCount` channels.
  public static func stateByteCount(channelCount: Int) -> Int {
    headerByteCount + channelCount * recordByteCount
  }

  /// The cell has one position (the ring's head) and a state for `channelCount` channels; traps
  /// otherwise. Goes on where the last ledger of this cell committed.
  public init(
    cell: CommitCell, ring: Ring<Reading>, channelCount: Int, notes: RingNotes? = nil
  ) {
    precondition(cell.positionCount == 1)
    precondition(cell.stateByteCount == Self.stateByteCount(channelCount: channelCount))
    var committer = Committer(cell)
    producer = committer.producer(of: ring, position: 0)
    self.committer = committer
    self.channelCount = channelCount
    self.notes = notes
    for channel in 0..<channelCount where dropped(UInt16(channel)).count > 0 { overflowCount += 1 }
  }

  /// When the task first started in this boot; nil when this is the first time.
  public var startTime: Int64? {
    committer.load(UInt64.self, at: 0) == 0 ? nil : committer.load(Int64.self, at: 8)
  }

  /// Sets and commits the time of the first start; once only.
  public mutating func start(at time: Int64) {
    precondition(startTime == nil)
    committer.store(UInt64(1), at: 0)
    committer.store(time, at: 8)
    committer.commit()
  }

  /// The sequence number of the channel's next reading.
  public func next(_ channel: UInt16) -> UInt64 {
    committer.load(UInt64.self, at: offset(channel))
  }

  public mutating func setNext(_ channel: UInt16, to sequence: UInt64) {
    let old = next(channel)
    precondition(sequence >= old)
    if sequence == old { return }
    committer.store(sequence, at: offset(channel))
    isChanged = true
  }

  /// Stages all of `output`; what the ring has no room for is dropped and counted.
  public mutating func record(_ output: borrowing SenseOutput) {
    for index in 0..<output.count { record(output[index]) }
  }

  private mutating func record(_ reading: Reading) {
    isChanged = true
    switch reading.kind {
    case .sample, .edge, .pulses, .overflow: break
    case .missedDeadlines: add(UInt64(reading.count), at: 24)
    case .lostEdges: add(UInt64(reading.count), at: 32)
    case .slowed: add(UInt64(reading.count), at: 48)
    }
    if sendOverflow(reading.channel, time: reading.time), producer.stage(reading) {
      add(1, at: 16)
      return
    }
    add(1, at: 40)
    var (first, count) = dropped(reading.channel)
    if count == 0 {
      first = reading.sequence
      overflowCount += 1
    }
    count += Self.sequenceCount(reading)
    setDropped(reading.channel, first, count)
  }

  /// How many sequence numbers a reading takes. One whose loss has no number takes none, but must
  /// not go by unseen, so a dropped one counts as one.
  private static func sequenceCount(_ reading: Reading) -> UInt64 {
    switch reading.kind {
    case .sample, .edge, .pulses: 1
    case .missedDeadlines, .lostEdges, .overflow, .slowed: max(UInt64(reading.count), 1)
    }
  }

  /// Sends the channel's `overflow` reading, if it has one to send. False when there is no room.
  private mutating func sendOverflow(_ channel: UInt16, time: Int64) -> Bool {
    let (first, count) = dropped(channel)
    if count == 0 { return true }
    let part = UInt32(clamping: count)
    let reading = Reading(
      time: time, sequence: first, value: .nan, count: part, channel: channel, kind: .overflow)
    guard producer.stage(reading) else { return false }
    isChanged = true
    setDropped(channel, first + UInt64(part), count - UInt64(part))
    guard count == UInt64(part) else { return false }
    overflowCount -= 1
    return true
  }

  /// Whether some `overflow` reading waits for room.
  public var hasOverflow: Bool { overflowCount > 0 }

  /// Sends what `overflow` readings there is room for, so that a channel that has fallen silent is
  /// told of too.
  public mutating func flushOverflow(now: Int64) {
    guard overflowCount > 0 else { return }
    for channel in 0..<channelCount {
      if !sendOverflow(UInt16(channel), time: now) { return }
    }
  }

  /// Commits what was recorded since the last time. True when there was something, and the pipeline
  /// may have to be woken. `now`, in ns of CLOCK_BOOTTIME, is noted of each reading.
  public mutating func commit(now: Int64 = 0) -> Bool {
    guard isChanged else { return false }
    if let notes {
      // At most as many as the ring holds.
      var position = producer.ring.head.load()
      while position < producer.stagedHead {
        notes[position] = UInt64(bitPattern: now)
        position += 1
      }
    }
    committer.setPosition(0, to: producer.stagedHead)
    committer.commit()
    isChanged = false
    return true
  }

  /// What was counted since the first start, for the console.
  public var totals: SenseTotals {
    SenseTotals(
      readings: committer.load(UInt64.self, at: 16),
      missedDeadlines: committer.load(UInt64.self, at: 24),
      lostEdges: committer.load(UInt64.self, at: 32),
      readingsDropped: committer.load(UInt64.self, at: 40),
      slowed: committer.load(UInt64.self, at: 48))
  }

  private mutating func add(_ count: UInt64, at offset: Int) {
    committer.store(committer.load(UInt64.self, at: offset) &+ count, at: offset)
  }

  private func dropped(_ channel: UInt16) -> (first: UInt64, count: UInt64) {
    let offset = offset(channel)
    return (
      committer.load(UInt64.self, at: offset + 8), committer.load(UInt64.self, at: offset + 16)
    )
  }

  private mutating func setDropped(_ channel: UInt16, _ first: UInt64, _ count: UInt64) {
    let offset = offset(channel)
    committer.store(first, at: offset + 8)
    committer.store(count, at: offset + 16)
  }

  private func offset(_ channel: UInt16) -> Int {
    precondition(channel < channelCount)
    return Self.headerByteCount + Int(channel) * Self.recordByteCount
  }
}

/// What a sense task counted since its first start in this boot.
public struct SenseTotals: Equatable, Sendable {
  public var readings: UInt64
  public var missedDeadlines: UInt64
  public var lostEdges: UInt64
  public var readingsDropped: UInt64
  public var slowed: UInt64
}
