import Drivers
import Journal
import JournalFile
import Ring
import Testing

/// A folder with one journal, and the memory of all that was opened in it.
final class JournalFolder {
  let folder: Folder
  let geometry: Geometry
  private var memories: [Memory] = []
  var path: String { folder.file("journal") }

  /// Small segments of small blocks, so that lanes go round quickly; or a geometry of its own.
  init(_ geometry: Geometry? = nil) throws {
    folder = try Folder()
    let small = Geometry(
      blockByteCount: 1024, blocksPerSegment: 8, alarmSegmentCount: 4, telemetrySegmentCount: 6)
    self.geometry = try #require(geometry ?? small)
  }

  private func memory(_ byteCount: Int) -> Bytes {
    let memory = Memory(byteCount: byteCount)
    memories.append(memory)
    return memory.bytes
  }

  func open(
    _ settings: JournalSettings = JournalSettings(), keys: SealKeys? = nil,
    epoch: EpochChoice = .next(atLeast: 0)
  ) throws -> Journal<FileStorage> {
    let file = try JournalFile.open(path, geometry: geometry)
    let memory = memory(Journal<FileStorage>.memoryByteCount(file.geometry))
    return try Journal(
      file.take(), memory: memory, settings: settings, keys: keys, epoch: epoch)
  }

  func reader(_ lane: Lane, keys: SealKeys? = nil) throws -> JournalReader<FileStorage> {
    let file = try JournalFile.read(path)
    let memory = memory(JournalReader<FileStorage>.memoryByteCount(file.geometry, lane))
    return try JournalReader(file.take(), lane: lane, memory: memory, keys: keys)
  }

  /// All that the receiver still needs of a lane.
  func items(_ lane: Lane, keys: SealKeys? = nil) throws -> [Item] {
    var reader = try reader(lane, keys: keys)
    return rest(of: &reader)
  }
}

/// What a reader gave.
enum Item: Equatable {
  case event(epoch: UInt64, sequence: UInt64, bytes: [UInt8])
  case window(count: UInt32, channel: UInt16)
  case gap(Gap)
}

/// What a reader gives up to the end.
func rest(of reader: inout JournalReader<FileStorage>) -> [Item] {
  var items: [Item] = []
  // Each turn reads a record or a gap, of which there is an end.
  while true {
    switch reader.next() {
    case .end: return items
    case .gap(let gap): items.append(.gap(gap))
    case .record(let found):
      if found.kind == .thinned, let event = Event(reader.record) {
        items.append(.window(count: event.count, channel: event.channel))
      } else {
        items.append(
          .event(
            epoch: found.after.epoch, sequence: found.after.sequence,
            bytes: (0..<found.byteCount).map { reader.record[$0] }))
      }
    }
  }
}

extension Journal where S: ~Copyable {
  /// Appends one that must be taken, after a commit if there is no room before.
  mutating func put(_ bytes: [UInt8], sequence: UInt64, lane: Lane = .telemetry) throws {
    let memory = Memory(bytes)
    let payload = memory.bytes.slice(0, bytes.count)
    var result = append(payload, sequence: sequence, lane: lane)
    if result == .commitFirst {
      try commit()
      result = append(payload, sequence: sequence, lane: lane)
    }
    #expect(result == .pending)
  }
}

/// The bytes of a value's event.
func valueBytes(_ sequence: UInt64, channel: UInt16 = 0, value: Double = 1) -> [UInt8] {
  let memory = Memory(byteCount: Event.recordByteCount)
  Event(kind: .value, channel: channel, time: Int64(sequence), sequence: sequence, value: value)
    .store(in: memory.bytes)
  return memory.array(Event.recordByteCount)
}

// `#expect` takes its expression apart, and copies what it finds there: a journal can't be copied.

func same<T: Equatable>(
  _ value: T, _ expected: T, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(value == expected, sourceLocation: sourceLocation)
}

func holds(_ isTrue: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(isTrue, sourceLocation: sourceLocation)
}
