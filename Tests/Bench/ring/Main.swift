// Weir's ring beside boost::lockfree::spsc_queue and Concurrency Kit's ck_ring, between two
// processes on two processors. Our side is compiled as in the product: Embedded, optimized, with
// all checks. All contenders take their turn in every round, so that what else the machine does
// falls on all of them; times are medians over the rounds, and ratios the medians of each round's.

// Unsafe expressions in here touch only the shared mapping, whose rings are as large as their
// contenders say, and which outlives every process that is started.

import BenchTable
import CLinux
import Linux
import Ring
import Rivals

@main
struct RingBench {
  static func main() {
    let rounds = unsafe weir_argument_count() > 1 ? atoi(weir_argument(1)) : 41
    guard rounds >= 1, rounds <= 1000 else {
      writeStandardError("bench-ring: the number of rounds is from 1 to 1000\n")
      exit(2)
    }
    guard bench_pin(1) == 0, bench_pin(0) == 0 else {
      writeStandardError("bench-ring: two processors are needed\n")
      exit(1)
    }
    bench_unpin()
    do throws(SystemError) {
      var bench = try Bench()
      bench.verify()
      for round in 1...Int(rounds) {
        bench.round()
        if isatty(2) == 1 { writeStandardError("\rround \(round) of \(rounds)") }
      }
      if isatty(2) == 1 { writeStandardError("\r\u{1B}[K") }
      report(bench, rounds: Int(rounds))
    } catch {
      writeStandardError("bench-ring: no shared memory\n")
      exit(1)
    }
  }
}

/// What is measured.
enum Kind {
  /// Elements through a ring, as fast as they go.
  case throughput
  /// An element there and one back, both sides spinning: half of the time.
  case spinning
  /// The same, both sides sleeping. Weir: ring and doorbell. The rival, in place of boost: a bare
  /// futex.
  case sleeping
  /// As `throughput`, but Weir asks the doorbell after each publication.
  case asking
}

/// One line of the table.
struct Discipline {
  let kind: Kind
  let elementSize: Int
  let batch: Int
  /// How many elements, or ways there and back, one measurement takes: some ms, so that
  /// there are enough that no other process of the machine falls into.
  let count: Int
  /// Throughput: at least so many times the faster rival's. Others: at most this share of the
  /// shorter time of the rivals.
  let goal: Double?
  /// ns per element or per hand-over, of each round.
  var weir = Samples()
  var boost = Samples()
  var ck = Samples()
}

struct Bench: ~Copyable {
  var disciplines: [Discipline] = []
  /// Measurements that were repeated, and those that stayed disturbed, because a process was put
  /// aside for another one of this machine.
  var repeatedCount = 0
  var disturbedCount = 0
  var measuredCount = 0
  /// Whether a producer and a consumer that stays awake came to their end with every system call
  /// forbidden, and the doorbell asked after each element.
  var isWithoutSystemCalls = false

  private let mapping: SharedMapping
  private let race: Race
  private let bells: (Doorbell, Doorbell)
  private let regions: [ArenaRegion]
  private let arena: Arena

  init() throws(SystemError) {
    for size in [16, 64] {
      for batch in [1, 32, 256] {
        let goal: Double? = size == 16 ? (batch == 1 ? 1.25 : batch == 256 ? 2.5 : nil) : nil
        let count = batch == 1 ? 1 << 18 : 1 << 20
        disciplines.append(
          Discipline(
            kind: .throughput, elementSize: size, batch: batch, count: count, goal: goal))
      }
    }
    for size in [16, 64] {
      disciplines.append(
        Discipline(
          kind: .spinning, elementSize: size, batch: 1, count: 10_000,
          goal: size == 16 ? 0.7 : nil))
    }
    disciplines.append(
      Discipline(kind: .sleeping, elementSize: 16, batch: 1, count: 500, goal: 1.1))
    disciplines.append(
      Discipline(kind: .asking, elementSize: 16, batch: 1, count: 1 << 18, goal: nil))

    var plan = ArenaPlan()
    var regions = [plan.reserve(byteCount: Race.byteCount)]
    for _ in 0..<2 { regions.append(plan.reserve(byteCount: Doorbell.byteCount)) }
    for contender in [Contender.weir, .boost, .ck] {
      for size in [16, 64] {
        let byteCount = Track.byteCount(contender, elementSize: size)
        for _ in 0..<2 { regions.append(plan.reserve(byteCount: byteCount)) }
      }
    }
    self.regions = regions
    mapping = try SharedMapping(byteCount: plan.byteCount)
    arena = unsafe Arena(base: mapping.base, byteCount: mapping.byteCount)
    race = Race(arena[regions[0]])
    bells = (Doorbell.format(arena[regions[1]]), Doorbell.format(arena[regions[2]]))
  }

