// Weir's supervisor beside runit, s6, supervisord, monit and 40 lines of C: how long a task is gone
// after SIGKILL and after a hang, and what watching costs. All supervise their tasks at the same
// time; in each round each of them loses one, in an order that is drawn anew. Every task writes the
// time of its first beat into a file that all have mapped, so nobody has to look for it.

import BenchTable
import Beats
import CLinux
import Linux

@main
struct RestartBench {
  static func main() {
    var rounds: Int32 = 101
    // Safe: the arguments are those of main, and their count is asked for first.
    if weir_argument_count() > 1 { rounds = unsafe atoi(weir_argument(1)) }
    var seed = UInt64(bitPattern: Clock.real()) & 0xFFFF_FFFF
    if weir_argument_count() > 2 { seed = unsafe UInt64(strtoul(weir_argument(2), nil, 10)) }
    guard rounds >= 1, rounds <= 1000 else { fail("the number of rounds is from 1 to 1000", 2) }
    guard let own = executablePath(), bench_prepare() == 0 else { fail("no /proc", 1) }
    line("seed \(seed)")
    do throws(BenchFailure) {
      var bench = RestartBench(rounds: Int(rounds), seed: seed)
      var contest = Contest(folder: try makeRunFolder())
      do throws(BenchFailure) {
        try contest.start(task: own + "-task")
        try bench.run(contest)
      } catch {
        contest.end()
        throw error
      }
      contest.end()
      report(bench.results, rounds: Int(rounds))
    } catch {
      switch error {
      case .interrupted: fail("interrupted", 130)
      case .failed(let reason): fail(reason, 1)
      }
    }
  }

  static func fail(_ reason: String, _ status: Int32) -> Never {
    writeStandardError("bench-restart: \(reason)\n")
    exit(status)
  }

  /// How long a hang is waited for to be noticed at all: monit takes some seconds.
  static var noticeSeconds: Int { 8 }
  static var idleSeconds: Int { 20 }

  private let rounds: Int
  private var random: UInt64
  var results = [Results](repeating: Results(), count: Contender.all.count)

  init(rounds: Int, seed: UInt64) {
    self.rounds = rounds
    random = seed | 1 << 63
  }

  mutating func run(_ contest: Contest) throws(BenchFailure) {
    for round in 0..<rounds {
      show("round \(round + 1) of \(rounds)")
      try killOnce(contest, round: round)
    }
    show("hangs")
    var isNoticed: [[Bool]] = []
    for hang in Hang.all {
      isNoticed.append(
        try contest.findNoticing(hang, patience: Int64(Self.noticeSeconds) * 1_000_000_000))
    }
    for round in 0..<max(rounds / 5, 1) { try hangOnce(contest, round: round, isNoticed) }
    show("nothing happens")
    contest.setPace(period: 100_000_000, deadline: 1_000_000_000)
    for _ in 0..<20 { try pause(microseconds: 100_000) }
    let shares = try contest.measureIdle(seconds: Self.idleSeconds)
    for (index, share) in shares.enumerated() { results[index].idle = share }
    show("")
  }

  private mutating func killOnce(
    _ contest: Contest, round: Int
  ) throws(BenchFailure) {
    var times = [Double](repeating: 0, count: Contender.all.count)
    for contender in shuffled(Contender.all) {
      if contender.isSlow && round % 10 != 0 { continue }
      // Not always at the same moment after the one before.
      try pause(microseconds: 10_000 + UInt32(nextRandom() % 20_000))
      let task = round % Int(bench_task_count)
      times[contender.rawValue] = try contest.measureKill(contender, task: task)
    }
    for contender in Contender.all where times[contender.rawValue] > 0 {
      let time = times[contender.rawValue]
      results[contender.rawValue].kills.add(time)
      results[contender.rawValue].ratios.add(time / times[Contender.weir.rawValue])
    }
  }

  private mutating func hangOnce(
    _ contest: Contest, round: Int, _ isNoticed: [[Bool]]
  ) throws(BenchFailure) {
    var task = round
    for hang in shuffled(Hang.all) {
      task += 2
      for contender in shuffled(Contender.all)
      where isNoticed[hang.rawValue][contender.rawValue] {
        if contender.isSlow && round % 10 != 0 { continue }
        try pause(microseconds: 10_000 + UInt32(nextRandom() % 20_000))
        let time = try contest.measureHang(contender, task: task % Int(bench_task_count), hang)
        results[contender.rawValue].hangs[hang.rawValue].add(time)
      }
    }
  }

  private mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
    var shuffled = elements
    for index in 1..<shuffled.count {
      shuffled.swapAt(index, Int(nextRandom() % UInt64(index + 1)))
    }
    return shuffled
  }

  private mutating func nextRandom() -> UInt64 {
    // xorshift64.
    random ^= random << 13
    random ^= random >> 7
    random ^= random << 17
    return random
  }

  private func show(_ text: String) {
    if isatty(2) == 1 { writeStandardError("\r\u{1B}[K" + text) }
  }
}
