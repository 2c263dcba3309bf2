// Invariants checked, of what a gateway says while it runs:
// - each line of a task tells which of its lives wrote it; the supervisor's have no number;
// - a console that nobody reads holds nobody up: readings flow, the supervisor restarts what dies,
//   nothing is reported as stalled; what could not be shown is counted, told with the next line
//   that can be, and in the report;
// - what the supervisor and the tasks warn of arrives at the broker, once, also what was said while
//   the uplink was dead, and what is wrong with the configuration.

import Desk
import Drivers
import Foundation
import Glibc
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct ConsoleTests {
  @Test func linesTellWhichLifeWroteThem() throws {
    let broker = try Broker()
    try broker.start()
    let gateway = try Gateway(configuration(port: broker.port))
    try gateway.program.wait(for: " info uplink#1: connected to ", seconds: 20)
    let uplink = try #require(gateway.tasks().first { $0.name == "weir:uplink" })
    kill(uplink.process, SIGKILL)
    try gateway.program.wait(
      for: " warning supervisor: task uplink was killed by SIGKILL; starting it again", seconds: 20)
    try gateway.program.wait(for: " info uplink#2: connected to ", seconds: 20)
    #expect(try gateway.stop() == .exited(0))
  }

  @Test func warningsArriveAtTheBroker() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try Gateway(
      configuration(port: broker.port), options: ["--drill", "pipeline:exit@2,uplink:exit@4"])
    func lines() -> [LogRecord] {
      recorder.received.compactMap { received in
        if case .log(let line) = received.message { line } else { nil }
      }
    }
    let texts = [
      "but a tmp105 measures every 220 ms", "task pipeline exited with status 3",
      "task uplink exited with status 3", "drill: exit",
    ]
    let haveCome = waitUntil(seconds: 30) {
      texts.allSatisfy { text in lines().contains { $0.text.contains(text) } } ? true : nil
    }
    #expect(haveCome == true, "\(lines())\n\(gateway.log)")
    #expect(try gateway.stop() == .exited(0))
    for line in lines() {
      #expect(line.level == "warning" || line.level == "error", "\(line)")
      #expect(line.lostCount == 0 && line.device == "desk" && line.epoch == 1)
      #expect((line.task == "supervisor") == (line.start == 0), "\(line)")
    }
    // The uplink died while it may have had one line under way.
    let numbers = lines().filter { $0.task == "supervisor" }.map(\.number)
    #expect(numbers == numbers.sorted() && numbers.count - Set(numbers).count <= 1)
    #expect(recorder.malformed == [])
  }

  @Test func aConsoleThatNobodyReadsHoldsNobodyUp() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let folder = try Folder()
    let console = try StalledConsole(folder.file("console"))
    let path = try folder.write(configuration(port: broker.port), to: "gateway.yaml")
    let program = try Program(
      Gateway.binary,
      [
        "run", path, "--board", checkout + "/boards/simulated/board.yaml",
        "--state", folder.file("state"), "--drill", "uplink:exit@3,pipeline:exit@4",
      ], outputPath: console.path)
    try recorder.wait("readings", seconds: 30) { $0.count > 50 ? true : nil }
    // Each report is more than 500 bytes, and the pipe takes 4096.
    for _ in 0..<40 {
      program.send(SIGHUP)
      _ = waitUntil(seconds: 0.05) { program.isRunning ? nil : true }
    }
    let mark = secondsNow() + 4
    for channel in sampledChannels {
      try recorder.wait("\(channel) after the drills", seconds: 30, after: mark) {
        $0.channel == channel
      }
    }
    let before = console.read()
    #expect(before.contains("uplink#1: connected to"), "\(before)")
    program.send(SIGHUP)
    var after = ""
    let isTold = waitUntil(seconds: 10) { () -> Bool? in
      after += console.read()
      return after.contains("console-dropped:") && after.contains("KiB PSS") ? true : nil
    }
    #expect(isTold == true, "\(before)\n\(after)")
    // No line was torn, and nobody was late because of the console.
    for line in (before + after).split(separator: "\n") {
      #expect(logSeconds(String(line)) != nil, "\(line)")
    }
    #expect(after.contains("start 2"), "\(after)")
    program.send(SIGTERM)
    let ending = waitUntil(seconds: 15) { () -> Ending? in
      after += console.read()
      return program.poll()
    }
    #expect(ending == .exited(0), "\(after)")
    #expect(!(before + after).contains("shows no sign of life"))
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
  }
}

/// A named pipe with room for one page, whose reading end is open and not read.
private final class StalledConsole {
  let path: String
  private let descriptor: Int32

  init(_ path: String) throws {
    self.path = path
    // Safe, here and below: Swift terminates the path for the call.
    guard unsafe mkfifo(path, 0o600) == 0 else { throw DriverFailure("mkfifo failed: \(errno)") }
    descriptor = unsafe open(path, O_RDONLY | O_NONBLOCK)
    guard descriptor >= 0 else { throw DriverFailure("can't open the pipe: \(errno)") }
    // F_SETPIPE_SZ of fcntl(2), which Swift does not see.
    guard fcntl(descriptor, 1031, 4096) >= 4096 else {
      throw DriverFailure("can't make the pipe small: \(errno)")
    }
  }

  deinit { close(descriptor) }

  /// What waits in it.
  func read() -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    // As much as two pipes of the usual size hold: more is not there at once.
    for _ in 0..<32 {
      // Safe: the buffer outlives the call and its size is given.
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
      }
      if count <= 0 { break }
      bytes += buffer[0..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