  /// Two rings of the contender, new and empty.
  private func track(_ contender: Contender, _ elementSize: Int) -> Track {
    let place = contender == .weir ? 0 : contender == .boost ? 1 : 2
    let index = 3 + place * 4 + (elementSize == 16 ? 0 : 2)
    let track = Track(
      contender: contender, elementSize: elementSize, there: arena[regions[index]],
      back: arena[regions[index + 1]])
    track.reset()
    return track
  }

  /// Before anything is timed: every contender delivers every element, in order, in every
  /// discipline; and ours without a system call.
  mutating func verify() {
    for discipline in disciplines where discipline.kind == .throughput {
      for contender in [Contender.weir, .boost, .ck] {
        let track = track(contender, discipline.elementSize)
        let result = race.run {
          track.produce(count: 1 << 16, batch: discipline.batch, check: true)
        } theirs: {
          track.consume(count: 1 << 16, batch: discipline.batch, check: true)
        }
        require(result.wrongCount == 0)
      }
    }
    let track = track(.weir, 16)
    let bell = bells.0
    bell.disarm()
    isWithoutSystemCalls = race.runWithoutSystemCalls {
      weirProduce(attached(track.there, Element16.self), count: 1 << 20, asking: bell)
    } _: {
      track.consume(count: 1 << 20, batch: 1, check: true)
    }
  }

  mutating func round() {
    for index in disciplines.indices {
      let discipline = disciplines[index]
      disciplines[index].weir.add(measure(discipline, .weir))
      disciplines[index].boost.add(measure(discipline, .boost))
      if discipline.kind == .sleeping { continue }
      disciplines[index].ck.add(measure(discipline, .ck))
    }
  }

  /// ns per element or hand-over. Repeated, at most four times, while others take a processor.
  private mutating func measure(_ discipline: Discipline, _ contender: Contender) -> Double {
    var best: Race.Result?
    for attempt in 0..<5 {
      if attempt > 0 { repeatedCount += 1 }
      let result = run(discipline, contender)
      require(result.wrongCount == 0)
      if let known = best, known.preemptionCount <= result.preemptionCount { continue }
      best = result
      if result.preemptionCount == 0 { break }
    }
    measuredCount += 1
    guard let best else { fatalError("nothing was measured") }
    if best.preemptionCount > 0 { disturbedCount += 1 }
    let ways = discipline.kind == .spinning || discipline.kind == .sleeping ? 2 : 1
    return Double(best.nanoseconds) / Double(discipline.count * ways)
  }

  private func run(_ discipline: Discipline, _ contender: Contender) -> Race.Result {
    let track = track(contender, discipline.elementSize)
    let count = discipline.count
    let bells = bells
    switch discipline.kind {
    case .throughput:
      return race.run {
        track.produce(count: count, batch: discipline.batch, check: false)
      } theirs: {
        track.consume(count: count, batch: discipline.batch, check: false)
      }
    case .spinning:
      return race.run {
        track.call(count: count)
      } theirs: {
        track.answer(count: count)
        return 0
      }
    case .sleeping:
      bells.0.disarm()
      bells.1.disarm()
      if contender == .weir {
        let there = attached(track.there, Element16.self)
        let back = attached(track.back, Element16.self)
        return race.run {
          weirCallSleeping(there, back, bells, count: count)
        } theirs: {
          weirAnswerSleeping(there, back, bells, count: count)
          return 0
        }
      }
      let there = unsafe track.there.base.bindMemory(to: UInt32.self, capacity: 1)
      let back = unsafe track.back.base.bindMemory(to: UInt32.self, capacity: 1)
      unsafe there.pointee = 0
      unsafe back.pointee = 0
      return race.run {
        unsafe bench_futex_call(there, back, UInt64(count))
      } theirs: {
        unsafe bench_futex_answer(there, back, UInt64(count))
        return 0
      }
    case .asking:
      bells.0.disarm()
      guard contender == .weir else { return run(disciplines[0], contender) }
      return race.run {
        weirProduce(attached(track.there, Element16.self), count: count, asking: bells.0)
      } theirs: {
        track.consume(count: count, batch: 1, check: false)
      }
    }
  }
}

/// The rings are wrong: then no figure means anything.
func require(_ isTrue: Bool) {
  if isTrue { return }
  writeStandardError("bench-ring: elements were lost or changed on their way\n")
  exit(1)
}
