// Invariants checked, with the real binary, stripped as it is on a card:
// - a failed check in each task in turn leaves a record on the console, in the state folder and at
//   the broker, of the right task, life, signal and build; also of the uplink, whose successor
//   sends it;
// - each of them is symbolized to the function, the file and the very line of the fault, and from
//   there to the task's own loop;
// - a task that hangs answers with a record of where it hangs;
// - what was not told is told after a restart of the gateway, and what was kept is listed; a
//   damaged file costs what is damaged, and is said once;
// - a debug file of another build is refused, with both builds named.

import Desk
import Drivers
import Foundation
import Testing

@Suite(.serialized, .timeLimit(.minutes(5))) struct CrashTests {
  static let tasks = ["sense@i2c-sim", "sense@header", "pipeline", "journal", "uplink"]

  /// Of the binary under test; ordinary builds have none.
  private static let debugPath: String? = {
    let path = Gateway.binary + ".debug"
    return FileManager.default.fileExists(atPath: path) ? path : nil
  }()

  private func drills(_ kind: String) -> [String] {
    ["--drill", Self.tasks.map { "\($0):\(kind)@2" }.joined(separator: ",")]
  }

  private func wait(_ task: String, _ recorder: Recorder) throws -> CrashReport {
    try recorder.wait("the crash of \(task)", seconds: 30) { all in
      all.compactMap(\.crash).first { $0.task == task }
    }
  }

  /// The line of the sources that holds the text.
  private func line(of text: String, in file: String) throws -> Int {
    let source = try String(contentsOfFile: checkout + "/" + file, encoding: .utf8)
    let lines = source.components(separatedBy: "\n")
    return try #require(lines.firstIndex { $0.contains(text) }) + 1
  }

  @Test func aFailedCheckInEachTask() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try Gateway(configuration(port: broker.port), options: drills("trap"))
    let trapLine = try line(of: "preconditionFailure(\"a drill\")", in: Self.drillFile)
    for task in Self.tasks {
      let report = try wait(task, recorder)
      #expect(report.start == 1 && report.device == "desk" && report.epoch == 1)
      #expect(report.signal == "SIGILL" || report.signal == "SIGTRAP")
      #expect((report.uptime ?? 0) > 1 && (report.uptime ?? 100) < 30)
      #expect(abs((report.time ?? 0) - Date().timeIntervalSince1970) < 30)
      // The console says the same.
      try gateway.program.wait(for: "crash \(task)#1: \(report.signal)", seconds: 5)
      let console = try #require(crashReports(in: gateway.log).first { $0.task == task })
      #expect(console.programCounter == report.programCounter)
      #expect(console.callers == report.callers && console.buildID == report.buildID)
      try check(report, line: trapLine)
    }
    try waitForKept(gateway, count: Self.tasks.count)
    let kept = crashReports(in: try crashes(gateway, ["--json"]).output)
    #expect(Set(kept.map(\.task)) == Set(Self.tasks))
    #expect(kept.compactMap(\.number) == Array(0..<UInt64(Self.tasks.count)))
    #expect(crashReports(in: try crashes(gateway).output).count == Self.tasks.count)
    #expect(try gateway.stop() == .exited(0))
    #expect(recorder.received.compactMap(\.crash).count == Self.tasks.count)
    #expect(recorder.malformed == [])
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
  }

  private static let drillFile = "Sources/weir/DrillKind.swift"

  /// Symbolizes a trap, where there are symbols.
  private func check(_ report: CrashReport, line: Int) throws {
    guard let path = Self.debugPath else { return }
    let frames = try Symbolizer.find().symbolize(report, DebugFile(path))
    let place = try #require(frames.first { !$0.file.isEmpty })
    #expect(place.file.hasSuffix(Self.drillFile) && place.line == line)
    #expect(place.function.contains("trapForDrill"))
    let role = report.task.prefix { $0 != "@" }
    let loops = [
      "sense": "runSense", "pipeline": "runPipeline", "journal": "runJournal",
      "uplink": "runUplink",
    ]
    let loop = loops[String(role)]
    #expect(frames.contains { $0.function.contains(loop ?? "?") }, "\(report.task): \(frames)")
    #expect(frames.contains { $0.function.contains("Weir.main") }, "\(report.task)")
  }

  @Test func aHungTaskSaysWhere() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try Gateway(
      configuration(port: broker.port) + "supervision: {deadline: 500 ms}\n",
      options: drills("spin"))
    var recordedCount = 0
    for task in Self.tasks {
      _ = waitUntil(seconds: 30) {
        gateway.log.contains("task \(task) was killed by") ? true : nil
      }
      // On a busy machine 100 ms may pass before the task runs at all, and nobody waits longer.
      if gateway.log.contains("task \(task) was killed by SIGKILL") { continue }
      let report = try wait(task, recorder)
      recordedCount += 1
      #expect(report.signal == "SIGQUIT")
      guard let path = Self.debugPath else { continue }
      let frames = try Symbolizer.find().symbolize(report, DebugFile(path))
      #expect(
        frames.contains { $0.file.hasSuffix(Self.drillFile) }, "\(task): \(frames.prefix(4))")
    }
    #expect(recordedCount > 0)
    #expect(try gateway.stop() == .exited(0))
  }

  @Test func whatWasKeptIsToldAfterARestart() throws {
    let broker = try Broker()
    let settings = configuration(port: broker.port)
    let first = try Gateway(settings, options: ["--drill", "pipeline:segfault@1"])
    try waitForKept(first, count: 1)
    #expect(try first.stop() == .exited(0))
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let second = try Gateway(settings, state: first.statePath)
    let report = try wait("pipeline", recorder)
    #expect(report.epoch == 1 && report.signal == "SIGSEGV" && report.reason.contains("0x10"))
    #expect(try second.stop() == .exited(0))
    // Damage in the middle of the only record.
    let path = first.statePath + "/crashes"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[200] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
    let third = try Gateway(settings, state: first.statePath)
    try third.program.wait(for: "crashes is damaged: 1 of its crashes", seconds: 10)
    try recorder.wait("a reading of the third boot", seconds: 20) { $0.epoch == 3 }
    #expect(try crashes(first).ending == .exited(1))
    #expect(try third.stop() == .exited(0))
    #expect(recorder.received.compactMap(\.crash).count == 1)
  }

  @Test func theDeskTool() throws {
    let folder = try Folder()
    let build = String(repeating: "ab", count: 20)
    let lines = "crash pipeline#1: SIGILL (a check) at 0x10, step 1, up 2.0 s\n"
    let path = try folder.write(
      lines + "1.0 error supervisor: crash pipeline#1: build \(build)\n", to: "log")
    let none = try run("weirctl", ["symbolize", try folder.write("nothing\n", to: "empty")])
    #expect(none.ending == .exited(1) && none.output.contains("there is no crash record in"))
    let missing = try run("weirctl", ["symbolize", "--debug", folder.file("no"), path])
    #expect(missing.ending == .exited(1) && missing.output.contains("make it with cross/build"))
    guard let debugPath = Self.debugPath else { return }
    let other = try run("weirctl", ["symbolize", "--debug", debugPath, path])
    let own = try DebugFile(debugPath).buildID
    #expect(other.ending == .exited(1))
    #expect(other.output.contains(build) && other.output.contains(own))
  }

  @Test func theCommandOnTheGateway() throws {
    let folder = try Folder()
    let none = try weir(["crashes", "--state", folder.path])
    #expect(none.ending == .exited(0) && none.output.contains("none is kept in"))
    for wrong in [["--state"], ["--fly"]] {
      #expect(try weir(["crashes"] + wrong).ending == .exited(64))
    }
  }

  private func crashes(
    _ gateway: Gateway, _ options: [String] = []
  ) throws -> (ending: Ending, output: String) {
    try weir(["crashes", "--state", gateway.statePath] + options)
  }

  private func waitForKept(_ gateway: Gateway, count: Int) throws {
    let kept = try waitUntil(seconds: 15) { () -> Bool? in
      try crashReports(in: crashes(gateway, ["--json"]).output).count == count ? true : nil
    }
    #expect(kept == true, "\(gateway.log)")
  }

  /// Runs a program that was built beside the tests.
  private func run(
    _ name: String, _ arguments: [String]
  ) throws -> (ending: Ending, output: String) {
    let folder = try Folder()
    let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let path = tests.deletingLastPathComponent().appendingPathComponent(name).path
    let program = try Program(path, arguments, outputPath: folder.file("output"))
    return (try program.wait(seconds: 60), program.output)
  }
}
