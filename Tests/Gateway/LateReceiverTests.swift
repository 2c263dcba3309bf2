// Invariants, with the real gateway, a real broker and `weirctl receive`:
// - a receiver that comes late, with an empty database, ends with every event that the journal
//   holds, of this boot and of those before, each once, and counts nothing as lost;
// - the gateway's own events go on meanwhile, and its journal's marks stay where they are.

import Drivers
import Foundation
import Testing

@testable import Desk

@Suite(.serialized, .timeLimit(.minutes(4))) struct LateReceiverTests {
  private struct Identity: Hashable {
    var epoch: UInt64
    var sequence: UInt64
  }

  private func identities(_ recorder: Recorder) -> Set<Identity> {
    Set(recorder.records.map { Identity(epoch: $0.epoch, sequence: $0.sequence) })
  }

  private func identities(_ path: String) throws -> [Identity] {
    let database = try Database(path)
    var list: [Identity] = []
    try database.prepare("SELECT epoch || ' ' || seq FROM events").run([]) {
      let fields = $0.text(0).split(separator: " ").compactMap { UInt64($0) }
      list.append(Identity(epoch: fields[0], sequence: fields[1]))
    }
    return list
  }

  @Test func aLateReceiverGetsEverything() throws {
    let folder = try Folder()
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let first = try Gateway(configuration(port: broker.port))
    try recorder.wait("readings", seconds: 30) { $0.count { $0.record != nil } > 200 ? true : nil }
    #expect(try first.stop() == .exited(0), "\(first.log)")
    let count = recorder.records.count
    let second = try Gateway(configuration(port: broker.port), state: first.statePath)
    try recorder.wait("readings of the next boot", seconds: 30) {
      $0.count { $0.record != nil } > count + 100 ? true : nil
    }

    let path = folder.file("events.db")
    let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let receiver = try Program(
      tests.deletingLastPathComponent().appendingPathComponent("weirctl").path,
      [
        "receive", "--broker", "mqtt://127.0.0.1:\(broker.port)", "--sqlite", path, "--client",
        "late",
      ], outputPath: folder.file("receive.log"))
    try receiver.wait(for: "connected to", seconds: 20)
    // A new session begins with a checkpoint; the next one would come after a minute.
    let uplink = try #require(second.tasks().first { $0.name == "weir:uplink" })
    kill(uplink.process, SIGKILL)
    let wanted = identities(recorder)
    let isComplete = try waitUntil(seconds: 90) { () -> Bool? in
      guard FileManager.default.fileExists(atPath: path) else { return nil }
      return wanted.subtracting(try identities(path)).isEmpty ? true : nil
    }
    let stored = try identities(path)
    #expect(
      isComplete == true,
      "\(wanted.subtracting(stored).count) are missing\n\(receiver.output.suffix(800))")
    #expect(Set(stored).count == stored.count)
    #expect(Set(wanted.map(\.epoch)).count == 2)
    let replayedCount = recorder.records.count { $0.isReplayed }
    #expect(replayedCount > 0)
    receiver.send(SIGTERM)
    #expect(try receiver.wait(seconds: 10) == .exited(0))
    #expect(receiver.output.contains(" lost 0"), "\(receiver.output.suffix(800))")
    #expect(!receiver.output.contains("malformed message"), "\(receiver.output.suffix(800))")
    #expect(try second.stop() == .exited(0), "\(second.log)")
    #expect(recorder.malformed == [])
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
    print("late receiver: \(wanted.count) events; \(receiver.output.suffix(300))")
  }
}
