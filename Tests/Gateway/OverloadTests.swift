// A real gateway whose journal is stopped where it is, as a card is that does not answer, and goes
// on. Invariants checked:
// - the buffer fills, and the overload level rises to 3, each level once in the log and to the
//   receiver;
// - meanwhile the channel of low priority is sampled less often, windows are wider, and alarms get
//   through although the buffer is full for all else;
// - a pipeline and a sense task that are killed meanwhile go on at the same level;
// - when the journal goes on, the level returns to 0 by itself, and all is as before;
// - the account is exact: of every event and of every reading of the sampled channels.

import Desk
import Drivers
import Foundation
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct OverloadTests {
  /// Lines of GPIO1 rise and fall every second, so the alarm is raised and cleared as often.
  private func configuration(port: Int) -> String {
    """
    device: desk
    board: simulated
    uplink:
      broker: mqtt://127.0.0.1:\(port)
      buffer: 256
      retry_max: 1 s
    overload: {recovery: 500 ms}
    supervision: {deadline: 60 s}
    sensors:
      boiler:
        driver: tmp105
        bus: i2c-sim
        address: 0x48
        every: 20 ms
        priority: low
        temperature: {}
      room:
        driver: dps310
        bus: i2c-sim
        address: 0x77
        every: 25 ms
        pressure: {}
        temperature: {stages: [window: 500 ms]}
    lines:
      door:
        line: GPIO1
        mode: level
        every: 50 ms
        priority: high
        stages: [alarm: {above: 0.5}, window: 1 d]
    """
  }

  @Test func aSlowConsumerSlowsTheRest() throws {
    var options = Broker.Options()
    options.isPersistent = true
    let broker = try Broker(options)
    try broker.start()
    let recorder = try Recorder(port: broker.port, client: "recorder")
    let gateway = try Gateway(configuration(port: broker.port))
    try recorder.wait("an alarm and readings", seconds: 30) { all in
      all.count > 100 && alarms(all.compactMap(\.record)).count > 1 ? true : nil
    }
    let journal = try #require(gateway.tasks().first { $0.name == "weir:journal" })
    kill(journal.process, SIGSTOP)
    let pause = Date().timeIntervalSince1970
    try gateway.program.wait(for: "overload level 3", seconds: 20)
    // Until the buffer is full, and for some alarms after it.
    _ = waitUntil(seconds: 5) { gateway.program.isRunning ? nil : true }
    for task in gateway.tasks() where !["weir:uplink", "weir:journal"].contains(task.name) {
      kill(task.process, SIGKILL)
    }
    _ = waitUntil(seconds: 1.5) { gateway.program.isRunning ? nil : true }
    gateway.program.send(SIGHUP)
    try gateway.program.wait(for: "slowed ", seconds: 5)
    #expect(gateway.log.contains("overload level 3"), "\(gateway.log)")
    let resumed = Date().timeIntervalSince1970
    kill(journal.process, SIGCONT)
    try gateway.program.wait(for: "overload is over", seconds: 40)
    let over = secondsNow()
    let overTime = Date().timeIntervalSince1970
    try recorder.wait("the rest of the account", seconds: 20, after: over) {
      if case .gap(let gap) = $0.content { gap.kind == .slowed } else { false }
    }
    try recorder.wait("a window of the usual span", seconds: 20, after: over + 5) {
      if case .window(let window) = $0.content { window.span == 0.5 } else { false }
    }
    #expect(try gateway.stop() == .exited(0), "\(gateway.log)")

    let records = recorder.records
    let account = Account(records, channels: ["boiler.temperature", "room.pressure"])
    print("overload: \(account.summary)")
    #expect(account.faults == [])
    #expect(recorder.malformed == [])
    #expect(account.slowedCount > 100)
    checkLevels(records, gateway.log)
    checkRates(records, from: pause, to: resumed, after: overTime)
    let during = alarms(records).filter { $0.time > pause + 4 && $0.time < resumed }
    #expect(during.count >= 3, "\(during)")
    // Raised and cleared in turn: none of them is missing.
    for (one, next) in zip(alarms(records), alarms(records).dropFirst()) {
      #expect(one.isRaised != next.isRaised, "\(one), \(next)")
    }
    let dropped = records.contains {
      if case .gap(let gap) = $0.content { gap.kind == .droppedEvents } else { false }
    }
    #expect(dropped, "the buffer was never full")
  }

  private func alarms(_ records: [Record]) -> [(time: Double, isRaised: Bool)] {
    records.compactMap {
      if case .alarm(let isRaised, _) = $0.content { ($0.time, isRaised) } else { nil }
    }
  }

  private func checkLevels(_ records: [Record], _ log: String) {
    let levels = records.compactMap {
      if case .overload(let level) = $0.content { level } else { nil }
    }
    #expect(levels.first == 1 && levels.max() == 3 && levels.last == 0, "\(levels)")
    for (one, next) in zip(levels, levels.dropFirst()) {
      #expect(one > next ? one - next == 1 : next - one == 1, "\(levels)")
    }
    for level in 1...3 {
      let count = log.components(separatedBy: "overload level \(level) of 3").count - 1
      #expect(count == 1, "level \(level) is \(count) times in the log")
    }
  }

  /// Every deadline is taken, but for some that a busy machine misses.
  private func expectUsual(_ steps: [UInt64]) {
    #expect(steps.count > 20 && steps.count { $0 == 1 } * 10 > steps.count * 8, "\(steps)")
  }

  private func checkRates(
    _ records: [Record], from pause: Double, to resumed: Double, after over: Double
  ) {
    func steps(_ from: Double, _ to: Double) -> [UInt64] {
      let sequences = records.filter {
        $0.channel == "boiler.temperature" && $0.time > from && $0.time < to
          && $0.readingSequence != nil
      }.compactMap(\.readingSequence).sorted()
      return zip(sequences, sequences.dropFirst()).map { $1 - $0 }
    }
    expectUsual(steps(0, pause))
    // Before the buffer was full: 2, 4 and 8 periods.
    #expect(Set(steps(pause, resumed)).isSuperset(of: [2, 4]))
    expectUsual(steps(over + 1, .infinity))

    let windows = records.compactMap { record -> (time: Double, span: Double)? in
      if case .window(let window) = record.content { (record.time, window.span) } else { nil }
    }
    #expect(windows.filter { $0.time < pause }.allSatisfy { $0.span == 0.5 })
    #expect(windows.contains { $0.span >= 2 }, "\(windows)")
    #expect(windows.last?.span == 0.5)
    #expect(windows.filter { $0.time > over + 4.5 }.allSatisfy { $0.span == 0.5 })
  }
}
