import BenchTable

/// Prints the table, and the goals. A ratio is the median of the rounds' ratios.
func report(_ results: [Results], rounds: Int) {
  let batches = JournalBench.batches
  line(
    "events of 32 bytes, durable in batches; medians of \(rounds) rounds of "
      + "\(JournalBench.commitCount) commits")
  var goals = Goals()
  for (place, batch) in batches.enumerated() {
    line("")
    line(
      padded("batches of \(batch)", -22) + padded("events/s", 12) + padded("ns CPU/event", 14)
        + padded("bytes/byte", 12))
    func of(_ contender: Contender) -> Results {
      results[contender.rawValue * batches.count + place]
    }
    for contender in Contender.all {
      let one = of(contender)
      line(
        padded(contender.title, -22) + padded(decimal(one.speed.median, digits: 0), 12)
          + padded(decimal(one.cpu.median, digits: 0), 14)
          + padded(decimal(one.bytes.median, digits: 2), 12))
    }
    let toLimit = ratio(of(.weir).speed, of(.limit).speed)
    goals.check("speed at least 0.90 of the limit", toLimit, toLimit >= 0.9)
    let toSQLite = ratio(of(.weir).speed, of(.sqlite).speed)
    let least = [1.2, 1.25, 2.2][place]
    goals.check(
      "speed at least \(decimal(least, digits: 2)) of SQLite", toSQLite, toSQLite >= least)
    let bytes = ratio(of(.weir).bytes, of(.sqlite).bytes)
    let most = [0.16, 0.16, 0.23][place]
    goals.check("bytes at most \(decimal(most, digits: 2)) of SQLite", bytes, bytes <= most)
  }
  let delta = results[Contender.weirDelta.rawValue * batches.count + batches.count - 1].bytes.median
  goals.check("below 1.0 byte per byte with delta coding", delta, delta < 1)
  line("")
  line("bytes are those of the whole block device: other programs' writes are among them")
  line("\(goals.metCount) of \(goals.count) goals met")
}

private func ratio(_ samples: Samples, _ others: Samples) -> Double {
  var ratios = Samples()
  for index in 0..<samples.count { ratios.add(samples[index] / max(others[index], 1e-9)) }
  return ratios.median
}

/// Counts goals as they are printed.
private struct Goals {
  private(set) var count = 0
  private(set) var metCount = 0

  mutating func check(_ title: String, _ value: Double, _ isMet: Bool) {
    count += 1
    metCount += isMet ? 1 : 0
    line("  goal: \(title): \(decimal(value, digits: 2)): " + (isMet ? "met" : "MISSED"))
  }
}
