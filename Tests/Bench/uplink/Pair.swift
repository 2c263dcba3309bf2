import CLinux
import Clients
import Configuration
import Journal
import JournalFile
import Linux
import Ring
import Uplink

/// Why the benchmark could not go on.
enum BenchFailure: Error {
  case failed(String)
}

/// Journal and uplink as a gateway has them: this process writes the journal's file and makes it
/// durable, another one, forked from here, takes what is durable from the file to the broker. They
/// share a mapping, as in the gateway's arena.
final class Pair {
  /// The last is what the others are not: live while those are old.
  static var channels: [ChannelSettings] {
    [
      ChannelSettings(name: "boiler.temperature", unit: "Cel"),
      ChannelSettings(name: "room.temperature", unit: "Cel"),
      ChannelSettings(name: "room.pressure", unit: "Pa"),
      ChannelSettings(name: "flow", unit: "Hz"),
      ChannelSettings(name: "live", unit: "Cel"),
    ]
  }
  static var device: String { "bench-gateway" }
  static var liveChannel: UInt16 { 4 }

  private let mapping: SharedMapping
  private let memory: JournalMemory
  private var feed: Feed
  private let share: JournalShare
  let slot: TaskSlot
  private let bell: Doorbell
  private let bellCounter: EventCounter
  private let stopCounter: EventCounter
  private let folder: FileDescriptor
  private let epoch: UInt64
  /// Of this process's child; nil while there is none.
  private(set) var uplink: Int32?

  /// A journal of so many bytes in the folder.
  init(_ path: String, byteCount: Int64) throws(BenchFailure) {
    guard let geometry = Geometry(byteCount: byteCount + Geometry.dataOffset) else {
      throw .failed("no geometry")
    }
    var plan = ArenaPlan()
    let boardRegion = plan.reserve(byteCount: JournalBoard.byteCount)
    let fileRegion = plan.reserve(byteCount: DeliveryMarks.byteCount)
    let memoryRegion = plan.reserve(byteCount: DeliveryMarks.byteCount)
    let slotRegion = plan.reserve(byteCount: TaskSlot.taskByteCount)
    let verdictRegion = plan.reserve(byteCount: TaskSlot.supervisorByteCount)
    let bellRegion = plan.reserve(byteCount: Doorbell.byteCount)
    memory = JournalMemory(byteCount: Journal<FileStorage>.memoryByteCount(geometry))
    var settings = JournalSettings()
    settings.isDelta = true
    System.makeFolder(path)
    do throws(SystemError) {
      mapping = try SharedMapping(byteCount: plan.byteCount)
      bellCounter = try EventCounter()
      stopCounter = try EventCounter()
      folder = try FileDescriptor(opening: path, [.readOnly, .directory])
    } catch {
      throw .failed("\(error.call.description): \(error.text)")
    }
    // Safe: the mapping lives as long as this object.
    let arena = unsafe Arena(base: mapping.base, byteCount: mapping.byteCount)
    share = JournalShare(
      source: JournalSource(path: path + "/log", folder: folder.number, memory: -1),
      board: JournalBoard.format(arena[boardRegion]),
      fileMarks: DeliveryMarks.format(arena[fileRegion]),
      memoryMarks: DeliveryMarks.format(arena[memoryRegion]))
    slot = TaskSlot.format(task: arena[slotRegion], supervisor: arena[verdictRegion])
    bell = Doorbell.format(arena[bellRegion])
    do throws(JournalFileError) {
      let file = try JournalFile.open(path + "/log", geometry: geometry)
      do throws(JournalOpenError) {
        feed = Feed(
          try Journal(
            file.take(), memory: memory.bytes, settings: settings, epoch: .next(atLeast: 1)),
          share, bell, bellCounter.descriptor.number)
      } catch {
        throw .open(error)
      }
    } catch {
      throw .failed(error.text(path))
    }
    epoch = feed.journal.epoch
    share.board.medium = .file
  }

  /// The number of the next event.
  var sequence: UInt64 { feed.sequence }

  /// Appends an event; commits first where there is no room.
  func append(_ event: Event) throws(BenchFailure) { try feed.append(event) }

  /// Appends so many readings, a microsecond apart.
  func append(count: Int, from time: Int64) throws(BenchFailure) {
    try feed.append(count: count, from: time)
  }

  /// Makes durable what was appended, shows it, and rings: what the journal's task does.
  func commit() throws(BenchFailure) { try feed.commit() }

  /// How many events of telemetry were ever appended, and how many of them the broker has, in
  /// order.
  var appendedCount: UInt64 { feed.journal.end(.telemetry).ordinal }
  var acknowledgedCount: UInt64 { share.fileMarks.acknowledged[.telemetry]?.ordinal ?? 0 }
  /// Events that made room for others before the broker had them.
  var evictedCount: UInt64 { feed.journal.counts.evicted }

  /// Starts an uplink, and waits until it is connected, unless there is no broker.
  func start(
    port: Int32, window: UInt16, batch: BatchSettings, isTraced: Bool = false,
    waits: Bool = true
  ) throws(BenchFailure) {
    var settings = UplinkSettings()
    settings.host = "127.0.0.1"
    settings.port = UInt16(port)
    settings.inFlightWindow = window
    settings.batch = batch
    settings.logThreshold = nil
    settings.retrySecondsMax = 1
    var context = UplinkContext(
      settings: settings, channels: Self.channels, device: Self.device, epoch: epoch,
      version: "bench", journal: share, doorbell: bell,
      doorbellDescriptor: bellCounter.descriptor.number,
      stopDescriptor: stopCounter.descriptor.number, slot: slot,
      clock: ClockTrust(lowerBound: 0, isPlausibleEnough: true))
    if isTraced { context.trace = Trace(first: 1, second: 2) }
    let connects = slot[.connects]
    let parent = ProcessID.current
    do throws(SystemError) {
      switch try forkProcess() {
      case .child:
        becomeChild(named: "uplink", parent: parent)
        serveUplink(context, seed: 1)
        exitProcess(0)
      case .parent(let child): uplink = child.number
      }
    } catch {
      throw .failed("fork: \(error.text)")
    }
    guard waits else { return }
    try wait("the uplink does not connect") { self.slot[.connects] > connects }
    // Birth and checkpoint are on their way.
    Futex.pause(nanoseconds: 150_000_000)
  }

  func stop() {
    guard let child = uplink else { return }
    stopCounter.signal()
    if client_has_ended(child, 5000) == 0 { client_end(child, Linux.Signal.kill) }
    stopCounter.acknowledge()
    uplink = nil
  }

  /// Waits, at most 20 s.
  func wait(_ complaint: String, until condition: () -> Bool) throws(BenchFailure) {
    let deadline = Clock.monotonic() + 20_000_000_000
    while !condition() {
      guard Clock.monotonic() < deadline else { throw .failed(complaint) }
      Futex.pause(nanoseconds: 100_000)
    }
  }

  func waitUntilEmpty() throws(BenchFailure) {
    try wait("the broker does not get everything") {
      self.acknowledgedCount >= self.appendedCount
    }
  }

  /// A reading as a gateway has it: four channels in turn, at `time`.
  static func reading(_ number: UInt64, time: Int64) -> Event {
    let step = Double(number / 4 % 64)
    let channel = UInt16(number % 4)
    let value =
      switch channel {
      case 0: 60 + step / 16
      case 1: 20.5 + step / 100
      case 2: 101_300 + step * 1.0625
      default: 5 + (number % 3 == 0 ? 0 : 0.5)
      }
    return Event(
      kind: .value, channel: channel, time: time, readingSequence: number / 4, value: value)
  }
}
