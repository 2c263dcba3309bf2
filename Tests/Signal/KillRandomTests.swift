// Invariants checked, with a pipeline that works in a process of its own and is killed by SIGKILL
// at random moments and started again, while this process is its sense task and its uplink:
// - with room in the output, the events are byte by byte those of a pipeline that was never killed;
// - without, they are those less what is told as dropped, and sequence numbers have no hole.

import CTrace
import Glibc
import Ring
import Seeds
import Testing

@testable import Signal

@Suite(.serialized) struct KillRandomTests {
  private static let readingCount = 6000
  private static let channels: [[StageSpec]] = [
    [.median(width: 5), .smooth(timeConstant: second), .window(span: 2 * second)],
    [.alarm(above: true, threshold: 3, hysteresis: 1, hold: second)],
    [.deadband(delta: 1, silence: 10 * second)],
  ]

  private func readings(seed: UInt64) -> [Reading] {
    var random = SeededRandom(seed: seed)
    return (0..<Self.readingCount).map { (index: Int) -> Reading in
      let value = Double.random(in: 0...6, using: &random)
      let quality: Quality = index % 50 == 49 ? .timeout : .good
      return Reading(
        time: Int64(index) * 100 * millisecond, sequence: UInt64(index), value: value,
        channel: UInt16(index % 3), quality: quality)
    }
  }

  /// All events of a pipeline that is never killed and whose output is never full.
  private func reference(_ readings: [Reading]) throws -> [Event] {
    let surroundings = try makeSurroundings(Self.channels)
    var pipeline = try surroundings.makePipeline()
    var events: [Event] = []
    for reading in readings {
      #expect(try surroundings.push(reading))
      _ = pipeline.step(now: 0)
      events += try surroundings.takeEvents()
    }
    return events
  }

  /// The killed process: works until it is killed, or for half a minute.
  private func live(_ surroundings: Surroundings) -> Int32 {
    do {
      var pipeline = try surroundings.makePipeline()
      for _ in 0..<500_000 where !pipeline.step(now: 0).hasCommitted { usleep(50) }
      return 0
    } catch {
      return 1
    }
  }

  @Test(arguments: [16384, 16])
  func killsLoseAndDoubleNothing(outputCapacity: Int) throws {
    let seed = testSeed("kills with room for \(outputCapacity)")
    let readings = readings(seed: seed)
    let all = try reference(readings)
    var random = SeededRandom(seed: seed &+ 1)
    let layout = Layout(
      try makePlan(Self.channels), inputCount: 1, inputCapacity: 256,
      outputCapacity: outputCapacity)
    let memory = try SharedMemory(byteCount: layout.byteCount)
    // Safe: the memory has as many bytes, and outlives its views.
    let surroundings = unsafe Surroundings(layout, memory: memory.base)
    surroundings.format()
    var account = Account()
    var next = 0
    var killCount = 0
    while next < readings.count, killCount < 1000 {
      let child = trace_fork()
      if child == 0 { trace_exit(live(surroundings)) }
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        for _ in 0..<Int.random(in: 0...40, using: &random) where next < readings.count {
          if try surroundings.push(readings[next]) { next += 1 }
        }
        usleep(UInt32.random(in: 0...1500, using: &random))
        account.take(try surroundings.takeEvents())
      }
      #expect(trace_kill_after(child, UInt32.random(in: 0...200, using: &random)) == 1)
      killCount += 1
    }
    let committed = try CommitCell(attaching: surroundings.arena[layout.cell]).commitCount
    print("kills: \(killCount), with \(committed) commits between them")
    #expect(next == readings.count && committed > 0)
    var pipeline = try surroundings.makePipeline()
    for _ in 0..<100 {
      let isDone = !pipeline.step(now: 0).hasCommitted
      account.take(try surroundings.takeEvents())
      if isDone { break }
    }
    #expect(account.isWhole)
    if outputCapacity > readings.count { #expect(bytes(account.delivered) == bytes(all)) }
    expectSubsequence(account.delivered, of: all, dropped: pipeline.totals.eventsDropped)
  }
}
