import BenchTable
import CLinux
import Clients
import Configuration
import Journal
import Linux
import Ring
import Uplink

/// Who publishes.
enum Contender: Int {
  case weir1
  case weir16
  case weir64
  case libmosquitto
  /// The same messages as `weir64`, but made before: what is possible with such a broker.
  case libmosquitto64
  case mosquittoPub
  case paho

  static var all: [Contender] {
    [.weir1, .weir16, .weir64, .libmosquitto, .libmosquitto64, .mosquittoPub, .paho]
  }

  var title: String {
    switch self {
    case .weir1: "weir, 1 a message"
    case .weir16: "weir, 16 a message"
    case .weir64: "weir, 64 a message"
    case .libmosquitto: "libmosquitto, memory"
    case .libmosquitto64: "the same, 64 a message"
    case .mosquittoPub: "mosquitto_pub -l"
    case .paho: "paho-mqtt"
    }
  }

  /// Readings in a message.
  var batch: Int {
    switch self {
    case .weir1, .libmosquitto, .mosquittoPub, .paho: 1
    case .weir16: 16
    case .weir64, .libmosquitto64: 64
    }
  }

  /// Messages in one round: about a second.
  var messageCount: Int {
    switch self {
    case .weir1, .libmosquitto: 60_000
    case .weir16, .weir64, .libmosquitto64: 40_000
    case .mosquittoPub: 30_000
    case .paho: 10_000
    }
  }

  /// Of rivals, for C.
  var rival: Int32? {
    switch self {
    case .weir1, .weir16, .weir64: nil
    case .libmosquitto, .libmosquitto64: Int32(client_libmosquitto)
    case .mosquittoPub: Int32(client_mosquitto_pub)
    case .paho: Int32(client_paho)
    }
  }
}

/// What one contender took in one round.
struct Cost {
  var messagesPerSecond: Double
  /// Of all of its processes.
  var cpuPerMessage: Double
  /// Of the uplink's process alone.
  var uplinkCPUPerMessage: Double
  var brokerCPUPerMessage: Double
}

/// The contest: who brings messages to the same broker, QoS 1, with the same window.
final class Flood {
  static var window: UInt16 { 100 }
  /// So many events the journal may be ahead of the broker.
  static var leadMax: UInt64 { 65_536 }
  /// So many events are made durable together, at most.
  static var commitCountMax: Int { 4096 }

  private let pair: Pair
  private let port: Int32
  private let broker: Int32
  /// The messages of the rivals, a line each, of single events and of 64.
  private let linesPath: String
  private let linesPath64: String
  private let script: String

  init(folder: String, port: Int32, broker: Int32, script: String) throws(BenchFailure) {
    pair = try Pair(folder + "/flood", byteCount: 32 << 20)
    self.port = port
    self.broker = broker
    self.script = script
    linesPath = folder + "/lines"
    linesPath64 = folder + "/lines-64"
    try writeLines(linesPath, batch: 1)
    try writeLines(linesPath64, batch: 64)
  }

  /// The messages of the rivals: those that Weir sends of so many events.
  private func writeLines(_ path: String, batch count: Int) throws(BenchFailure) {
    var batch = BatchSettings()
    batch.eventCount = UInt16(count)
    var encoder = SenMLEncoder(
      device: Pair.device, epoch: 1, channels: Pair.channels, batch: batch)
    var bytes: [UInt8] = []
    let offset = Clock.real() - Clock.boot()
    for number in 0..<1024 {
      encoder.begin()
      for index in number * count..<(number + 1) * count {
        var event = Pair.reading(UInt64(index), time: Clock.boot() + Int64(index) * 1000)
        event.sequence = 100_000 + UInt64(index)
        guard encoder.append(event, .absolute(offset: offset)) else { throw .failed("a message") }
      }
      encoder.finish()
      // Safe: the bytes are copied.
      unsafe encoder.buffer.withBytes { bytes += unsafe Array($0) }
      bytes.append(0x0a)
    }
    do throws(SystemError) {
      let file = try FileDescriptor(opening: path, [.writeOnly, .create, .truncate])
      try file.write(all: bytes)
    } catch {
      throw .failed("\(path): \(error.text)")
    }
  }

  func measure(_ contender: Contender) throws(BenchFailure) -> Cost {
    let count = Double(contender.messageCount)
    if let rival = contender.rival {
      let before = client_processor_time(broker)
      var cost = client_cost()
      // Safe: the texts are used only during the call.
      let path = contender.batch == 1 ? linesPath : linesPath64
      let result = unsafe path.withCString { file in
        unsafe script.withCString { script in
          unsafe "weir/bench-gateway/boiler.temperature".withCString { topic in
            unsafe client_publish(
              rival, port, topic, file, Int32(contender.messageCount), Int32(Self.window), script,
              &cost)
          }
        }
      }
      guard result == 0 else { throw .failed("\(contender.title) failed") }
      let brokerTime = Double(client_processor_time(broker) - before) / 1e9
      return Cost(
        messagesPerSecond: count / cost.seconds, cpuPerMessage: cost.cpu_seconds / count,
        uplinkCPUPerMessage: cost.cpu_seconds / count, brokerCPUPerMessage: brokerTime / count)
    }
    var batch = BatchSettings()
    batch.eventCount = UInt16(contender.batch)
    try pair.start(port: port, window: Self.window, batch: batch)
    defer { pair.stop() }
    let uplink = pair.uplink ?? 0
    let before = (
      client_processor_time(0), client_processor_time(uplink), client_processor_time(broker)
    )
    let published = pair.slot[.published]
    let start = Clock.monotonic()
    try flood(contender.messageCount * contender.batch)
    let seconds = Double(Clock.monotonic() - start) / 1e9
    // One for many, a gap perhaps, would be no work.
    guard pair.slot[.published] - published >= UInt64(contender.messageCount) else {
      throw .failed("\(contender.title): fewer messages than the events make")
    }
    let own = Double(client_processor_time(0) - before.0) / 1e9
    let uplinkTime = Double(client_processor_time(uplink) - before.1) / 1e9
    let brokerTime = Double(client_processor_time(broker) - before.2) / 1e9
    return Cost(
      messagesPerSecond: count / seconds, cpuPerMessage: (own + uplinkTime) / count,
      uplinkCPUPerMessage: uplinkTime / count, brokerCPUPerMessage: brokerTime / count)
  }

  /// Appends so many events, durable before they are sent, and returns when the broker has them.
  private func flood(_ count: Int) throws(BenchFailure) {
    var left = count
    while left > 0 {
      while pair.appendedCount - pair.acknowledgedCount >= Self.leadMax {
        Futex.pause(nanoseconds: 200_000)
      }
      let share = min(left, Self.commitCountMax)
      try pair.append(count: share, from: Clock.boot())
      try pair.commit()
      left -= share
    }
    try pair.waitUntilEmpty()
  }
}
