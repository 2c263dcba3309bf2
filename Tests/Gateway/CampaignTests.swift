// Invariants checked, while every task of a gateway, and the gateway as a whole, are killed with
// SIGKILL at random moments, and the broker is frozen, killed and started again meanwhile. The
// receiver is no work of ours: paho-mqtt, with a session that the broker keeps.
// - A killed supervisor takes all of its tasks with it.
// - The receiver has every event that was ever durable: what the journal's file holds right after
//   each kill of the gateway (`weir journal dump FILE --all`), before the next one starts, and in
//   the end.
// - What it has is what the journal held; no identity (device, epoch, sequence) came as two things.
// - No number is missing among those that were durable in an epoch: between the pipeline and the
//   journal nothing is lost, whatever dies there. Nor does any journal tell of a gap.
// - Each start of the gateway has an epoch of its own.
// A broker that dies of SIGKILL forgets what it had acknowledged and not passed on, which no
// publisher can know. So the receiver is one to which the broker writes before it acknowledges
// (receiver.py says how), and the broker is killed only while it is connected.
//
// All of it for one event in a message, and for batches that wait for company and are compressed.
//
// WEIR_KILLS sets the number of kills (30), WEIR_SEED the seed (random, and printed).

import Drivers
import Foundation
import Seeds
import Testing

