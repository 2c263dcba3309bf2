// Invariants, with the real gateway, a real broker and `weirctl receive`:
// - what a gateway sends in batches, compressed, is declared as such, arrives whole, each event
//   once, and is stored as what it was;
// - a broker that speaks only MQTT 3.1.1 gets the same, uncompressed.

import Drivers
import Foundation
import Testing

@testable import Desk

@Suite(.serialized, .timeLimit(.minutes(4))) struct CompressedTests {
  @Test(arguments: ["5", "3.1.1"]) func batchesArriveWhole(version: String) throws {
    let folder = try Folder()
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let types = try Program(
      try find("mosquitto_sub"),
      ["-h", "127.0.0.1", "-p", "\(broker.port)", "-V", "mqttv5", "-t", "weir/desk/batch"]
        + ["-i", "subscriber", "-F", "%C"], outputPath: folder.file("types"))
    let isSubscribed = waitUntil(seconds: 10) {
      broker.log.contains("Sending SUBACK to subscriber") ? true : nil
    }
    #expect(isSubscribed == true)
    let path = folder.file("events.db")
    let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let receiver = try Program(
      tests.deletingLastPathComponent().appendingPathComponent("weirctl").path,
      [
        "receive", "--broker", "mqtt://127.0.0.1:\(broker.port)", "--sqlite", path, "--client", "r",
      ], outputPath: folder.file("receive.log"))
    try receiver.wait(for: "connected to", seconds: 20)
    let gateway = try Gateway(
      configuration(
        port: broker.port,
        uplink: "  version: \(version)\n  batch: {events: 64, age: 400 ms}\n  compression: zstd\n"))
    try recorder.wait("readings", seconds: 30) { $0.count { $0.record != nil } > 200 ? true : nil }
    #expect(try gateway.stop() == .exited(0), "\(gateway.log)")
    let records = recorder.records
    let wanted = Set(records.map { "\($0.epoch) \($0.sequence)" })
    let isComplete = try waitUntil(seconds: 20) { () -> Bool? in
      guard FileManager.default.fileExists(atPath: path) else { return nil }
      return try identities(path).count == wanted.count ? true : nil
    }
    #expect(isComplete == true)
    receiver.send(SIGTERM)
    #expect(try receiver.wait(seconds: 10) == .exited(0))
    #expect(receiver.output.contains(" lost 0") && !receiver.output.contains("malformed message"))
    #expect(Set(try identities(path)) == wanted)
    #expect(recorder.malformed == [])
    #expect(Account(records, channels: sampledChannels).faults == [])
    // Some 50 events a second: a message has a good many of them.
    let payloads = Set(recorder.received.filter { $0.record != nil }.map(\.payload))
    #expect(payloads.count * 5 < records.count, "\(payloads.count) of \(records.count)")
    let isCompressedOne = { (payload: [UInt8]) in payload.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) }
    let lines = types.output.split(separator: "\n")
    if version == "5" {
      #expect(payloads.filter(isCompressedOne).count * 2 > payloads.count)
      #expect(lines.contains { $0 == compressedContentType }, "\(lines)")
    } else {
      #expect(!payloads.contains(where: isCompressedOne))
      #expect(gateway.log.contains("'compression' is told in the content type"))
    }
  }

  private func identities(_ path: String) throws -> [String] {
    let database = try Database(path)
    var list: [String] = []
    try database.prepare("SELECT epoch || ' ' || seq FROM events").run([]) {
      list.append($0.text(0))
    }
    return list
  }
}
