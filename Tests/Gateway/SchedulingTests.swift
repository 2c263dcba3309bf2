// Invariants checked, of a real gateway:
// - with `sensing:` its sense tasks have the priority and the processors that it says, the
//   supervisor stands one above them, and everybody else is an ordinary process;
// - a sense task that spins at that priority, on the only processor, is still killed by its
//   deadline, and readings go on;
// - without the right to it, the gateway says so, once, with what to do, and runs on;
// - without `sensing:` nothing is asked of the kernel.

import Drivers
import Foundation
import Glibc
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct SchedulingTests {
  private let sensing = "sensing: {realtime: 10, cpus: [0]}\n"

  /// SCHED_RR's priority of a process; 0 under another scheduler.
  private func priority(_ process: pid_t) -> Int32 {
    var parameters = sched_param()
    // SCHED_RESET_ON_FORK, 0x40000000, is a bit of its own.
    guard sched_getscheduler(process) & 0xffff == SCHED_RR else { return 0 }
    // Safe: the structure outlives the call.
    _ = unsafe sched_getparam(process, &parameters)
    return parameters.sched_priority
  }

  private func cpus(_ process: pid_t) throws -> String {
    let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
    return line?.split(separator: "\t").last.map(String.init) ?? ""
  }

  /// The gateway's tasks, when all have their names.
  private func tasks(_ gateway: Gateway) throws -> [(process: pid_t, name: String)] {
    let tasks = waitUntil(seconds: 10) {
      let tasks = gateway.tasks()
      return tasks.count >= 4 && tasks.allSatisfy { $0.name.hasPrefix("weir:") } ? tasks : nil
    }
    return try #require(tasks)
  }

  private var mayBeRealtime: Bool {
    get throws {
      let folder = try Folder()
      return try run("chrt", ["-f", "5", "true"], in: folder) == .exited(0)
    }
  }

  /// Starts a gateway with `sensing:` by another program, such as taskset.
  private func start(
    _ name: String, _ arguments: [String], drill: String? = nil, in folder: Folder, _ broker: Broker
  ) throws -> Program {
    let path = try folder.write(configuration(port: broker.port) + sensing, to: "gateway.yaml")
    return try Program(
      try find(name),
      arguments + [
        Gateway.binary, "run", path, "--board", checkout + "/boards/simulated/board.yaml",
        "--state", folder.file("state"),
      ] + (drill.map { ["--drill", $0] } ?? []), outputPath: folder.file("log"))
  }

  /// All of the gateway on one processor, where a sense task spins before everybody else.
  @Test func aRealtimeTaskThatSpinsIsKilledByItsDeadline() throws {
    guard try mayBeRealtime else { return }
    let folder = try Folder()
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let program = try start(
      "taskset", ["-c", "0"], drill: "sense@i2c-sim:spin@4", in: folder, broker)
    try program.wait(for: "drill: spin", seconds: 30)
    let spins = secondsNow()
    try program.wait(for: "task sense@i2c-sim was killed by", seconds: 20)
    let took = secondsNow() - spins
    print("a spinning real-time task was killed after \(took) s")
    // Its deadline of 2 s, 0.1 s for its record, and what the machine is busy with.
    #expect(took > 1 && took < 3.5)
    let killed = secondsNow()
    try recorder.wait("readings after it", seconds: 20, after: killed) {
      $0.channel == "boiler.temperature" && $0.readingSequence != nil
    }
    program.send(SIGTERM)
    #expect(try program.wait(seconds: 15) == .exited(0), "\(program.output)")
    // Those who stand beside it had their turns.
    #expect(program.output.components(separatedBy: "was killed by").count - 1 == 1)
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
  }

  @Test func senseTasksHaveWhatIsConfigured() throws {
    guard try mayBeRealtime else { return }
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try Gateway(configuration(port: broker.port) + sensing)
    try recorder.wait("readings", seconds: 30) { $0.count > 20 ? true : nil }
    #expect(priority(gateway.program.process) == 11)
    for task in try tasks(gateway) {
      let isSense = task.name.hasPrefix("weir:sense")
      #expect(priority(task.process) == (isSense ? 10 : 0), "\(task)")
      if isSense { #expect(try cpus(task.process) == "0", "\(task)") }
    }
    #expect(try gateway.stop() == .exited(0))
    #expect(!gateway.log.contains("sensing."), "\(gateway.log)")
  }

  @Test func withoutTheRightItRunsOn() throws {
    guard getuid() == 0 else { return }
    let folder = try Folder()
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let program = try start("setpriv", ["--bounding-set=-sys_nice"], in: folder, broker)
    try recorder.wait("readings", seconds: 30) { $0.count > 20 ? true : nil }
    #expect(priority(program.process) == 0)
    program.send(SIGTERM)
    #expect(try program.wait(seconds: 15) == .exited(0))
    let said = program.output.components(separatedBy: "can't stand above tasks").count - 1
    #expect(said == 1 && program.output.contains("LimitRTPRIO=99"), "\(program.output)")
  }

  @Test func aProcessorThatIsNotThereIsNamed() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let gateway = try Gateway(configuration(port: broker.port) + "sensing: {cpus: [0, 1000]}\n")
    try recorder.wait("readings", seconds: 30) { $0.count > 20 ? true : nil }
    for task in try tasks(gateway) where task.name.hasPrefix("weir:sense") {
      #expect(try cpus(task.process) == "0", "\(task)")
    }
    #expect(try gateway.stop() == .exited(0))
    #expect(gateway.log.contains("that this task can't use (1000)"), "\(gateway.log)")
  }
}
