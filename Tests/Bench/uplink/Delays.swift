import BenchTable
import CLinux
import Clients
import Configuration
import Journal
import Linux
import Ring
import Uplink

/// Delays in ns, of many events.
struct Delays {
  private(set) var values: [Int64] = []

  mutating func add(_ value: Int64) { values.append(value) }

  var count: Int { values.count }

  /// In ms, of the shares of the events.
  func quantiles(_ shares: [Double]) -> [Double] {
    let sorted = values.sorted()
    return shares.map { share in
      if sorted.isEmpty { return 0 }
      return Double(sorted[min(Int(share * Double(sorted.count)), sorted.count - 1)]) / 1e6
    }
  }
}

/// From the moment of a reading to its arrival at a subscriber of the same broker, durable in
/// between: it is appended, committed at once, and only then published.
func measureDelay(
  folder: String, port: Int32, count: Int
) throws(BenchFailure) -> Delays {
  let pair = try Pair(folder + "/delay", byteCount: 4 << 20)
  let listener = try Listener(port: port, topic: "weir/\(Pair.device)/live")
  try pair.start(port: port, window: 32, batch: BatchSettings(), isTraced: true)
  defer { pair.stop() }
  var delays = Delays()
  for index in 0..<count {
    let number = pair.sequence
    let start = Clock.boot()
    try pair.append(
      Event(
        kind: .value, channel: Pair.liveChannel, time: start, readingSequence: number,
        value: 21 + Double(index % 64) / 16))
    try pair.commit()
    var arrived: Int64?
    while arrived == nil, Clock.boot() - start < 2_000_000_000 {
      listener.step(milliseconds: 100)
      while let one = listener.take() {
        if one.sequence == number { arrived = one.time }
      }
    }
    guard let arrived else { throw .failed("a reading does not arrive") }
    delays.add(arrived - start)
    // The next one comes when everybody sleeps again.
    Futex.pause(nanoseconds: 1_000_000)
  }
  return delays
}

/// What an outage left behind, and what became of it.
struct Drain {
  var eventCount: UInt64
  var seconds: Double
  var live: Delays
}

/// Fills a journal while there is no broker, starts one, and lets the uplink send all of it, while
/// 500 readings a second go on.
func measureDrain(
  folder: String, port: Int32, byteCount: Int64, batch: BatchSettings
) throws(BenchFailure) -> Drain {
  let pair = try Pair(folder + "/drain-\(batch.eventCount)", byteCount: byteCount)
  try pair.start(port: port, window: 100, batch: batch, waits: false)
  defer { pair.stop() }
  let begin = Clock.boot()
  while pair.evictedCount == 0 {
    for _ in 0..<4096 {
      try pair.append(Pair.reading(pair.sequence, time: begin + Int64(pair.sequence) * 1_000_000))
    }
    try pair.commit()
  }
  let end = pair.appendedCount
  let eventCount = end - pair.evictedCount
  // Safe: the path is used only during the call.
  let broker = unsafe folder.withCString { unsafe client_start_broker($0, port) }
  guard broker > 0 else { throw .failed("the broker does not start") }
  defer { client_end(broker, Linux.Signal.terminate) }
  let listener = try Listener(port: port, topic: "weir/\(Pair.device)/live")
  let connects = pair.slot[.connects]
  try pair.wait("the uplink does not connect") { pair.slot[.connects] > connects }
  let start = Clock.monotonic()
  var live = Delays()
  var times: [Int64] = []
  let firstLive = pair.sequence
  var next = start
  while pair.acknowledgedCount < end {
    guard Clock.monotonic() - start < 120_000_000_000 else { throw .failed("it does not drain") }
    if Clock.monotonic() >= next {
      next += 2_000_000
      let time = Clock.boot()
      times.append(time)
      try pair.append(
        Event(
          kind: .value, channel: Pair.liveChannel, time: time, readingSequence: pair.sequence,
          value: 21.5))
      try pair.commit()
    }
    listener.step(milliseconds: 1)
    while let one = listener.take() {
      guard one.sequence >= firstLive else { continue }
      live.add(one.time - times[Int(one.sequence - firstLive)])
    }
  }
  let seconds = Double(Clock.monotonic() - start) / 1e9
  return Drain(eventCount: eventCount, seconds: seconds, live: live)
}

/// A subscriber of the broker.
@safe final class Listener {
  private let listener: OpaquePointer

  init(port: Int32, topic: String) throws(BenchFailure) {
    // Safe: the topic is used only during the call.
    guard let listener = unsafe topic.withCString({ unsafe listener_open(port, $0) }) else {
      throw .failed("the subscriber does not connect")
    }
    unsafe self.listener = listener
  }

  deinit {
    // Safe: opened in init, and used no more.
    unsafe listener_close(listener)
  }

  // Safe, in all that follows: it is open.

  func step(milliseconds: Int32) { unsafe listener_step(listener, milliseconds) }

  func take() -> arrival? {
    var one = arrival()
    return unsafe listener_take(listener, &one) != 0 ? one : nil
  }

  /// The last payload that was a number; nil before.
  var number: Int64? {
    let value = unsafe listener_number(listener)
    return value < 0 ? nil : value
  }
}
