import Beats
import CLinux
import Linux

/// All contenders at work at the same time, each with its tasks.
///
/// It is ended by `end`, and not by a `deinit`: that would also run in the children that it forks.
struct Contest {
  /// A new task is left alone for so long before it is ended again: no contender's brake on crash
  /// loops is measured, which all have for tasks that lived less than a second.
  static var lifeNanosecondsMin: Int64 { 1_100_000_000 }
  /// How long a successor is waited for.
  static var patienceNanoseconds: Int64 { 10_000_000_000 }

  private let folder: String
  private var supervisors: [Int32] = []

  init(folder: String) { self.folder = folder }

  /// Starts them all, and waits until all tasks beat, every 10 ms. `task` is the tasks' program.
  mutating func start(task: String) throws(BenchFailure) {
    let beats = folder + "/beats"
    // Safe, as all calls with a path here: the text is used only during the call.
    guard unsafe bench_beats_create(beats) == 0 else {
      throw .failed("the file of beats was not made")
    }
    setPace(period: 10_000_000, deadline: 100_000_000)
    for contender in Contender.all {
      try startSupervisor(contender, task: task, beats: beats)
    }
    for contender in Contender.all {
      for index in 0..<Int(bench_task_count) {
        guard try successor(of: 0, at: contender.place(index)) else {
          let path = folder + "/" + contender.name + ".log"
          var log = ""
          if let bytes = try? readFile(path) { log = String(decoding: bytes, as: UTF8.self) }
          throw .failed("\(contender.title): a task does not start. Its log:\n\(log)")
        }
      }
    }
  }

  private mutating func startSupervisor(
    _ contender: Contender, task: String, beats: String
  ) throws(BenchFailure) {
    let log = folder + "/" + contender.name + ".log"
    if let command = try setUp(contender, in: folder, task: task, beats: beats) {
      try note(startProgram(command, log: log))
      return
    }
    let child = weir_fork()
    guard child >= 0 else { throw .failed("fork failed") }
    if child > 0 {
      note(child)
      return
    }
    // Safe: the texts outlive their calls; that of bench_supervise does not return.
    guard unsafe bench_redirect(log) == 0 else { exitProcess(1) }
    switch contender {
    case .weir: superviseWeir()
    case .smallest: unsafe bench_supervise(contender.place(0), task, beats)
    default: bench_supervise(contender.place(0), nil, nil)
    }
    exitProcess(1)
  }

  private mutating func note(_ supervisor: Int32) {
    supervisors.append(supervisor)
    bench_expect_to_live(supervisor)
  }

  /// How often tasks beat, and when a beat is overdue, in ns.
  func setPace(period: Int64, deadline: Int64) { bench_set_pace(period, deadline) }

  /// Whether another process than `process` came to beat at the place, in the time given.
  func successor(
    of process: Int32, at place: Int32, patience: Int64 = Contest.patienceNanoseconds
  ) throws(BenchFailure) -> Bool {
    let end = Clock.monotonic() + patience
    while bench_process(place) == process {
      guard Clock.monotonic() < end else { return false }
      try pause(microseconds: 500)
    }
    return true
  }

  /// Waits until the task at the place has lived long enough, and returns its process.
  func matureTask(at place: Int32) throws(BenchFailure) -> Int32 {
    while Clock.monotonic() < bench_first_beat(place) + Self.lifeNanosecondsMin {
      try pause(microseconds: 1000)
    }
    return bench_process(place)
  }

  /// The supervisor's processes, without the tasks.
  func processes(of contender: Contender) -> [Int32] {
    var found = [supervisors[contender.rawValue]]
    var next = 0
    while next < found.count {
      for child in children(of: found[next]) where !isTask(child) { found.append(child) }
      next += 1
    }
    return found
  }

  private func isTask(_ process: Int32) -> Bool {
    for contender in Contender.all {
      for index in 0..<Int(bench_task_count) {
        if bench_process(contender.place(index)) == process { return true }
      }
    }
    return false
  }

  /// Ends all that was started, also what lost its parent, and removes the folder.
  func end() {
    for (index, process) in supervisors.enumerated() {
      let isRunit = index == Contender.runit.rawValue || index == Contender.runitDirect.rawValue
      // runsvdir stops its services only of SIGHUP.
      kill(process, isRunit ? SIGHUP : SIGTERM)
    }
    for process in supervisors where bench_has_ended(process, 3000) == 0 {
      kill(process, SIGKILL)
      _ = bench_has_ended(process, 1000)
    }
    bench_stop_tasks()
    // Orphans are children of this process now; each of these rounds takes a generation of them.
    for _ in 0..<100 {
      let left = children(of: ProcessID.current.number)
      if left.isEmpty { break }
      for process in left where bench_has_ended(process, 20) == 0 {
        kill(process, SIGKILL)
        _ = bench_has_ended(process, 1000)
      }
    }
    // Safe: the text outlives the call.
    unsafe bench_remove_folder(folder)
  }
}

/// Sleeps, and fails when a signal asked for the end meanwhile, or a supervisor ended.
func pause(microseconds: UInt32) throws(BenchFailure) {
  usleep(microseconds)
  guard bench_is_interrupted() == 0 else { throw .interrupted }
  let ended = bench_reap()
  guard ended == 0 else { throw .failed("a supervisor ended: process \(ended)") }
}

private func children(of process: Int32) -> [Int32] {
  var numbers = [Int32](repeating: 0, count: 256)
  // Safe: at most as many numbers are written as the array has.
  let count = unsafe numbers.withUnsafeMutableBufferPointer {
    unsafe bench_children(process, $0.baseAddress, Int32($0.count))
  }
  return Array(numbers[..<Int(count)])
}
