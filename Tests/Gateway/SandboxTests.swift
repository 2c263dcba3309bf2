// What each task may still do after its fork, in the real binary. Invariants checked:
// - each task has its own user, no capability, no way to gain one, a filter of system calls,
//   limits, and no descriptor that is not its own;
// - from inside of it, opening a bus, writing the journal, fork, exec and the rest fail, each try
//   is in the log, and the task lives on;
// - memory of another task is not there to be written;
// - a task that takes memory without end dies of its own limit, alone; one that fills its
//   descriptors goes on with those that it has; what the broker got is complete.
//
// Where the tests are not root, users and capabilities are left out, as the gateway does it.

import Desk
import Drivers
import Foundation
import Testing

@Suite(.serialized, .timeLimit(.minutes(5))) struct SandboxTests {
  static let isRoot = getuid() == 0
  static let tasks = ["sense@i2c-sim", "sense@header", "pipeline", "journal", "uplink"]

  /// The lines of /proc/PID/status, by their names.
  private func status(_ process: pid_t) throws -> [String: [String]] {
    let text = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
    var lines: [String: [String]] = [:]
    for line in text.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      lines[String(line[..<colon])] = line[line.index(after: colon)...].split(
        whereSeparator: \.isWhitespace
      ).map(String.init)
    }
    return lines
  }

  private func limit(_ name: String, _ process: pid_t) throws -> String? {
    let text = try String(contentsOfFile: "/proc/\(process)/limits", encoding: .utf8)
    let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
    return line?.dropFirst(name.count).split(separator: " ").first.map(String.init)
  }

  private func descriptors(_ process: pid_t) throws -> [String] {
    let folder = "/proc/\(process)/fd"
    return try FileManager.default.contentsOfDirectory(atPath: folder).sorted {
      (Int($0) ?? 0) < (Int($1) ?? 0)
    }.compactMap {
      do {
        return try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/" + $0)
      } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
        // It was closed since the folder was read.
        return nil
      }
    }
  }

  private func startedGateway(
    _ broker: Broker, drills: String = ""
  ) throws -> Gateway {
    let gateway = try Gateway(
      configuration(port: broker.port) + DrillTests.supervision,
      options: drills.isEmpty ? [] : ["--drill", drills])
    try gateway.program.wait(for: "connected to", seconds: 20)
    return gateway
  }

  @Test func eachTaskHasOnlyWhatItNeeds() throws {
    let broker = try Broker()
    try broker.start()
    let gateway = try startedGateway(broker)
    #expect(gateway.health(wait: 10).ending == .exited(0), "\(gateway.health().output)")
    var users: Set<String> = []
    let all = gateway.tasks()
    #expect(all.count == Self.tasks.count)
    for (process, name) in all {
      let status = try status(process)
      #expect(status["NoNewPrivs"] == ["1"], "\(name)")
      #expect(status["Seccomp"] == ["2"], "\(name)")
      // The state folder of a test is closed to others: to reach its own in it the journal keeps
      // CAP_DAC_READ_SEARCH, within the rules for files.
      let kept = Self.isRoot && name == "weir:journal" ? "0000000000000004" : "0000000000000000"
      for (set, value) in [("CapInh", nil), ("CapPrm", kept), ("CapEff", kept), ("CapAmb", nil)] {
        #expect(status[set] == [value ?? "0000000000000000"], "\(name): \(set)")
      }
      #expect(try limit("Max core file size", process) == "0")
      #expect(try limit("Max open files", process) == "64")
      let data = try #require(try limit("Max data size", process).flatMap { UInt64($0) })
      // What an ordinary build has before it begins is more than the static one.
      #expect(data < 128 << 20, "\(name): \(data)")
      // The log, a timer or a counter, and the uplink's sockets: nothing of the supervisor's.
      for file in try descriptors(process).dropFirst(3) {
        let isOwn =
          file.hasPrefix("anon_inode:") || file.hasPrefix("pipe:")
          || name == "weir:uplink" && file.hasPrefix("socket:")
          || ["weir:journal", "weir:uplink"].contains(name)
            && (file.hasPrefix(gateway.statePath + "/journal")
              || file.hasPrefix("/memfd:weir-journal"))
        #expect(isOwn, "\(name): \(file)")
      }
      if Self.isRoot {
        #expect(status["CapBnd"] == [kept], "\(name)")
        let user = try #require(status["Uid"])
        #expect(Set(user).count == 1 && user[0] != "0", "\(name): \(user)")
        #expect(status["Gid"] == user && status["Groups"] == [], "\(name)")
        users.insert(user[0])
      }
    }
    if Self.isRoot { #expect(users.count == Self.tasks.count) }
    #expect(try gateway.stop() == .exited(0))
  }

  /// What is tried, and in whom it works because it is meant to.
  static let tries: [(what: String, worksIn: [String])] = [
    ("open /dev/i2c-1", []), ("open /dev/i2c-1 for writing", []), ("open /dev/gpiochip0", []),
    ("open /dev/kmsg", []), ("open /dev/kmsg for writing", []), ("read /etc/shadow", []),
    ("look into the supervisor", []), ("fork", []), ("exec", []), ("trace the supervisor", []),
    ("mount", []), ("signal the supervisor", []), ("open a packet socket", []),
    ("open a TCP socket", ["uplink"]), ("open a local socket", []),
  ]

  @Test func nobodyGetsOut() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try startedGateway(
      broker, drills: Self.tasks.map { "\($0):escape@1" }.joined(separator: ","))
    let journal = gateway.statePath + "/journal/log"
    for task in Self.tasks {
      try gateway.program.wait(for: "task \(task) tried what it may not do", seconds: 20)
      let tries =
        Self.tries + [
          ("open \(journal) for writing", ["journal"]), ("create \(journal).new", ["journal"]),
        ]
      for (what, worksIn) in tries {
        let line = "\(task)#1: escape: \(what): "
        let isRefused = gateway.log.contains(line + "refused (")
        #expect(isRefused == !worksIn.contains(task), "\(line)")
        #expect(gateway.log.contains(line + "WORKED") == !isRefused, "\(line)")
      }
    }
    // All of them live on, and work.
    try waitForAll(recorder, after: secondsNow())
    for task in Self.tasks { #expect(gateway.healthRow(task)?.starts == 1, "\(gateway.log)") }
    #expect(try gateway.stop() == .exited(0))
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
  }

  @Test func theMemoryOfOthersIsNotThere() throws {
    let broker = try Broker()
    try broker.start()
    let drills = Self.tasks.enumerated().map { "\($1):trespass@\(1 + $0)" }
    let gateway = try startedGateway(broker, drills: drills.joined(separator: ","))
    for task in Self.tasks {
      try gateway.program.wait(for: "task \(task) was killed by SIGSEGV", seconds: 20)
    }
    #expect(gateway.health(wait: 10).ending == .exited(0), "\(gateway.health().output)")
    #expect(try gateway.stop() == .exited(0))
  }

  /// The machine has more memory than a task may have; so its own limit ends it, and nobody else.
  @Test(arguments: tasks) func memoryWithoutEnd(task: String) throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try startedGateway(broker, drills: "\(task):memory@2")
    try gateway.program.wait(for: "task \(task) was killed by SIG", seconds: 20)
    #expect(!gateway.log.contains("SIGKILL"), "\(gateway.log)")
    try waitForAll(recorder, after: secondsNow())
    for other in Self.tasks {
      #expect(gateway.healthRow(other)?.starts == (other == task ? 2 : 1), "\(other)")
    }
    #expect(try gateway.stop() == .exited(0))
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
  }

  /// Each goes on with what it has open.
  @Test func descriptorsWithoutEnd() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try startedGateway(
      broker, drills: Self.tasks.map { "\($0):descriptors@1" }.joined(separator: ","))
    for task in Self.tasks {
      try gateway.program.wait(
        for: "\(task)#1: drill: no more descriptors: Too many open files", seconds: 20)
    }
    try waitForAll(recorder, after: secondsNow())
    for task in Self.tasks { #expect(gateway.healthRow(task)?.starts == 1, "\(task)") }
    #expect(try gateway.stop() == .exited(0))
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
  }

  /// When the broker goes, its socket is free again: the uplink connects with that one.
  @Test func anUplinkWithoutDescriptorsConnectsAgain() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try startedGateway(broker, drills: "uplink:descriptors@1")
    try gateway.program.wait(for: "drill: no more descriptors", seconds: 20)
    try broker.stop()
    try gateway.program.wait(for: "trying again", seconds: 20)
    try broker.start()
    let late = try Recorder(port: broker.port)
    try waitForAll(late, after: secondsNow())
    #expect(try gateway.stop() == .exited(0))
    #expect(recorder.malformed == [] && late.malformed == [])
  }

  private func waitForAll(_ recorder: Recorder, after mark: Double) throws {
    for channel in sampledChannels {
      try recorder.wait("\(channel) afterwards", seconds: 30, after: mark) {
        $0.channel == channel
      }
    }
  }
}
