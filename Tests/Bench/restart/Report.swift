import BenchTable
import Beats
import Linux

/// Prints the tables, and the goals.
func report(_ results: [Results], rounds: Int) {
  var goals = Goals()
  reportKills(results, rounds: rounds, &goals)
  reportHangs(results, &goals)
  reportIdle(results, &goals)
  line("")
  line("systemd is not in here: it has to be PID 1, or a user's session of it has to run")
  line("\(goals.metCount) of \(goals.count) goals met")
}

/// Counts goals as they are printed.
struct Goals {
  private(set) var count = 0
  private(set) var metCount = 0

  mutating func check(_ title: String, _ isMet: Bool) {
    count += 1
    metCount += isMet ? 1 : 0
    line("  goal: " + title + (isMet ? ": met" : ": MISSED"))
  }
}

private func reportKills(_ results: [Results], rounds: Int, _ goals: inout Goals) {
  line("from SIGKILL of a task to its successor's first beat, in ms; tasks had lived 1.1 s or more")
  line("\(rounds) rounds, of slow contenders every tenth; ratio to weir: median of the rounds'")
  line(row("", ["median", "p90", "ratio", "(quartiles)", "count"]))
  for contender in Contender.all {
    let one = results[contender.rawValue]
    line(
      row(
        contender.title,
        [
          decimal(one.kills.median, digits: 2), decimal(one.kills.quantile(0.9), digits: 2),
          decimal(one.ratios.median, digits: 2),
          "(" + decimal(one.ratios.quantile(0.25), digits: 2) + "-"
            + decimal(one.ratios.quantile(0.75), digits: 2) + ")", "\(one.kills.count)",
        ]))
  }
  let weir = results[Contender.weir.rawValue].kills.median
  goals.check("weir at most 1.5 ms at the median", weir <= 1.5)
  let runit = results[Contender.runit.rawValue].ratios.median
  goals.check("at least twice as fast as runit", runit >= 2)
}

private func reportHangs(_ results: [Results], _ goals: inout Goals) {
  line("")
  line("from the last beat before a hang to the successor's first one, in ms; deadline 100 ms")
  line(row("", ["spinning", "p90", "stopped", "p90", "count"]))
  for contender in Contender.all {
    var columns: [String] = []
    var count = 0
    for samples in results[contender.rawValue].hangs {
      if samples.count == 0 {
        columns += ["never", "(\(RestartBench.noticeSeconds) s)"]
      } else {
        columns += [
          decimal(samples.median, digits: 1), decimal(samples.quantile(0.9), digits: 1),
        ]
        count += samples.count
      }
    }
    line(row(contender.title, columns + ["\(count)"]))
  }
  let hangs = results[Contender.weir.rawValue].hangs
  for (hang, limit) in [(Hang.spinning, 110.0), (.stopped, 210.0)] {
    let samples = hangs[hang.rawValue]
    let title = hang == .spinning ? "a task that answers the signal" : "a task that does not"
    goals.check(
      "weir at most \(decimal(limit, digits: 0)) ms at the median for " + title,
      samples.count > 0 && samples.median <= limit)
  }
}

private func reportIdle(_ results: [Results], _ goals: inout Goals) {
  line("")
  line(
    "all processes of the supervisor while \(bench_task_count) tasks beat ten times a second, "
      + "deadline 1 s, over \(RestartBench.idleSeconds) s: % of one core")
  for contender in Contender.all {
    line(row(contender.title, [decimal(results[contender.rawValue].idle, digits: 4)]))
  }
  goals.check("weir less than 0.1 %", results[Contender.weir.rawValue].idle < 0.1)
}

private func row(_ title: String, _ columns: [String]) -> String {
  var text = padded(title, -30)
  for column in columns { text += padded(column, column.utf8.first == 0x28 ? 17 : 10) }
  return text
}
