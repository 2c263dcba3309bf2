// Invariants checked, while each task of a running gateway is killed many times with SIGKILL in an
// order and at moments that a seed decides:
// - every task comes back, each time;
// - the sequence numbers at the broker have no hole that is not reported as one;
// - the reading sequences of each channel have no hole that a gap does not explain;
// - no reading is sent as two records, and a record that comes twice is the same both times;
// - the gateway still ends with 0 when it is asked to.
//
// WEIR_KILLS sets how often each task is killed (100), WEIR_SEED the seed (random, and printed).

import Desk
import Drivers
import Foundation
import Seeds
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct TaskKillTests {
  @Test func killedTasksLoseAndInventNothing() throws {
    let environment = ProcessInfo.processInfo.environment
    let rounds = environment["WEIR_KILLS"].flatMap { Int($0) } ?? 100
    let seed = environment["WEIR_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...999_999)
    print("killing each task \(rounds) times; replay with WEIR_SEED=\(seed) WEIR_KILLS=\(rounds)")

    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    // Thirty deaths in ten minutes, which is the default, would be too many.
    let gateway = try Gateway(
      configuration(port: broker.port) + "supervision: {restarts: 1000000}\n")
    try recorder.wait("readings", seconds: 30) { $0.count > 20 ? true : nil }
    let taskCount = gateway.tasks().count
    #expect(taskCount >= 4, "\(gateway.tasks())")

    var killer = Killer(gateway: gateway, seed: seed)
    for round in 1...rounds {
      try killer.killAll(round: round, taskCount: taskCount)
    }
    let end = secondsNow()
    for channel in sampledChannels {
      try recorder.wait("\(channel) after the last kill", seconds: 30, after: end) {
        $0.channel == channel
      }
    }
    #expect(try gateway.stop() == .exited(0))

    let account = Account(recorder.records, channels: sampledChannels)
    let killed = killer.counts.sorted { $0.key < $1.key }
      .map { "\($0.value) × \($0.key)" }.joined(separator: ", ")
    print("killed \(killed); \(account.summary)")
    #expect(account.faults == [], "seed \(seed)")
    #expect(recorder.malformed == [], "seed \(seed)")
    for record in recorder.records { checkPlausible(record) }
    #expect(killer.counts.values.reduce(0, +) == rounds * taskCount)
  }
}

/// Kills the tasks of a gateway, each only after it has lived long enough to be restarted at once.
private struct Killer {
  let gateway: Gateway
  var random: SeededRandom
  /// How often each task was killed, by its name.
  var counts: [String: Int] = [:]
  private var seenAt: [pid_t: Double] = [:]

  /// The supervisor forgives a task that lived for a second.
  private static let lifeSeconds = 1.02

  init(gateway: Gateway, seed: UInt64) {
    self.gateway = gateway
    random = SeededRandom(seed: seed)
  }

  /// Kills each task once, in a random order with random pauses up to 30 ms.
  mutating func killAll(round: Int, taskCount: Int) throws {
    let ready = waitUntil(seconds: 15) { () -> [(process: pid_t, name: String)]? in
      let now = secondsNow()
      // Between fork and its name a task is still called as its parent is.
      let tasks = gateway.tasks().filter { $0.name.hasPrefix("weir:") }
      for task in tasks where seenAt[task.process] == nil { seenAt[task.process] = now }
      let old = tasks.filter { now - seenAt[$0.process, default: now] >= Self.lifeSeconds }
      return old.count == taskCount ? old : nil
    }
    guard let ready else {
      throw DriverFailure(
        "round \(round): only \(gateway.tasks()) run; the log:\n\(gateway.log.suffix(3000))")
    }
    for task in ready.shuffled(using: &random) {
      usleep(UInt32.random(in: 0...30_000, using: &random))
      kill(task.process, SIGKILL)
      counts[task.name, default: 0] += 1
    }
  }
}
