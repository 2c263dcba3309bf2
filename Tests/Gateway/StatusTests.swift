// Invariants checked, of what a gateway says of itself when it gets SIGHUP:
// - every task has its line, with counters that grow with what it did;
// - sense and pipeline allocate nothing once they run, while hundreds of readings flow; the uplink,
//   which may allocate, shows that the counter counts.

import Desk
import Drivers
import Foundation
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct StatusTests {
  /// Only the static binary counts its allocations.
  static let countsAllocations = Gateway.binary.hasSuffix("weir-x86_64")

  @Test func everyTaskSaysWhatItHasDone() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try Gateway(configuration(port: broker.port))
    try recorder.wait("readings", seconds: 30) { $0.count > 100 ? true : nil }
    let first = report(gateway, number: 1)
    #expect(
      first.keys.sorted() == ["journal", "pipeline", "sense@header", "sense@i2c-sim", "uplink"])
    for (task, values) in first { #expect(values["start"] == 1, "\(task): \(values)") }

    let count = recorder.received.count
    try recorder.wait("more readings", seconds: 30) { $0.count > count + 200 ? true : nil }
    let second = report(gateway, number: 2)
    #expect(growth("readings", of: "sense@i2c-sim", first, second) > 100)
    #expect(growth("readings", of: "pipeline", first, second) > 100)
    #expect(growth("acknowledged", of: "uplink", first, second) > 100)
    #expect(try gateway.stop() == .exited(0))
  }

  @Test(.enabled(if: countsAllocations)) func theDataPathAllocatesNothing() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try Gateway(configuration(port: broker.port))
    try recorder.wait("readings", seconds: 30) { $0.count > 100 ? true : nil }
    let first = report(gateway, number: 1)
    try recorder.wait("more readings", seconds: 30) { $0.count > 400 ? true : nil }
    let second = report(gateway, number: 2)
    for task in ["sense@i2c-sim", "sense@header", "pipeline"] {
      #expect(growth("allocations", of: task, first, second) == 0, "\(task)")
    }
    #expect(growth("allocations", of: "uplink", first, second) > 0)
    #expect(try gateway.stop() == .exited(0))
  }

  private func growth(
    _ name: String, of task: String, _ first: [String: [String: Int]],
    _ second: [String: [String: Int]]
  ) -> Int {
    (second[task]?[name] ?? 0) - (first[task]?[name] ?? 0)
  }

  /// Asks for a report and reads it: task, then name and number.
  private func report(_ gateway: Gateway, number: Int) -> [String: [String: Int]] {
    gateway.program.send(SIGHUP)
    let found = waitUntil(seconds: 10) { () -> Bool? in
      gateway.log.components(separatedBy: "KiB PSS").count > number ? true : nil
    }
    #expect(found == true, "no report: \(gateway.log)")
    var tasks: [String: [String: Int]] = [:]
    for line in gateway.log.split(separator: "\n") {
      // SECONDS notice supervisor: TASK: process 7, start 1, …
      let parts = line.components(separatedBy: ": ")
      guard parts.count == 3, parts[2].hasPrefix("process ") else { continue }
      var values: [String: Int] = [:]
      for field in parts[2].components(separatedBy: ", ") {
        let words = field.split(separator: " ")
        if words.count >= 2, let value = Int(words[1]) { values[String(words[0])] = value }
      }
      tasks[parts[1]] = values
    }
    return tasks
  }
}
