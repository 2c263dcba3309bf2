import BenchTable
import Beats
import CLinux
import Linux

/// How a task hangs.
enum Hang: Int {
  /// It spins and beats no more; its handler for SIGTERM still works.
  case spinning
  /// SIGSTOP: it answers no signal but SIGKILL.
  case stopped

  static var all: [Hang] { [.spinning, .stopped] }
}

/// The measurements of one contender, in ms.
struct Results {
  /// From SIGKILL to the successor's first beat.
  var kills = Samples()
  /// Each divided by Weir's of the same round.
  var ratios = Samples()
  /// From the last beat before the hang to the successor's first one; empty if it was not noticed.
  /// The places are those of `Hang`.
  var hangs = [Samples(), Samples()]
  /// The supervisor's share of one processor while nothing happens, in %.
  var idle = 0.0
}

extension Contest {
  /// Ends a task by SIGKILL. Returns the ms until its successor beats.
  func measureKill(_ contender: Contender, task: Int) throws(BenchFailure) -> Double {
    let place = contender.place(task)
    let process = try matureTask(at: place)
    let start = Clock.monotonic()
    kill(process, SIGKILL)
    guard try successor(of: process, at: place) else {
      throw .failed("\(contender.title): no successor after SIGKILL")
    }
    return Double(bench_first_beat(place) - start) / 1e6
  }

  /// Makes a task hang. Returns its place, its process and its last beat.
  private func makeHang(
    _ contender: Contender, task: Int, _ hang: Hang
  ) throws(BenchFailure) -> (place: Int32, process: Int32, lastBeat: Int64) {
    let place = contender.place(task)
    let process = try matureTask(at: place)
    switch hang {
    case .stopped:
      kill(process, SIGSTOP)
      try pause(microseconds: 2000)
    case .spinning:
      bench_ask_to_spin(place, process)
      // It sees it at its next beat; a second is a hundred of them.
      for _ in 0..<1000 where bench_spins(place) == 0 { try pause(microseconds: 1000) }
      guard bench_spins(place) != 0 else {
        throw .failed("\(contender.title): a task did not spin")
      }
    }
    return (place, process, bench_last_beat(place))
  }

  /// Makes a task hang. Returns the ms from its last beat to its successor's first one.
  func measureHang(
    _ contender: Contender, task: Int, _ hang: Hang
  ) throws(BenchFailure) -> Double {
    let hung = try makeHang(contender, task: task, hang)
    guard try successor(of: hung.process, at: hung.place) else {
      throw .failed("\(contender.title): a hang that it noticed before it did not notice again")
    }
    return Double(bench_first_beat(hung.place) - hung.lastBeat) / 1e6
  }

  /// One task of every contender hangs. Returns those that noticed it within `patience` ns, in the
  /// order of `Contender.all`; the others' tasks are ended.
  func findNoticing(_ hang: Hang, patience: Int64) throws(BenchFailure) -> [Bool] {
    var hung: [(place: Int32, process: Int32, lastBeat: Int64)] = []
    for contender in Contender.all { hung.append(try makeHang(contender, task: 0, hang)) }
    let end = Clock.monotonic() + patience
    var isNoticed: [Bool] = []
    for one in hung {
      let left = max(0, end - Clock.monotonic())
      isNoticed.append(try successor(of: one.process, at: one.place, patience: left))
    }
    for (index, one) in hung.enumerated() where !isNoticed[index] {
      kill(one.process, SIGKILL)
      guard try successor(of: one.process, at: one.place) else {
        throw .failed("\(Contender.all[index].title): no successor after SIGKILL of a hung task")
      }
    }
    return isNoticed
  }

  /// What share of one processor each supervisor takes in so many seconds, in %.
  func measureIdle(seconds: Int) throws(BenchFailure) -> [Double] {
    var groups: [[Int32]] = []
    for contender in Contender.all { groups.append(processes(of: contender)) }
    let start = Clock.monotonic()
    var before: [Int64] = []
    for group in groups { before.append(try processorTime(group)) }
    for _ in 0..<(seconds * 10) { try pause(microseconds: 100_000) }
    let elapsed = Clock.monotonic() - start
    var shares: [Double] = []
    for (index, group) in groups.enumerated() {
      shares.append(Double(try processorTime(group) - before[index]) / Double(elapsed) * 100)
    }
    return shares
  }

  private func processorTime(_ group: [Int32]) throws(BenchFailure) -> Int64 {
    var sum: Int64 = 0
    for process in group {
      let time = bench_processor_time(process)
      guard time >= 0 else { throw .failed("a supervisor ended") }
      sum += time
    }
    return sum
  }
}
