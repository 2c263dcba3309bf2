import BenchTable

/// Prints the table.
func report(_ bench: borrowing Bench, rounds: Int) {
  var goalCount = 0
  var metCount = 0
  line("ns per element through a ring of \(1024), and per hand-over: medians of \(rounds) rounds")
  line("ratio to the faster rival: median of the rounds' ratios, and their quartiles")
  line("")
  row("", "weir", "boost", "ck", "ratio", "goal", "")
  for index in bench.disciplines.indices {
    let discipline = bench.disciplines[index]
    let isSpeed = discipline.kind != .spinning && discipline.kind != .sleeping
    let usesBoost =
      discipline.kind == .sleeping || discipline.boost.median <= discipline.ck.median
    let rival = usesBoost ? discipline.boost : discipline.ck
    var ratios = Samples()
    for round in 0..<discipline.weir.count {
      let ratio = discipline.weir[round] / rival[round]
      ratios.add(isSpeed ? 1 / ratio : ratio)
    }
    let ratio = ratios.median
    var goal = ""
    var verdict = ""
    if let wanted = discipline.goal {
      goal = (isSpeed ? ">= " : "<= ") + decimal(wanted, digits: 2)
      let isMet = isSpeed ? ratio >= wanted : ratio <= wanted
      goalCount += 1
      metCount += isMet ? 1 : 0
      verdict = isMet ? "met" : "MISSED"
    }
    row(
      title(discipline), decimal(discipline.weir.median, digits: 1),
      decimal(discipline.boost.median, digits: 1),
      discipline.kind == .sleeping ? "-" : decimal(discipline.ck.median, digits: 1),
      decimal(ratio, digits: 2) + " (" + decimal(ratios.quantile(0.25), digits: 2) + "-"
        + decimal(ratios.quantile(0.75), digits: 2) + ")", goal, verdict)
  }
  line("")
  goalCount += 1
  metCount += bench.isWithoutSystemCalls ? 1 : 0
  line(
    bench.isWithoutSystemCalls
      ? "system calls while the consumer is awake: 0; 1048576 hand-overs, all calls forbidden: met"
      : "system calls while the consumer is awake: MISSED: killed at one with all calls forbidden")
  line(
    "\(metCount) of \(goalCount) goals met; of \(bench.measuredCount) measurements"
      + " \(bench.repeatedCount) were repeated, and \(bench.disturbedCount) stayed disturbed,"
      + " by other processes")
}

private func title(_ discipline: Discipline) -> String {
  let size = "\(discipline.elementSize) bytes, "
  switch discipline.kind {
  case .throughput where discipline.batch == 1: return size + "one at a time"
  case .throughput: return size + "batches of \(discipline.batch)"
  case .spinning: return size + "to a spinning consumer"
  case .sleeping: return size + "to a sleeper (boost: bare futex)"
  case .asking: return size + "one, weir asks the bell"
  }
}

private func row(
  _ title: String, _ weir: String, _ boost: String, _ ck: String, _ ratio: String,
  _ goal: String, _ verdict: String
) {
  line(
    padded(title, -42) + padded(weir, 9) + padded(boost, 9) + padded(ck, 9) + padded(ratio, 19)
      + padded(goal, 9) + "  " + verdict)
}