@Suite(.serialized, .timeLimit(.minutes(60))) struct CampaignTests {
  @Test(arguments: ["", ", batch: {events: 16, age: 50 ms}, compression: zstd"])
  func whatWasDurableArrives(batches: String) throws {
    let environment = ProcessInfo.processInfo.environment
    let count = environment["WEIR_KILLS"].flatMap { Int($0) } ?? 30
    let seed = environment["WEIR_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...999_999)
    print("\(count) kills; replay with WEIR_SEED=\(seed) WEIR_KILLS=\(count)")
    var campaign = try Campaign(seed: seed, uplink: batches)
    let start = secondsNow()
    for number in 1...count { try campaign.strike(number) }
    let seconds = secondsNow() - start
    let summary = try campaign.finish()
    print("\(campaign.text) in \(Int(seconds)) s; \(summary.text)")
    #expect(summary.good, "seed \(seed): \(summary.text): \(summary.examples)")
    #expect(summary.durableHoles == 0 && summary.gaps == 0, "seed \(seed): \(summary.examples)")
    #expect(summary.lastEpoch == campaign.gatewayKilled + 1, "seed \(seed)")
    #expect(campaign.taskKilled.values.reduce(0, +) + campaign.gatewayKilled == count)
    #expect(count < 30 || campaign.brokerKilled > 0, "seed \(seed)")
  }
}

/// A gateway, its broker and its receiver, and who of them was killed.
private struct Campaign {
  private let folder: Folder
  private let broker: Broker
  private let receiver: PahoReceiver
  private var gateway: Gateway
  private var random: SeededRandom
  /// More settings of the uplink.
  private let uplink: String
  /// What the journal held after each kill of the gateway, a file each.
  private var dumps: [String] = []
  private(set) var taskKilled: [String: Int] = [:]
  private(set) var gatewayKilled = 0
  private(set) var brokerKilled = 0
  private var broken: BrokerState = .up(since: 0)

  private enum BrokerState {
    case up(since: Double)
    /// Stopped with SIGSTOP until it is killed.
    case frozen(until: Double)
    case down(until: Double)
  }

  init(seed: UInt64, uplink: String) throws {
    random = SeededRandom(seed: seed)
    self.uplink = uplink
    folder = try Folder()
    var options = Broker.Options()
    options.isPersistent = true
    // The subscription is written down once, at the orderly end below, and found at each start.
    options.lines = ["queue_qos0_messages true", "autosave_interval 0"]
    broker = try Broker(options)
    try broker.start()
    receiver = try PahoReceiver(port: broker.port)
    try receiver.waitForConnection(1)
    try broker.stop()
    try broker.start()
    try receiver.waitForConnection(2)
    broken = .up(since: secondsNow())
    gateway = try Gateway(Self.configuration(broker.port, uplink), state: folder.file("state"))
    try waitForTasks()
  }

  private static func configuration(_ port: Int, _ uplink: String) -> String {
    """
    device: campaign
    board: simulated
    uplink:
      {broker: "mqtt://127.0.0.1:\(port)", retry_max: 1 s, window: 200, buffer: 16384\(uplink)}
    journal: {size: 2 MB, commit: 0 s}
    supervision: {restarts: 1000000, pause: 1 ms, pause_max: 5 ms, forgive: 0 s}
    sensors:
      boiler: {driver: tmp105, bus: i2c-sim, address: 0x48, every: 5 ms, temperature: {}}
    lines:
      door: {line: GPIO1, mode: level, every: 5 ms}
    """
  }

  private var journal: String { folder.file("state") + "/journal/log" }

  var text: String {
    let tasks = taskKilled.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }
    return "killed \(tasks.joined(separator: ", ")), \(gatewayKilled) × the gateway, and "
      + "\(brokerKilled) × the broker"
  }

  private func waitForTasks() throws {
    let isThere = waitUntil(seconds: 30) {
      let names = Set(gateway.tasks().map(\.name))
      return names.isSuperset(of: ["weir:pipeline", "weir:journal", "weir:uplink"]) ? true : nil
    }
    guard isThere == true else {
      throw DriverFailure("the gateway does not start: \(gateway.log.suffix(2000))")
    }
  }

  /// Kills one task or, one time in five, the gateway; the broker lives and dies beside it.
  mutating func strike(_ number: Int) throws {
    usleep(UInt32.random(in: 50_000...500_000, using: &random))
    try turnBroker()
    if Int.random(in: 0..<5, using: &random) == 0 { return try killGateway(number) }
    let target = waitUntil(seconds: 20) {
      gateway.tasks().filter { $0.name.hasPrefix("weir:") }.randomElement(using: &random)
    }
    guard let target else {
      throw DriverFailure("kill \(number): nobody is there; \(gateway.log.suffix(2000))")
    }
    kill(target.process, SIGKILL)
    taskKilled[target.name, default: 0] += 1
  }

  private mutating func turnBroker() throws {
    let now = secondsNow()
    switch broken {
    case .up(let since):
      // The receiver is back, and has what waited for it.
      guard now - since > 1, Int.random(in: 0..<4, using: &random) == 0 else { return }
      guard Bool.random(using: &random) else { return try killBroker() }
      broker.pause()
      broken = .frozen(until: now + .random(in: 0...1, using: &random))
    case .frozen(let end):
      if now >= end { try killBroker() }
    case .down(let end):
      if now >= end { try startBroker() }
    }
  }

  private mutating func killBroker() throws {
    try broker.stop(signal: SIGKILL)
    brokerKilled += 1
    broken = .down(until: secondsNow() + .random(in: 0...1.5, using: &random))
  }

  private mutating func startBroker() throws {
    let before = receiver.connectionCount
    try broker.start()
    try receiver.waitForConnection(before + 1)
    broken = .up(since: secondsNow())
  }

  private mutating func killGateway(_ number: Int) throws {
    let tasks = gateway.tasks()
    try killGateway(tasks)
    gateway = try Gateway(Self.configuration(broker.port, uplink), state: folder.file("state"))
    // It may be killed at any moment of its start too, but must get its epoch.
    if Bool.random(using: &random) { try waitForTasks() } else { try waitForJournal() }
  }

  private mutating func killGateway(_ tasks: [(process: pid_t, name: String)]) throws {
    kill(gateway.program.process, SIGKILL)
    guard try gateway.program.wait(seconds: 10) == .killed(signal: SIGKILL) else {
      throw DriverFailure("the gateway ended otherwise: \(gateway.log.suffix(2000))")
    }
    gatewayKilled += 1
    let areGone = waitUntil(seconds: 5) {
      tasks.allSatisfy { isDead($0.process) } ? true : nil
    }
    guard areGone == true else {
      throw DriverFailure("the supervisor is dead, and of \(tasks) some live on")
    }
    try dump()
  }

  /// Waits for the journal's task, which comes when the epoch has been counted.
  private func waitForJournal() throws {
    let isThere = waitUntil(seconds: 30) {
      gateway.tasks().contains { $0.name == "weir:journal" } ? true : nil
    }
    guard isThere == true else {
      throw DriverFailure("the journal does not start: \(gateway.log.suffix(2000))")
    }
  }

  private mutating func dump() throws {
    let path = folder.file("dump-\(dumps.count)")
    try dumpJournal(journal, to: path)
    dumps.append(path)
  }

  /// Lets everybody live, until the receiver has everything; the comparison.
  mutating func finish() throws -> PahoReceiver.Summary {
    switch broken {
    case .up: break
    case .frozen: try killBroker(); fallthrough
    case .down: try startBroker()
    }
    try waitForTasks()
    guard gateway.health(wait: 30).ending == .exited(0) else {
      throw DriverFailure("in the end it is not well: \(gateway.health().output)")
    }
    guard try gateway.stop() == .exited(0) else {
      throw DriverFailure("it does not end: \(gateway.log.suffix(2000))")
    }
    try dump()
    // What the broker lacks when a gateway ends, the next one sends.
    let last = try Gateway(Self.configuration(broker.port, uplink), state: folder.file("state"))
    _ = try receiver.waitForAll([dumps.last ?? ""], seconds: 60)
    _ = try last.stop()
    return try receiver.account(dumps)
  }
}

/// Whether the process has ended; one that nobody has waited for yet has too.
private func isDead(_ process: pid_t) -> Bool {
  guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
    let state = stat.split(separator: ")").last?.split(separator: " ").first
  else { return true }
  return state == "Z" || state == "X"
}
