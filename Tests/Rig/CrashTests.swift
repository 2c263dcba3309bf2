// The rpi-3b image in QEMU, with a deliberate trap in each task of the gateway. Invariants checked:
// - the record of each crash arrives at the broker, and its debug file turns it into the function,
//   the file and the line of the trap, and the way there from the task's own loop;
// - the console says the same;
// - the crashes survive a power cut: the next boot says the last of them, and tells all of them to
//   the broker again, which may have got none.

import Desk
import Drivers
import Foundation
import Testing

extension Rig {
  @Test func aTrapInEachTaskIsSymbolized() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let tasks = ["sense@i2c-1", "sense@thermal", "pipeline", "journal", "uplink"]
    let drills = tasks.enumerated().map { "\($1):trap@\(8 + $0 * 2)" }
    let emulator = try Emulator(
      "rpi-3b", configuration: crashConfiguration(broker.port),
      words: ["weir.drill=" + drills.joined(separator: ",")])
    let symbols = try DebugFile(checkout + "/.out/weir-aarch64.debug")
    let trap = try trapLine()
    for task in tasks {
      let report = try crash(of: task, epoch: 1, after: 0, emulator, recorder)
      #expect(report.signal == "SIGTRAP" && report.start == 1 && report.architecture == "aarch64")
      #expect(report.buildID == symbols.buildID)
      let frames = try Symbolizer.find().symbolize(report, symbols)
      print(crashTrace(report, frames, folder: checkout).joined(separator: "\n"))
      let place = try #require(frames.first { !$0.file.isEmpty })
      #expect(place.file.hasSuffix(trapFile) && place.line == trap)
      #expect(place.function.contains("trapForDrill"))
      let loop = "run" + task.prefix { $0 != "@" }.capitalized
      #expect(frames.contains { $0.function.contains(loop) }, "\(task): \(frames)")
      try emulator.wait(for: "crash \(task)#1: SIGTRAP", seconds: 30)
      let console = crashReports(in: emulator.console).first { $0.task == task }
      #expect(console?.programCounter == report.programCounter)
      #expect(console?.callers == report.callers)
    }
    try checkPowerCut(tasks, emulator, recorder)
    #expect(recorder.malformed == [])
    emulator.end()
  }

  /// Cuts the power when the last crash is on the card.
  private func checkPowerCut(
    _ tasks: [String], _ emulator: Emulator, _ recorder: Recorder
  ) throws {
    // The keeper has a second, on an emulated card.
    Thread.sleep(forTimeInterval: 5)
    let cut = secondsNow()
    try emulator.control().execute("system_reset")
    for task in tasks { _ = try crash(of: task, epoch: 1, after: cut, emulator, recorder) }
    try emulator.wait(for: "boot 2: the last crash of that boot was uplink#1", seconds: 30)
    let told = recorder.received.compactMap { received -> String? in
      if case .boot(let boot) = received.message { boot.lastCrash } else { nil }
    }
    #expect(told == ["uplink#1: SIGTRAP (a check of the program failed)"])
  }

  /// On a slow machine a boot takes a minute.
  private func crash(
    of task: String, epoch: UInt64, after start: Double, _ emulator: Emulator, _ recorder: Recorder
  ) throws -> CrashReport {
    let found = try waitUntil(seconds: 180) { () -> CrashReport? in
      try emulator.checkRunning()
      return recorder.received.first {
        $0.at > start && $0.crash?.task == task && $0.crash?.epoch == epoch
      }?.crash
    }
    guard let found else {
      throw DriverFailure("no crash of \(task):\n\(emulator.console.suffix(3000))")
    }
    return found
  }
}

private let trapFile = "Sources/weir/DrillKind.swift"

private func trapLine() throws -> Int {
  let source = try String(contentsOfFile: checkout + "/" + trapFile, encoding: .utf8)
  let lines = source.components(separatedBy: "\n")
  return try #require(lines.firstIndex { $0.contains("preconditionFailure(\"a drill\")") }) + 1
}

private func crashConfiguration(_ port: Int) -> String {
  """
  device: rig
  board: rpi-3b
  network:
    address: dhcp
  uplink:
    broker: mqtt://10.0.2.2:\(port)
    retry_max: 1 s
  sensors:
    boiler:
      driver: tmp105
      bus: i2c-1
      address: 0x48
      every: 1 s
      temperature: {}
    soc:
      driver: thermal
      every: 1 s
      temperature: {}

  """
}
