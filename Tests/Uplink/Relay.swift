import Drivers
import Foundation

/// A TCP relay to a broker that cuts its first connections after a random number of bytes, in the
/// one direction or the other.
final class Relay: Sendable {
  private let listener: Listener
  private let counter: Counter

  var port: Int { listener.port }
  /// What clients have sent, over all connections.
  var sentByteCount: Int { counter.lock.withLock { counter.sentByteCount } }
  var connectionCount: Int { counter.lock.withLock { counter.count } }

  private final class Counter: @unchecked Sendable {
    let lock = NSLock()
    var count = 0
    var sentByteCount = 0
    var random: UInt64
    init(seed: UInt64) { random = seed | 1 }
  }

  init(to brokerPort: Int, seed: UInt64, cutCount: Int) throws {
    let counter = Counter(seed: seed)
    self.counter = counter
    listener = try Listener { connection in
      let (up, down) = counter.lock.withLock { () -> (Int, Int) in
        counter.count += 1
        counter.random = counter.random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        if counter.count > cutCount { return (.max, .max) }
        let limit = Int(counter.random >> 33) % 4000
        // Every third time the broker's answers are cut, which are much shorter.
        return counter.count % 3 == 0 ? (.max, limit % 60) : (limit, .max)
      }
      guard let upstream = Listener.connect(to: brokerPort) else { return }
      defer { close(upstream) }
      relay(connection, upstream, up, down) { count in
        counter.lock.withLock { counter.sentByteCount += count }
      }
    }
  }
}

/// Carries bytes both ways until one side ends, or a limit is reached.
private func relay(
  _ client: Int32, _ broker: Int32, _ up: Int, _ down: Int, _ note: (Int) -> Void
) {
  var rests = [up, down]
  let ends = [(client, broker), (broker, client)]
  while true {
    var items = ends.map { pollfd(fd: $0.0, events: Int16(POLLIN), revents: 0) }
    // Safe: the array outlives the call, and its count is given.
    guard unsafe poll(&items, 2, 60_000) > 0 else { return }
    for index in 0..<2 where items[index].revents != 0 {
      if rests[index] == 0 { return }
      let bytes = receive(ends[index].0, limit: min(4096, rests[index]))
      if bytes.isEmpty { return }
      rests[index] -= bytes.count
      transmit(ends[index].1, bytes)
      if index == 0 { note(bytes.count) }
      if rests[index] == 0 { return }
    }
  }
}
