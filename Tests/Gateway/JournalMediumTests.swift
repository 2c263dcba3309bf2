// The journal of a whole gateway, on a medium that fails, is full, or was filled while the broker
// was away. Invariants checked:
// - a medium that can't be written any more is told, and replaced by memory: what is measured still
//   arrives, and the next start uses the file again;
// - one that stands still for longer than a commit may take costs nothing but the wait, and is
//   told;
// - a card without room gets a smaller journal, said loudly;
// - a full journal that thins keeps the whole time, coarsely, and says what it made room of;
// - one that stops keeps its oldest, and what it did not take is told with its count; alarms become
//   durable meanwhile, though telemetry that waits for room lies before them;
// - events of an earlier boot have their old channels and the time of day.

import Desk
import Drivers
import Foundation
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct JournalMediumTests {
  @Test func aMediumThatFails() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try Gateway(
      configuration(port: broker.port), options: ["--drill", "journal:medium@2"])
    try gateway.program.wait(for: "can't be written", seconds: 20)
    #expect(gateway.health(wait: 2).ending != .exited(0))
    try gateway.program.wait(for: "kept in memory, and lost when the power fails", seconds: 30)
    let mark = secondsNow()
    for channel in sampledChannels {
      try recorder.wait(channel, seconds: 20, after: mark) { $0.channel == channel }
    }
    #expect(gateway.healthRow("journal")?.state == "degraded", "\(gateway.health().output)")
    #expect(try gateway.stop() == .exited(0))
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])

    let second = try Gateway(configuration(port: broker.port), state: gateway.statePath)
    try recorder.wait("the next boot", seconds: 20) { $0.epoch == 2 && $0.sequence > 20 }
    #expect(second.health(wait: 10).ending == .exited(0), "\(second.health().output)")
    #expect(try second.stop() == .exited(0))
    #expect(!second.log.contains("kept in memory"), "\(second.log)")
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
  }

  /// Longer than it takes to find that a task hangs, and that it can't be killed, which would be
  /// the end of the gateway.
  @Test(.enabled(if: NetworkLine.isPossible)) func aMediumThatStandsStill() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try Gateway(
      configuration(port: broker.port) + DrillTests.supervision, card: .disk(byteCount: 16 << 20))
    try recorder.wait("readings", seconds: 30) { $0.sequence > 20 }
    try gateway.whileFrozen {
      let mark = secondsNow()
      sleep(2)
      let last = recorder.records.map(\.sequence).max() ?? 0
      sleep(10)
      // It does stand still: nothing becomes durable, so nothing arrives.
      #expect(recorder.records.allSatisfy { $0.sequence <= last } && secondsNow() - mark < 25)
    }
    let mark = secondsNow()
    for channel in sampledChannels {
      try recorder.wait(channel, seconds: 20, after: mark) { $0.channel == channel }
    }
    #expect(gateway.log.contains("task journal waits for its medium"), "\(gateway.log)")
    #expect(!gateway.log.contains("no sign of life"), "\(gateway.log)")
    #expect(!gateway.log.contains("journal#2"), "\(gateway.log)")
    #expect(try gateway.stop() == .exited(0))
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
  }

  /// In a mount namespace of its own, whose state folder has 3 MiB.
  @Test(.enabled(if: NetworkLine.isPossible)) func aCardWithoutRoom() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try Gateway(
      configuration(port: broker.port) + "\njournal: {size: 8 MB}\n",
      card: .memory(byteCount: 3 << 20))
    try recorder.wait("readings", seconds: 30) { $0.sequence > 20 }
    #expect(gateway.log.contains("no room for 8 MB; trying half of it"), "\(gateway.log)")
    #expect(gateway.log.contains("no room for 4 MB; trying half of it"), "\(gateway.log)")
    #expect(!gateway.log.contains("no room for 2 MB"), "\(gateway.log)")
    #expect(try gateway.stop() == .exited(0))
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
  }

  /// Fills a journal of 1 MiB while the broker is away, and lets it drain.
  private func filled(
    full: String, until text: String
  ) throws -> (gateway: Gateway, recorder: Recorder) {
    let broker = try Broker()
    try broker.keepForRecorder(Broker.Options())
    let gateway = try Gateway(
      """
      device: desk
      board: simulated
      uplink: {broker: "mqtt://127.0.0.1:\(broker.port)", retry_max: 1 s, window: 500}
      journal: {size: 1 MB, delta: false, full: \(full)}
      sensors:
        boiler: {driver: tmp105, bus: i2c-sim, address: 0x48, every: 1 ms, temperature: {}}
      lines:
        door: {line: GPIO1, mode: level, every: 1 ms}
      """)
    try gateway.program.wait(for: text, seconds: 90)
    sleep(5)
    var options = Broker.Options()
    options.isPersistent = true
    try broker.configure(options)
    try broker.start()
    let recorder = try Recorder(port: broker.port, client: "recorder")
    let mark = secondsNow()
    for channel in ["boiler.temperature", "door"] {
      try recorder.wait(channel, seconds: 60, after: mark + 1) {
        $0.channel == channel && !$0.isHistorical
      }
    }
    // The past has come when nothing of it has for two seconds.
    _ = waitUntil(seconds: 90) {
      let last = recorder.received.last { $0.record?.isHistorical ?? false }
      return (last?.at ?? 0) < secondsNow() - 2 ? true : nil
    }
    #expect(try gateway.stop() == .exited(0))
    return (gateway, recorder)
  }

  /// The last number that made room, if that is what the record says.
  private func evicted(_ record: Record) -> UInt64? {
    guard case .gap(let gap) = record.content, gap.kind == .evicted else { return nil }
    return gap.last
  }

  @Test func aFullJournalThatThins() throws {
    let (gateway, recorder) = try filled(full: "thin", until: "the journal is full")
    let thinned = recorder.records.filter(\.isThinned)
    let channels = Set(thinned.map(\.channel))
    #expect(channels == ["boiler.temperature", "door"], "\(gateway.log)")
    // Nothing but what made room is missing, and each number means one thing.
    let rest = recorder.records.filter { !$0.isThinned && evicted($0) == nil }
    let last = try #require(recorder.records.compactMap(evicted).max())
    let numbers = Set(rest.map(\.sequence))
    let highest = try #require(numbers.max())
    #expect((last + 1...highest).allSatisfy { numbers.contains($0) }, "evicted up to \(last)")
    let faults = Account(rest, channels: []).faults
    #expect(faults.allSatisfy { $0.contains("are missing") }, "\(faults)")
    // The first of what is left of the oldest stretch is of the gateway's first seconds.
    let all = recorder.records.map(\.time)
    let first = try #require(thinned.map(\.time).min())
    let least = try #require(all.min())
    #expect(first - least < 10, "thinned from \(first), all from \(least)")
  }

  @Test func aFullJournalThatStops() throws {
    let (gateway, recorder) = try filled(
      full: "stop", until: "the lane of telemetry is full and keeps what it has ('stop')")
    // The oldest are there.
    #expect(recorder.records.contains { $0.epoch == 1 && $0.sequence == 0 }, "\(gateway.log)")
    let account = Account(recorder.records, channels: ["boiler.temperature", "door"])
    #expect(account.faults == [])
    #expect(account.reportedCount > 0)
  }

  /// How many records the lane of alarms holds in the file.
  private func storedAlarms(_ gateway: Gateway) throws -> Int {
    let log = gateway.statePath + "/journal/log"
    let result = try weir(["journal", "dump", "--lane", "alarms", log])
    #expect(result.ending == .exited(0), "\(result.output)")
    return result.output.split(separator: "\n").count { $0.contains("\"kind\":\"alarm") }
  }

  /// The broker is away for good. The line changes each second, and the alarm with it.
  @Test func alarmsPassTelemetryThatWaits() throws {
    let broker = try Broker()
    let gateway = try Gateway(
      """
      device: desk
      board: simulated
      uplink: {broker: "mqtt://127.0.0.1:\(broker.port)", retry_max: 1 s}
      journal: {size: 1 MB, delta: false, full: stop}
      sensors:
        boiler: {driver: tmp105, bus: i2c-sim, address: 0x48, every: 1 ms, temperature: {}}
      lines:
        door:
          line: GPIO1
          mode: level
          every: 10 ms
          stages: [alarm: {above: 0.5}, window: 1 d]
      """)
    try gateway.program.wait(for: "keeps what it has ('stop')", seconds: 90)
    sleep(2)
    let before = try storedAlarms(gateway)
    let after = waitUntil(seconds: 15) {
      let count = (try? storedAlarms(gateway)) ?? 0
      return count >= before + 4 ? count : nil
    }
    #expect(after != nil, "\(before) alarms are durable, and no more come: \(gateway.log)")
    #expect(try gateway.stop() == .exited(0))
  }

  @Test func whatAnEarlierBootMeasured() throws {
    let broker = try Broker()
    try broker.keepForRecorder(Broker.Options())
    let before = Date().timeIntervalSince1970
    let first = try Gateway(configuration(port: broker.port))
    try first.program.wait(for: "127.0.0.1:\(broker.port) refused", seconds: 20)
    sleep(2)
    #expect(try first.stop() == .exited(0))
    let between = Date().timeIntervalSince1970

    var options = Broker.Options()
    options.isPersistent = true
    try broker.configure(options)
    try broker.start()
    let recorder = try Recorder(port: broker.port, client: "recorder")
    // The same channels by other names, and in another order.
    let second = try Gateway(
      configuration(port: broker.port).replacingOccurrences(of: "  boiler:", with: "  kettle:")
        .replacingOccurrences(of: "  room:", with: "  attic:"), state: first.statePath)
    try recorder.wait("the second boot", seconds: 20) { $0.epoch == 2 && $0.sequence > 20 }
    _ = waitUntil(seconds: 20) {
      Account(recorder.records, channels: sampledChannels).faults.isEmpty ? true : nil
    }
    #expect(try second.stop() == .exited(0))
    let old = recorder.records.filter { $0.epoch == 1 }
    #expect(Set(old.map(\.channel)).isSuperset(of: sampledChannels))
    #expect(!old.contains { $0.channel.hasPrefix("kettle") || $0.channel.hasPrefix("channel-") })
    #expect(old.allSatisfy { $0.time > before - 1 && $0.time < between + 1 })
    let new = Set(recorder.records.filter { $0.epoch == 2 }.map(\.channel))
    #expect(new.contains("kettle.temperature") && !new.contains("boiler.temperature"))
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
  }
}
