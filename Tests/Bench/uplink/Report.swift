import BenchTable
import Clients

/// Prints the contest, and its goals. A ratio is the median of the rounds' ratios.
func report(_ results: [Results], rounds: Int, _ goals: inout Goals) {
  line("")
  line("durable, then published; medians of \(rounds) rounds; times of the processor in µs")
  line(
    padded("", -22) + padded("messages/s", 12) + padded("readings/s", 12)
      + padded("CPU/message", 13) + padded("CPU/reading", 13) + padded("uplink's", 10)
      + padded("broker's", 10))
  for contender in Contender.all {
    let one = results[contender.rawValue]
    let batch = Double(contender.batch)
    line(
      padded(contender.title, -22) + padded(decimal(one.speed.median, digits: 0), 12)
        + padded(decimal(one.speed.median * batch, digits: 0), 12)
        + padded(decimal(one.cpu.median, digits: 2), 13)
        + padded(decimal(one.cpu.median / batch, digits: 3), 13)
        + padded(decimal(one.uplinkCPU.median / batch, digits: 3), 10)
        + padded(decimal(one.brokerCPU.median / batch, digits: 3), 10))
  }
  let raw = results[Contender.libmosquitto.rawValue]
  for (contender, least) in [
    (Contender.weir1, 0.95), (Contender.weir16, 12.0), (Contender.weir64, 45.0),
  ] {
    let one = results[contender.rawValue]
    let speed = ratio(one.speed, raw.speed) * Double(contender.batch)
    goals.check(
      "\(contender.title): readings at least \(decimal(least, digits: 2)) of libmosquitto's",
      speed, speed >= least)
  }
  let limit = results[Contender.libmosquitto64.rawValue]
  let weir64 = results[Contender.weir64.rawValue]
  let share = ratio(weir64.speed, limit.speed)
  line(
    "  with the same messages from memory, and nothing durable, it is "
      + "\(decimal(ratio(limit.speed, raw.speed) * 64, digits: 1)): Weir's is "
      + "\(decimal(share, digits: 2)) of that")
  // What no order in which the processes take turns can do better.
  let count = client_processor_count()
  let work = weir64.cpu.median + weir64.brokerCPU.median
  let most = Double(count) * 1e6 / work / raw.speed.median * 64
  line(
    "  all processes together work \(decimal(work, digits: 1)) µs for a message of 64: "
      + "\(count) processors that never wait would make it \(decimal(most, digits: 1))")
  for contender in [Contender.weir16, Contender.weir64] {
    let cpu = ratio(results[contender.rawValue].cpu, raw.cpu) / Double(contender.batch)
    goals.check(
      "\(contender.title): CPU for a reading at most 0.08 of libmosquitto's", cpu, cpu <= 0.08)
  }
}

func report(_ delays: Delays, _ goals: inout Goals) {
  let times = delays.quantiles([0.5, 0.99, 0.999])
  line("")
  line(
    "from the reading to a subscriber, durable in between, commit at once, \(delays.count) "
      + "readings: median \(decimal(times[0], digits: 3)) ms, p99 "
      + "\(decimal(times[1], digits: 3)), p99.9 \(decimal(times[2], digits: 3))")
  goals.check("at most 1 ms at the median", times[0], times[0] <= 1)
}

func report(_ sizes: [Size]) {
  line("")
  line(
    padded("bytes of MQTT for a reading", -30) + padded("trace: false", 14)
      + padded("trace: true", 14))
  for size in sizes {
    let title = "\(size.eventCount) a message" + (size.isCompressed ? ", zstd" : "")
    line(
      padded(title, -30) + padded(decimal(size.bytes, digits: 1), 14)
        + padded(decimal(size.tracedBytes, digits: 1), 14))
  }
}

func report(_ drain: Drain, batch: UInt16, _ goals: inout Goals) {
  let rate = Double(drain.eventCount) / drain.seconds
  let times = drain.live.quantiles([0.5, 0.99, 0.999])
  line("")
  line(
    "a journal of 64 MB after an outage, \(batch) a message: \(drain.eventCount) events in "
      + "\(decimal(drain.seconds, digits: 2)) s; \(drain.live.count) live ones meanwhile: median "
      + "\(decimal(times[0], digits: 2)) ms, p99 \(decimal(times[1], digits: 2)), p99.9 "
      + "\(decimal(times[2], digits: 2))")
  goals.check("at least 50000 a second", rate, rate >= 50_000)
  goals.check("live events at most 100 ms late at p99", times[1], times[1] <= 100)
}

private func ratio(_ samples: Samples, _ others: Samples) -> Double {
  var ratios = Samples()
  for index in 0..<samples.count { ratios.add(samples[index] / max(others[index], 1e-9)) }
  return ratios.median
}

/// Counts goals as they are printed.
struct Goals {
  private(set) var count = 0
  private(set) var metCount = 0

  mutating func check(_ title: String, _ value: Double, _ isMet: Bool) {
    count += 1
    metCount += isMet ? 1 : 0
    line("  goal: \(title): \(decimal(value, digits: 3)): " + (isMet ? "met" : "MISSED"))
  }
}
