// Invariants checked:
// - the retained status message tells the health of every task, and again when it changes;
// - a broker that knows the gateway only by its will says that it is offline;
// - a full process table keeps nobody from coming back once there is room.

import Desk
import Drivers
import Foundation
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct HealthTests {
  @Test func theBrokerIsToldHowTheTasksAre() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try Gateway(
      configuration(port: broker.port), options: ["--drill", "sense@header:stop@3"])
    func wait(_ what: String, _ condition: @escaping (Status) -> Bool) throws {
      try recorder.wait(what, seconds: 20) { all in
        all.contains {
          if case .status(let status) = $0.message { condition(status) } else { false }
        } ? true : nil
      }
    }
    let names = ["sense@i2c-sim", "sense@header", "pipeline", "journal", "uplink"]
    try wait("all healthy") { status in
      status.health == "healthy" && names.allSatisfy { status.tasks[$0] == "healthy" }
    }
    try wait("a task that is not well") { status in
      status.health != "healthy" && status.tasks["sense@header"]?.contains(": ") == true
    }
    let mark = recorder.received.count
    try recorder.wait("all healthy again", seconds: 20) { all in
      all.dropFirst(mark).contains {
        if case .status(let status) = $0.message { status.health == "healthy" } else { false }
      } ? true : nil
    }
    // Who comes later is told at once: the message is retained.
    let late = try Recorder(port: broker.port)
    try late.wait("the retained status", seconds: 5) { all -> Bool? in
      guard case .status(let status)? = all.first?.message else { return nil }
      return status.health == "healthy" ? true : nil
    }
    // The will takes its place.
    kill(gateway.tasks().first { $0.name == "weir:uplink" }?.process ?? 0, SIGSTOP)
    gateway.program.send(SIGKILL)
    try recorder.wait("the will", seconds: 40) { all -> Bool? in
      guard case .status(let status)? = all.last?.message, !status.isOnline else { return nil }
      return true
    }
  }

  /// As root, because the limit counts all processes of a user, and must not be the tests' own.
  @Test(.enabled(if: getuid() == 0)) func aFullProcessTable() throws {
    let folder = try Folder()
    for (name, source) in [
      ("weir", Gateway.binary), ("board.yaml", checkout + "/boards/simulated/board.yaml"),
    ] {
      #expect(try run("cp", [source, folder.file(name)], in: folder) == .exited(0))
    }
    try folder.write(configuration(port: try freePort()), to: "gateway.yaml")
    #expect(try run("chmod", ["-R", "a+rwX", folder.path], in: folder) == .exited(0))
    // Room for the supervisor, which prlimit becomes, and two of its four tasks.
    let stranger = ["--reuid=61234", "--regid=61234", "--clear-groups", "prlimit"]
    let program = try Program(
      try find("setpriv"),
      stranger + [
        "--nproc=3:64", folder.file("weir"), "run", folder.file("gateway.yaml"), "--board",
        folder.file("board.yaml"), "--state", folder.file("state"),
      ], outputPath: folder.file("gateway.log"))
    try program.wait(for: "can't start", seconds: 20)
    #expect(program.output.contains("fork: Resource temporarily unavailable; next try in"))
    let arguments = ["health", "--state", folder.file("state")]
    #expect(try weir(arguments).output.contains("can't be started"))
    let more = stranger + ["--pid", "\(program.process)", "--nproc=64:64"]
    #expect(try run("setpriv", more, in: folder) == .exited(0))
    let result = waitUntil(seconds: 20) { () -> String? in
      guard let output = try? weir(arguments).output else { return nil }
      return output.contains("can't be started") || output.contains("starting") ? nil : output
    }
    #expect(result?.contains("sense@header") == true, "\(program.output)")
    program.send(SIGTERM)
    #expect(try program.wait(seconds: 15) == .exited(0))
  }
}
