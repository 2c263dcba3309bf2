// Invariants checked, for each fault that a task can have, in each task in turn:
// - it is noticed for what it is, and said;
// - the task is started again, once, and all is healthy soon after;
// - the others go on, and what the broker got is complete, or explained.
//
// And for what must not work: two gateways on one state folder, and drills that are none.

import Desk
import Drivers
import Foundation
import Testing

@Suite(.serialized, .timeLimit(.minutes(5))) struct DrillTests {
  static let tasks = ["sense@i2c-sim", "sense@header", "pipeline", "journal", "uplink"]
  static let supervision = "supervision: {deadline: 500 ms}\n"

  /// Runs a gateway in which the kind strikes each task, `apart` seconds after each other.
  private func drill(
    _ kind: String, apart: Int = 0, tasks: [String] = Self.tasks, expected: String,
    check: (Gateway, Recorder, Broker) throws -> Void = { _, _, _ in }
  ) throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let drills = tasks.enumerated().map { "\($1):\(kind)@\(2 + $0 * apart)" }
    let gateway = try Gateway(
      configuration(port: broker.port) + Self.supervision,
      options: ["--drill", drills.joined(separator: ",")])
    for task in tasks {
      try gateway.program.wait(for: "task \(task) \(expected)", seconds: 20 + Double(apart * 4))
    }
    let mark = secondsNow()
    for channel in sampledChannels {
      try recorder.wait("\(channel) after the drill", seconds: 30, after: mark) {
        $0.channel == channel
      }
    }
    #expect(gateway.health(wait: 10).ending == .exited(0), "\(gateway.health().output)")
    try check(gateway, recorder, broker)
    #expect(try gateway.stop() == .exited(0))
    let account = Account(recorder.records, channels: sampledChannels)
    #expect(account.faults == [], "\(kind)")
    #expect(recorder.malformed == [], "\(kind)")
  }

  private func expectStarts(_ gateway: Gateway, _ count: Int) {
    for task in Self.tasks {
      #expect(gateway.healthRow(task)?.starts == count, "\(task): \(gateway.health().output)")
    }
  }

  @Test func aFailedCheck() throws {
    try drill("trap", expected: "was killed by SIG") { gateway, _, _ in
      expectStarts(gateway, 2)
    }
  }

  @Test func aWildPointer() throws {
    try drill("segfault", expected: "was killed by SIGSEGV") { gateway, _, _ in
      expectStarts(gateway, 2)
    }
  }

  @Test func anEndWithoutReason() throws {
    try drill("exit", expected: "exited with status 3") { gateway, _, _ in
      expectStarts(gateway, 2)
    }
  }

  @Test func anEndlessLoop() throws {
    try drill("spin", expected: "shows no sign of life") { gateway, _, _ in
      expectStarts(gateway, 2)
    }
  }

  @Test func aDeadlock() throws {
    try drill("deadlock", expected: "shows no sign of life") { gateway, _, _ in
      expectStarts(gateway, 2)
    }
  }

  /// A stopped process can't answer the signal that asks for its record: SIGKILL ends it.
  @Test func aStoppedTask() throws {
    try drill("stop", expected: "was killed by SIGKILL") { gateway, _, _ in
      expectStarts(gateway, 2)
    }
  }

  /// A neighbour that finds a position out of bounds traps too, before it touches memory that is
  /// not its own; all of them come back, because each position has a second copy.
  @Test func nonsenseInARing() throws {
    try drill("ring", apart: 3, expected: "was killed by SIG")
  }

  @Test func aTaskThatAlwaysDiesIsGivenUp() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let limits = "supervision: {restarts: 3, within: 10 min, pause: 10 ms, pause_max: 20 ms}\n"
    let gateway = try Gateway(
      configuration(port: broker.port) + limits, options: ["--drill", "sense@header:exit@0!"])
    try gateway.program.wait(for: "task sense@header exited with status 3: the 4th", seconds: 20)
    // Said loudly, also to the broker; the others run on.
    let health = gateway.health()
    #expect(health.ending == .exited(2) && health.output.contains("died too often"))
    let mark = secondsNow()
    try recorder.wait("a reading of the other bus", seconds: 20, after: mark) {
      $0.channel == "boiler.temperature"
    }
    #expect(gateway.healthRow("sense@header")?.state == "failed")
    #expect(gateway.healthRow("pipeline")?.starts == 1)
    #expect(try gateway.stop() == .exited(0))
  }

  @Test func aCriticalTaskThatAlwaysDiesEndsTheGateway() throws {
    let limits = "supervision: {restarts: 3, within: 10 min, pause: 10 ms, pause_max: 20 ms}\n"
    let gateway = try Gateway(
      configuration(port: try freePort()) + limits, options: ["--drill", "pipeline:exit@0!"])
    #expect(try gateway.program.wait(seconds: 20) == .exited(70))
    #expect(gateway.log.contains("ended, because pipeline can't be brought back"))
  }

  @Test func aSecondGatewayIsRefused() throws {
    let gateway = try Gateway(configuration(port: try freePort()))
    try gateway.program.wait(for: "refused the connection", seconds: 20)
    let second = try weir(
      [
        "run", gateway.configurationPath, "--board", checkout + "/boards/simulated/board.yaml",
        "--state", gateway.statePath,
      ])
    #expect(second.ending == .exited(71), "\(second.output)")
    #expect(second.output.contains("another gateway uses"))
    // The first one still answers.
    #expect(gateway.health().output.contains("pipeline"))
    #expect(try gateway.stop() == .exited(0))
  }

  @Test func drillsThatAreNone() throws {
    for (text, word) in [
      ("pipeline", "TASK:KIND"), (":trap", "TASK:KIND"), ("pipeline:fly", "expected one of trap"),
      ("pipeline:trap@x", "seconds behind '@'"), ("pipeline:trap@1234567", "seconds behind '@'"),
    ] {
      let result = try weir(["run", "/nowhere.yaml", "--drill", text])
      #expect(result.ending == .exited(64), "\(text): \(result.output)")
      #expect(result.output.contains(word), "\(text): \(result.output)")
    }
  }

  @Test func healthOfNobody() throws {
    let folder = try Folder()
    let none = try weir(["health", "--state", folder.path])
    #expect(none.ending == .exited(2) && none.output.contains("no gateway has run"))
    for wrong in [["--state"], ["--wait", "0"], ["--fly"]] {
      #expect(try weir(["health"] + wrong).ending == .exited(64))
    }
    // A gateway whose supervisor hangs does not answer.
    let gateway = try Gateway(configuration(port: try freePort()))
    try gateway.program.wait(for: "refused the connection", seconds: 20)
    gateway.program.send(SIGSTOP)
    let hung = gateway.health()
    gateway.program.send(SIGCONT)
    #expect(hung.ending == .exited(2) && hung.output.contains("supervisor hangs"))
    #expect(try gateway.stop() == .exited(0))
    let gone = gateway.health()
    #expect(gone.ending == .exited(2) && gone.output.contains("no gateway runs"))
  }
}
