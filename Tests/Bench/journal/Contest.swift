import CLinux
import Journal
import JournalFile
import Linux
import Stores

/// What one batch size cost a contender in one round.
struct Measurement {
  var eventsPerSecond: Double
  var cpuNanosecondsPerEvent: Double
  /// Written to the block device for each byte of events; what other programs write counts too.
  var bytesPerByte: Double
}

/// A journal of the usual size in the folder.
final class WeirStore {
  private let memory: JournalMemory
  private let key: JournalMemory
  /// The journal's task has it in a value of its own, too.
  private var writer: Writer

  init(_ path: String, isDelta: Bool, isSealed: Bool = false) throws(BenchFailure) {
    guard let geometry = Geometry(byteCount: Geometry.byteCountDefault) else {
      throw .failed("no geometry")
    }
    memory = JournalMemory(byteCount: Journal<FileStorage>.memoryByteCount(geometry))
    var settings = JournalSettings()
    settings.isDelta = isDelta
    key = JournalMemory(byteCount: SealKeys.keyByteCount)
    key.bytes.store(UInt64(1), at: 0)
    let keys = isSealed ? SealKeys(key.bytes, seals: true) : nil
    do throws(JournalFileError) {
      let file = try JournalFile.open(path, geometry: geometry)
      do throws(JournalOpenError) {
        writer = Writer(
          journal: try Journal(
            file.take(), memory: memory.bytes, settings: settings, keys: keys,
            epoch: .next(atLeast: 0)))
      } catch {
        throw .open(error)
      }
    } catch {
      throw .failed(error.text(path))
    }
  }

  /// Appends a batch, which is durable when this returns. False: that failed.
  func append(_ events: Bytes, count: Int) -> Bool { writer.append(events, count: count) }

  private struct Writer: ~Copyable {
    var journal: Journal<FileStorage>
    var sequence: UInt64 = 0

    init(journal: consuming Journal<FileStorage>) { self.journal = journal }

    mutating func append(_ events: Bytes, count: Int) -> Bool {
      for index in 0..<count {
        let event = events.slice(index * Int(store_event_size), Int(store_event_size))
        var result = journal.append(event, sequence: sequence, lane: .telemetry)
        if result == .commitFirst, commit() {
          result = journal.append(event, sequence: sequence, lane: .telemetry)
        }
        guard result == .pending else { return false }
        sequence += 1
      }
      return commit()
    }

    private mutating func commit() -> Bool {
      do throws(JournalError) {
        try journal.commit()
        return true
      } catch {
        return false
      }
    }
  }
}

/// A store of one of the rivals, closed with this object.
@safe final class Rival {
  private let store: OpaquePointer

  init(_ kind: Int, folder: String) throws(BenchFailure) {
    System.makeFolder(folder)
    // Safe: the path is used only during the call.
    guard let store = unsafe folder.withCString({ unsafe store_open(Int32(kind), $0) }) else {
      throw .failed("rival \(kind) does not open in \(folder)")
    }
    unsafe self.store = store
  }

  deinit {
    // Safe: opened in init, and used no more.
    unsafe store_close(store)
  }

  func append(_ events: Bytes, count: Int) -> Bool {
    // Safe: the store is open, and the events are at least as many.
    unsafe store_append(store, events.base, Int32(count)) == 0
  }
}

/// All contenders, each with a store of its own that lives as long as the run.
final class Contest {
  private let folder: String
  private let events = JournalMemory(byteCount: Int(store_event_size * store_batch_max))
  private let plain: WeirStore
  private let delta: WeirStore
  private let sealed: WeirStore
  private let rivals: [Rival]
  /// Of the events that were made so far.
  private var time: Int64 = 1_700_000_000_000_000_000
  private var value = 21.5

  init(folder: String) throws(BenchFailure) {
    self.folder = folder
    plain = try WeirStore(folder + "/plain", isDelta: false)
    delta = try WeirStore(folder + "/delta", isDelta: true)
    sealed = try WeirStore(folder + "/sealed", isDelta: false, isSealed: true)
    var rivals: [Rival] = []
    for kind in 0..<3 { rivals.append(try Rival(kind, folder: folder + "/rival\(kind)")) }
    self.rivals = rivals
  }

  /// Appends `commitCount` batches.
  func measure(
    _ contender: Contender, batch: Int, commitCount: Int
  ) throws(BenchFailure) -> Measurement {
    // What others left in the page cache is not this contender's.
    System.synchronize()
    let bytesBefore = deviceBytes()
    let cpuBefore = store_cpu_time()
    let start = Clock.monotonic()
    for _ in 0..<commitCount {
      makeEvents(batch)
      guard append(contender, batch) else { throw .failed("\(contender.title): a write failed") }
    }
    let seconds = Double(Clock.monotonic() - start) / 1e9
    let cpu = store_cpu_time() - cpuBefore
    // What it left there itself is.
    System.synchronize()
    let bytes = deviceBytes() - bytesBefore
    let count = Double(batch * commitCount)
    return Measurement(
      eventsPerSecond: count / seconds, cpuNanosecondsPerEvent: Double(cpu) / count,
      bytesPerByte: Double(bytes) / (count * Double(store_event_size)))
  }

  private func append(_ contender: Contender, _ batch: Int) -> Bool {
    switch contender {
    case .weir: plain.append(events.bytes, count: batch)
    case .weirDelta: delta.append(events.bytes, count: batch)
    case .weirSealed: sealed.append(events.bytes, count: batch)
    case .sqlite: rivals[Int(store_sqlite)].append(events.bytes, count: batch)
    case .lmdb: rivals[Int(store_lmdb)].append(events.bytes, count: batch)
    case .limit: rivals[Int(store_limit)].append(events.bytes, count: batch)
    }
  }

  private func deviceBytes() -> Int64 {
    // Safe: the path is used only during the call.
    unsafe folder.withCString { unsafe store_device_bytes($0) }
  }

  /// Events as a gateway has them: time, number, a value that moves by sixteenths, channel.
  private func makeEvents(_ count: Int) {
    for index in 0..<count {
      time += 1_000_000_000 + time % 997
      value += Double(time % 5 - 2) / 16
      let event = events.bytes.slice(index * Int(store_event_size), Int(store_event_size))
      event.store(time, at: 0)
      event.store(UInt64(time / 1_000_000_000), at: 8)
      event.store(value.bitPattern, at: 16)
      event.store(UInt64(3), at: 24)
    }
  }
}
