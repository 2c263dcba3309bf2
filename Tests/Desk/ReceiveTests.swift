// Invariants checked, with `weirctl receive`, a real broker, and a scripted gateway:
// - a message is acknowledged only after it was handed over for good;
// - a receiver that is killed at any moment, again and again, ends with every event, each once;
// - what is missing is asked for and comes; what the gateway no longer has is lost, by name;
// - receivers that share a group and a database have together what one alone would have;
// - payloads that are none, or compressed, or in conflict, are what they are; nothing else suffers;
// - a disk that is full ends it, and nothing is lost by it.

import Drivers
import Foundation
import Seeds
import Testing

@testable import Desk

@Suite(.timeLimit(.minutes(4)), .serialized) struct ReceiveTests {
  private let folder: Folder
  private let broker: Broker

  init() throws {
    folder = try Folder()
    broker = try Broker()
    try broker.start()
  }

  private func start(_ arguments: [String], name: String = "receive") throws -> ReceiveProgram {
    let program = try ReceiveProgram(port: broker.port, arguments, in: folder, name: name)
    try program.waitForConnection()
    return program
  }

  private func store(_ isSQLite: Bool) -> [String] {
    isSQLite
      ? ["--sqlite", folder.file("events.db"), "--client", "r"]
      : ["--out", folder.file("events.jsonl"), "--client", "r"]
  }

  /// The identities in the store, as "epoch seq value", in its order.
  private func events(_ isSQLite: Bool, where condition: String = "1") throws -> [String] {
    if isSQLite {
      return try query("SELECT epoch || ' ' || seq || ' ' || value FROM events WHERE \(condition)")
    }
    struct Line: Decodable {
      var epoch: UInt64
      var seq: UInt64?
      var value: Double?
      var kind: String
    }
    let text = try String(contentsOfFile: folder.file("events.jsonl"), encoding: .utf8)
    return try text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().compactMap {
      let line = try JSONDecoder().decode(Line.self, from: Data($0.utf8))
      guard line.kind == "value", let sequence = line.seq, let value = line.value else {
        return nil
      }
      return "\(line.epoch) \(sequence) \(value)"
    }
  }

  private func query(_ text: String) throws -> [String] {
    let database = try Database(folder.file("events.db"))
    var rows: [String] = []
    try database.prepare(text).run([]) { rows.append($0.text(0)) }
    return rows
  }

  private func expected(_ epoch: UInt64, _ range: ClosedRange<UInt64>) -> [String] {
    range.map { "\(epoch) \($0) \(Double($0))" }
  }

  private func wait(
    _ what: String, seconds: Double = 30, _ program: ReceiveProgram, _ question: () throws -> Bool
  ) throws {
    guard try waitUntil(seconds: seconds, { try question() ? true : nil }) == true else {
      throw DriverFailure(
        "not within \(seconds) s: \(what)\n\(program.program.output.suffix(1500))")
    }
  }

  @Test func aMessageIsHeldUntilItIsAcknowledged() throws {
    var settings = BrokerSettings()
    settings.port = broker.port
    settings.client = "holder"
    settings.isVersion5 = true
    settings.sessionSeconds = 60
    settings.holdsAcknowledgements = true
    let gateway = try ScriptedGateway(port: broker.port)
    defer { gateway.end() }
    /// Connects, takes what comes, and acknowledges the first `count` batches.
    func receive(_ wanted: Int, acknowledges: Bool) throws -> [String] {
      var got: [String] = []
      let receiver = try Receiver(
        settings,
        onTypedMessage: { _, payload, _ in got.append(String(decoding: payload, as: UTF8.self)) })
      _ = waitUntil(seconds: wanted == 0 ? 1 : 10) { () -> Bool? in
        receiver.step(timeoutMilliseconds: 10)
        return wanted > 0 && got.count >= wanted ? true : nil
      }
      if acknowledges { receiver.acknowledge() }
      // Whatever the library wants to write, it had the time for it.
      for _ in 0..<20 { receiver.step(timeoutMilliseconds: 10) }
      return got
    }
    _ = try receive(0, acknowledges: true)
    for number in 0..<5 as Range<UInt64> { gateway.send([gateway.event(1, number)]) }
    let first = try receive(5, acknowledges: false)
    #expect(first.count == 5)
    #expect(try receive(5, acknowledges: true) == first)
    #expect(try receive(0, acknowledges: true) == [])
  }

  @Test(arguments: [true, false]) func aKilledReceiverLosesNothing(isSQLite: Bool) throws {
    let seed = testSeed("kills")
    var random = SeededRandom(seed: seed)
    var receiver = try start(store(isSQLite))
    let gateway = try ScriptedGateway(port: broker.port)
    defer { gateway.end() }
    let count: UInt64 = 12_000
    gateway.store(epoch: 1, 0...count - 1, packed: 5) { _ in true }
    var killCount = 0
    while killCount < 12 {
      usleep(UInt32(random.next() % 150_000))
      receiver.program.send(SIGKILL)
      #expect(try receiver.program.wait(seconds: 5) == .killed(signal: SIGKILL))
      killCount += 1
      receiver = try ReceiveProgram(
        port: broker.port, store(isSQLite), in: folder, name: "receive-\(killCount)")
      if random.next() % 2 == 0 { try receiver.waitForConnection() }
    }
    try receiver.waitForConnection()
    try wait("all events", seconds: 60, receiver) { try events(isSQLite).count >= count }
    receiver.program.send(SIGTERM)
    #expect(try receiver.program.wait(seconds: 10) == .exited(0))
    #expect(try events(isSQLite).sorted() == expected(1, 0...count - 1).sorted(), "seed \(seed)")
    #expect(receiver.figure("holes") == 0)
    #expect(receiver.figure("conflicts") == 0)
    // The last life alone did not get all of it: the kills came in the middle.
    #expect((receiver.figure("received") ?? 0) < count)
  }

  @Test(arguments: [true, false]) func whatIsMissingIsAskedForAndComes(isSQLite: Bool) throws {
    let receiver = try start(store(isSQLite) + ["--for", "12"])
    let gateway = try ScriptedGateway(port: broker.port)
    defer { gateway.end() }
    gateway.refuse(1)
    gateway.store(epoch: 4, 0...99) { ![10, 11, 40, 99].contains($0) }
    gateway.store(epoch: 5, 0...49) { $0 != 20 && $0 != 30 }
    gateway.forget(epoch: 5, 30...30)
    gateway.sendCheckpoint()
    #expect(try receiver.program.wait(seconds: 40) == .exited(0))
    let found = try events(isSQLite).sorted()
    #expect(
      found == (expected(4, 0...99) + expected(5, 0...29) + expected(5, 31...49)).sorted())
    #expect(receiver.figure("holes") == 0)
    #expect(receiver.figure("lost") == 1)
    #expect(receiver.figure("replayed") == 5)
    #expect(receiver.program.output.contains("lost: p epoch 5 seq 30 to 30"))
    #expect(gateway.seen.count < 10)
  }

  @Test func withoutAJournalTheHoleStaysAndIsSaid() throws {
    let receiver = try start(store(true) + ["--for", "4"])
    let gateway = try ScriptedGateway(port: broker.port)
    defer { gateway.end() }
    gateway.store(epoch: 4, 0...99) { ![10, 11].contains($0) }
    #expect(try receiver.program.wait(seconds: 20) == .exited(1))
    #expect(receiver.figure("holes") == 2)
    #expect(gateway.seen.isEmpty)
  }

  @Test func noReplayOnlyListens() throws {
    let receiver = try start(store(true) + ["--for", "5", "--no-replay"])
    let gateway = try ScriptedGateway(port: broker.port)
    defer { gateway.end() }
    gateway.store(epoch: 4, 0...99) { $0 != 10 }
    gateway.sendCheckpoint()
    #expect(try receiver.program.wait(seconds: 20) == .exited(1))
    #expect(gateway.seen.isEmpty)
  }

  @Test func aGroupSharesTheWork() throws {
    let receivers = try (0..<3).map {
      try start(
        [
          "--sqlite", folder.file("events.db"), "--client", "r\($0)", "--share", "g",
        ], name: "receive-\($0)")
    }
    let gateway = try ScriptedGateway(port: broker.port)
    defer { gateway.end() }
    let count: UInt64 = 6000
    gateway.store(epoch: 1, 0...count - 1, packed: 3) { $0 % 1000 != 999 || $0 == count - 1 }
    gateway.sendCheckpoint()
    // One dies, and what it had not stored goes to the others.
    usleep(50_000)
    receivers[2].program.send(SIGKILL)
    try wait("all events", seconds: 60, receivers[0]) { try events(true).count >= count }
    for one in receivers.prefix(2) {
      one.program.send(SIGTERM)
      #expect(try one.program.wait(seconds: 10) == .exited(0))
      #expect((one.figure("received") ?? 0) > 100)
      #expect(one.figure("holes") == 0)
    }
    #expect(try events(true).sorted() == expected(1, 0...count - 1).sorted())
    #expect(try query("SELECT count(*) FROM conflicts") == ["0"])
    // Only one of them asks: nothing is asked for again before the pause is over.
    for (before, request) in zip(gateway.seen, gateway.seen.dropFirst()) {
      #expect(before.text != request.text || request.at - before.at > 4)
    }
    #expect(!gateway.seen.isEmpty)
  }

  @Test(arguments: ["5", "3.1.1"]) func compressedPacksArrive(version: String) throws {
    let receiver = try start(store(true) + ["--mqtt", version])
    let gateway = try ScriptedGateway(port: broker.port)
    defer { gateway.end() }
    let pack = gateway.pack((0...63).map { gateway.event(2, $0) })
    let path = try folder.write(pack, to: "pack")
    try run("zstd", ["-q", path], in: folder)
    for file in [path + ".zst", try folder.write("\u{28}\u{B5}", to: "broken")] {
      let ending = try run(
        "mosquitto_pub",
        [
          "-V", "5", "-p", "\(broker.port)", "-q", "1", "-t", "weir/p/a", "-f", file, "-D",
          "publish", "content-type", compressedContentType,
        ], in: folder)
      #expect(ending == .exited(0))
    }
    try wait("64 events", receiver) { try events(true) == expected(2, 0...63) }
    try receiver.program.wait(for: "malformed message on weir/p/a: not", seconds: 10)
  }

  @Test func damagedPayloadsAndConflictsAreSaidAndHurtNothing() throws {
    let receiver = try start(store(true))
    let gateway = try ScriptedGateway(port: broker.port)
    defer { gateway.end() }
    let seed = testSeed("damaged")
    var random = SeededRandom(seed: seed)
    let good = Array(gateway.pack([gateway.event(900, 1)]).utf8)
    for _ in 0..<200 {
      // Never the same device again, whatever it says.
      var bytes = good.prefix(Int(random.next() % UInt64(good.count)))
      for _ in 0...random.next() % 3 where !bytes.isEmpty {
        bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(random.next() % 128)
      }
      gateway.send(String(decoding: bytes, as: UTF8.self), on: "a")
    }
    gateway.store(epoch: 1, 0...9) { _ in true }
    gateway.send([gateway.event(1, 5, value: 77)])
    gateway.send([gateway.event(1, 5, more: ",\"historical\":true")])
    try receiver.program.wait(for: "CONFLICT: p epoch 1 seq 5", seconds: 10)
    gateway.send([gateway.event(1, 10)])
    try wait("event 10", receiver) { try events(true, where: "epoch = 1").count == 11 }
    receiver.program.send(SIGTERM)
    #expect(try receiver.program.wait(seconds: 10) == .exited(0))
    #expect(try events(true, where: "device = 'p' AND epoch = 1") == expected(1, 0...10))
    #expect(receiver.figure("conflicts") == 1)
    #expect((receiver.figure("malformed") ?? 0) > 100)
    #expect(
      try query("SELECT seq || content FROM conflicts").first?.contains("\"value\":77") == true)
  }

  @Test func gapsOfTheJournalExplainHoles() throws {
    let receiver = try start(store(true) + ["--for", "5"])
    let gateway = try ScriptedGateway(port: broker.port)
    defer { gateway.end() }
    gateway.store(epoch: 3, 0...19) { $0 < 10 }
    gateway.store(epoch: 4, 0...50) { $0 > 30 || $0 == 12 }
    gateway.forget(epoch: 3, 0...19)
    gateway.forget(epoch: 4, 0...29)
    gateway.send([
      "{\"vs\":\"gap\",\"gap\":\"evicted\",\"lane\":\"telemetry\",\"first_epoch\":3,\"first\":10,"
        + "\"last\":29,\"count\":39,\"epoch\":4,\"seq\":29}",
      "{\"n\":\"a\",\"v\":5,\"min\":1,\"max\":9,\"count\":30,\"span\":30,\"boottime\":29.5,"
        + "\"epoch\":4,\"seq\":29,\"thinned\":true,\"historical\":true}",
    ])
    gateway.sendCheckpoint(acknowledged: Place(epoch: 4, sequence: 50))
    // Of what the journal has, only 30 was not sent.
    #expect(try receiver.program.wait(seconds: 20) == .exited(1))
    #expect(receiver.figure("holes") == 1)
    #expect(receiver.figure("explained") == 1)
    #expect(try query("SELECT count FROM gaps WHERE kind = 'evicted'") == ["39"])
    #expect(try query("SELECT boottime FROM events WHERE thinned = 1") == ["29.5"])
  }

  @Test(arguments: [true, false]) func aFullDiskEndsItAndLosesNothing(isSQLite: Bool) throws {
    _ = try stopped(start(store(isSQLite)))
    let gateway = try ScriptedGateway(port: broker.port)
    defer { gateway.end() }
    let count: UInt64 = 5000
    gateway.store(epoch: 1, 0...count - 1) { _ in true }
    let small = try ReceiveProgram(
      port: broker.port, store(isSQLite), in: folder, name: "small",
      through: [try find("prlimit"), "--fsize=200000"])
    #expect(try small.program.wait(seconds: 20) == .exited(1))
    #expect(small.program.output.contains(isSQLite ? "events.db: " : "make room and start again"))
    let receiver = try start(store(isSQLite))
    try wait("all events", receiver) { try events(isSQLite).count >= count }
    #expect(try events(isSQLite).sorted() == expected(1, 0...count - 1).sorted())
    #expect((receiver.figure("received") ?? 0) < count)
  }

  private func stopped(_ receiver: ReceiveProgram) throws -> ReceiveProgram {
    receiver.program.send(SIGTERM)
    #expect(try receiver.program.wait(seconds: 10) == .exited(0))
    return receiver
  }

  @Test func overTLSItHoldsAndComesBackToo() throws {
    let authority = try Authority()
    var options = Broker.Options()
    options.authority = authority
    options.user = (name: "plant", password: "secret")
    options.isPersistent = true
    let secure = try Broker(options)
    try secure.start()
    let words =
      store(true) + [
        "--ca", authority.certificatePath, "--user", "plant",
        "--password-file", try folder.write("secret\n", to: "password"),
      ]
    let receiver = try ReceiveProgram(port: secure.port, words, in: folder, scheme: "mqtts")
    try receiver.waitForConnection()
    // Packs of 100 events: many records of TLS, of which a wait sees only the first.
    let gateway = try ScriptedGateway(port: secure.port, options)
    defer { gateway.end() }
    gateway.store(epoch: 1, 0...4999, packed: 100) { _ in true }
    try wait("5000 events", receiver) { try events(true).count == 5000 }
    try secure.stop()
    try receiver.program.wait(for: "waiting for the broker", seconds: 10)
    try secure.start()
    gateway.store(epoch: 1, 5000...5999, packed: 100) { _ in true }
    try wait("6000 events", receiver) { try events(true).count == 6000 }
    #expect(try events(true).sorted() == expected(1, 0...5999).sorted())
    let stranger = try ReceiveProgram(
      port: secure.port,
      ["--out", folder.file("x"), "--for", "2", "--ca", authority.certificatePath],
      in: folder, name: "stranger", scheme: "mqtts")
    try stranger.program.wait(for: "waiting for the broker", seconds: 10)
    #expect(stranger.program.output.contains("uthori"))
  }

  @Test func whatCannotWorkIsSaid() throws {
    for (arguments, words) in [
      ([], "one of --out and --sqlite"),
      (["--out", "x", "--share", "g"], "--share needs --sqlite"),
      (["--sqlite", "x", "--share", "g"], "--share needs --client"),
      (["--out", "x", "--for", "0"], "--for must be"), (["--out", "x", "--mqtt", "4"], "--mqtt"),
    ] {
      let program = try ReceiveProgram(
        port: broker.port, arguments, in: folder, name: "\(UUID())")
      #expect(try program.program.wait(seconds: 10) == .exited(64))
      #expect(program.program.output.contains(words))
    }
    let receiver = try start(store(true))
    let other = try start(["--out", folder.file("other"), "--client", "r"], name: "other")
    #expect(try receiver.program.wait(seconds: 10) == .exited(1))
    #expect(receiver.program.output.contains("another program uses the client name"))
    #expect(other.program.isRunning)
  }
}
