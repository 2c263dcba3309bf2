import BenchTable
import CLinux
import Clients
import Configuration
import Journal
import Linux
import Ring
import Uplink

/// One row of the table of sizes.
struct Size {
  var eventCount: UInt16
  var isCompressed: Bool
  /// Bytes that the broker has received for each reading, everything of MQTT among them.
  var bytes: Double
  var tracedBytes: Double
}

/// What a reading takes on the wire: the broker itself says how many bytes it has received.
func measureSizes(folder: String, port: Int32) throws(BenchFailure) -> [Size] {
  let pair = try Pair(folder + "/sizes", byteCount: 4 << 20)
  let listener = try Listener(port: port, topic: "$SYS/broker/bytes/received")
  var sizes: [Size] = []
  for eventCount in [1, 16, 64] as [UInt16] {
    for isCompressed in [false, true] {
      var batch = BatchSettings()
      batch.eventCount = eventCount
      batch.isCompressed = isCompressed
      var bytes: [Double] = []
      for isTraced in [false, true] {
        try pair.start(port: port, window: 100, batch: batch, isTraced: isTraced)
        let before = try receivedCount(listener)
        let count = 64 * 100
        let time = Clock.boot()
        for index in 0..<count {
          // Four channels once a second each, with the jitter that clocks have.
          let moment = time - 1_600_000_000_000 + Int64(index) * 250_000_000
          let jitter = Int64(index * 7919 % 997) * 1000
          try pair.append(Pair.reading(pair.sequence, time: moment + jitter))
        }
        try pair.commit()
        try pair.waitUntilEmpty()
        bytes.append(Double(try receivedCount(listener) - before) / Double(count))
        pair.stop()
      }
      sizes.append(
        Size(
          eventCount: eventCount, isCompressed: isCompressed, bytes: bytes[0],
          tracedBytes: bytes[1]))
    }
  }
  return sizes
}

/// What the broker says after two turns of its own clock, which tells once a second when the number
/// has changed.
private func receivedCount(_ listener: Listener) throws(BenchFailure) -> Int64 {
  let end = Clock.monotonic() + 2_200_000_000
  while Clock.monotonic() < end { listener.step(milliseconds: 50) }
  guard let number = listener.number else { throw .failed("the broker does not count bytes") }
  return number
}
