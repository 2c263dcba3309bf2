import Journal
import JournalFile
import Linux
import Ring

/// Reads one lane of the journal at any place, also what the broker has acknowledged long ago, and
/// leaves the marks alone.
final class LaneArchive {
  /// How many records one call looks at, at most: some milliseconds' worth.
  static let stepCountMax = 16_384

  /// What a call found.
  enum Found {
    case event(EventItem)
    /// Nothing more before the end that was given.
    case end
    /// Nothing yet: to be called again.
    case unfinished
  }

  let lane: Lane
  private var reader: JournalReader<FileStorage>
  private let memory: JournalMemory
  /// Where something was surely damaged.
  private var damage: UInt64?

  init(_ source: JournalSource, lane: Lane) throws(JournalFileError) {
    let file = try source.open()
    memory = JournalMemory(
      byteCount: JournalReader<FileStorage>.memoryByteCount(file.geometry, lane))
    // All of the lane is read.
    var storage = file.take()
    storage.life = source.life
    do throws(JournalOpenError) {
      reader = try JournalReader(
        storage, lane: lane, memory: memory.bytes, keys: source.keys)
    } catch {
      throw .open(error)
    }
    self.lane = lane
  }

  /// The first event that the lane holds before the ordinal `end`; nil for none.
  func lowest(before end: UInt64) -> EventPlace? {
    // A replay that is under way goes on where it was.
    let place = reader.place
    defer { reader.seek(place) }
    reader.refresh()
    reader.seek(Mark())
    guard case .event(let item) = next(before: end, from: EventPlace()) else { return nil }
    return item.place
  }

  /// Goes to a place from which on every event is read that is the given one, or later.
  func seek(_ first: EventPlace) {
    damage = nil
    reader.refresh()
    var ordinal = UInt64.max
    for index in 0..<reader.segmentCount {
      guard let segment = reader.segment(index), !segment.ordinals.isEmpty,
        EventPlace(epoch: segment.lastEpoch, sequence: segment.lastSequence) >= first
      else { continue }
      ordinal = min(ordinal, segment.ordinals.lowerBound)
    }
    reader.seek(Mark(ordinal: ordinal))
  }

  /// The next event that is `first` or later, before the ordinal `end`. What is missing is passed
  /// over; so are thinned windows, which stand for events that are gone.
  func next(before end: UInt64, from first: EventPlace) -> Found {
    for _ in 0..<Self.stepCountMax {
      let before = reader.place
      switch reader.next(before: end) {
      case .end: return .end
      case .gap(let gap):
        // The writer may just have overwritten the segment, or begun another one.
        guard gap.reason == .damaged, damage != before.ordinal else { continue }
        damage = before.ordinal
        reader.refresh()
        reader.seek(before)
      case .record(let found):
        guard found.kind == .event, let event = Event(reader.record) else { continue }
        let item = EventItem(
          content: .event(event), epoch: found.after.epoch, after: found.after)
        if item.place >= first { return .event(item) }
      }
    }
    return .unfinished
  }
}

/// Which event it is: the boot, and its number in it.
struct EventPlace: Equatable, Comparable {
  var epoch: UInt64 = 0
  var sequence: UInt64 = 0

  static func < (a: EventPlace, b: EventPlace) -> Bool {
    a.epoch == b.epoch ? a.sequence < b.sequence : a.epoch < b.epoch
  }
}

extension EventItem {
  /// Of the event, or of the last one that is missing.
  var place: EventPlace { EventPlace(epoch: after.epoch, sequence: after.sequence) }
}
