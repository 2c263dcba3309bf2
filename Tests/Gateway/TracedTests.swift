// Invariants checked, of a gateway as a real Mosquitto hands on what it sends:
// - each record has the trace of its reading, and no two readings have the same, also when the
//   uplink was killed between them;
// - the hops of each record are times that a gateway on this machine can have spent, and readings
//   of sensors spent some at each.

import Drivers
import Foundation
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct TracedTests {
  /// One record, and what is beside it.
  private struct Traced {
    let channel: String
    let reading: Int?
    let trace: Substring
    let boot: Substring
    let hops: [String: Double]
  }

  @Test func everyRecordIsTraced() throws {
    let broker = try Broker()
    try broker.start()
    let folder = try Folder()
    let subscriber = try Program(
      try find("mosquitto_sub"),
      ["-h", "127.0.0.1", "-p", "\(broker.port)", "-V", "mqttv5", "-q", "1", "-t", "weir/#"]
        + ["-i", "subscriber", "-F", "%P\t%p"],
      outputPath: folder.file("received"))
    let isSubscribed = waitUntil(seconds: 10) {
      broker.log.contains("Sending SUBACK to subscriber") ? true : nil
    }
    #expect(isSubscribed == true)
    let gateway = try Gateway(configuration(port: broker.port))
    waitForRecords(100, subscriber)
    let uplink = try #require(gateway.tasks().first { $0.name == "weir:uplink" })
    kill(uplink.process, SIGKILL)
    try gateway.program.wait(for: "uplink#2: connected to", seconds: 20)
    waitForRecords(count(subscriber) + 100, subscriber)
    #expect(try gateway.stop() == .exited(0))

    let records = try traced(subscriber)
    #expect(records.count >= 200)
    #expect(Set(records.map(\.boot)).count == 1)
    // A record that was sent again has the same trace.
    var traces: [Substring: String] = [:]
    for record in records {
      guard let reading = record.reading else { continue }
      let name = "\(record.channel) \(reading)"
      #expect(traces.updateValue(name, forKey: record.trace) ?? name == name)
      #expect(record.hops.keys.sorted() == ["pipeline", "sense", "uplink"])
      for (hop, milliseconds) in record.hops {
        #expect((0..<20_000).contains(milliseconds), "\(name): \(hop)")
      }
    }
    #expect(Set(traces.values).count == traces.count)
    let sampled = records.filter { $0.channel == "boiler.temperature" }
    #expect(sampled.contains { $0.hops.values.allSatisfy { $0 > 0 } })
    let sums = sampled.map { $0.hops.values.reduce(0, +) }.sorted()
    print("ms from measurement to broker: median \(sums[sums.count / 2]), most \(sums.last ?? 0)")
  }

  private func waitForRecords(_ number: Int, _ subscriber: Program) {
    let haveCome = waitUntil(seconds: 30) { count(subscriber) >= number ? true : nil }
    #expect(haveCome == true)
  }

  private func count(_ subscriber: Program) -> Int {
    subscriber.output.components(separatedBy: "\"seq\":").count - 1
  }

  private func traced(_ subscriber: Program) throws -> [Traced] {
    try subscriber.output.split(separator: "\n").compactMap { line in
      let parts = line.split(separator: "\t", maxSplits: 1)
      guard parts.count == 2, parts[1].hasPrefix("[") else { return nil }
      let value = try JSONSerialization.jsonObject(with: Data(parts[1].utf8))
      guard let record = (value as? [[String: Any]])?.first else { return nil }
      let context = try #require(
        parts[0].firstMatch(of: /traceparent:00-([0-9a-f]{32})-[0-9a-f]{16}-01/), "\(line)")
      let spent = try #require(parts[0].firstMatch(of: /hops:([a-z0-9;=.,]+)/), "\(line)")
      var hops: [String: Double] = [:]
      for hop in spent.1.split(separator: ",") {
        let words = hop.components(separatedBy: ";dur=")
        hops[words[0]] = try #require(words.count == 2 ? Double(words[1]) : nil, "\(hop)")
      }
      return Traced(
        channel: record["n"] as? String ?? "", reading: record["rseq"] as? Int,
        trace: context.1, boot: context.1.prefix(16), hops: hops)
    }
  }
}
