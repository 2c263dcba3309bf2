// Invariants:
// - Edges come in order of time, alternate where both are wanted, agree with the level, and number
//   as the line counts; a slow reader gets the newest 16 a line and can tell how many it lost.
// - The same seed gives the same edges.
// - A chip that is not there is said to be absent.

import Linux
import Sensors
import Testing

@testable import Buses

@Suite struct SimulatedLinesTests {
  private let requests = [
    LineRequest(offset: 3, edges: .both), LineRequest(offset: 4, edges: .rising),
    LineRequest(offset: 5, edges: .falling, isActiveLow: true),
    LineRequest(offset: 6, edges: .none), LineRequest(offset: 7, edges: .both),
  ]

  private func chip(_ seed: UInt64) -> SimulatedLines {
    SimulatedLines(seed: seed, lines: requests, hertz: [5, 20, 7, 3, 0])
  }

  @Test func edges() throws {
    for seed in UInt64(0)..<20 {
      var lines = chip(seed)
      lines.acquire(now: 1_000_000_000)
      var counts = [0, 0, 0, 0, 0]
      var last: Int64 = 0
      var wasRising = [Bool?](repeating: nil, count: 5)
      var now: Int64 = 1_000_000_000
      while now < 11_000_000_000 {
        now = max(now + 10_000_000, min(lines.nextEventTime(), now + 50_000_000))
        let count = lines.readEvents(now: now)
        for index in 0..<count {
          let event = lines.event(index)
          let line = Int(event.line)
          counts[line] += 1
          #expect(event.time >= last && event.time <= now)
          last = event.time
          #expect(event.lineSequence == UInt32(counts[line]))
          if line == 0 {
            #expect(wasRising[0] != event.isRising)
            wasRising[0] = event.isRising
            #expect(try lines.level(0, now: event.time) == event.isRising)
          } else {
            #expect(event.isRising == (line == 1))
          }
        }
      }
      #expect(abs(counts[0] - 100) <= 1 && abs(counts[1] - 200) <= 1, "seed \(seed)")
      #expect(abs(counts[2] - 70) <= 1 && counts[3] == 0 && counts[4] == 0, "seed \(seed)")
    }
  }

  @Test func slowReader() {
    var lines = chip(1)
    lines.acquire(now: 0)
    var last: UInt32 = 0
    var count = 0
    for part in 1...10 {
      let now = Int64(part) * 5_000_000_000
      while true {
        let found = lines.readEvents(now: now)
        if found == 0 { break }
        for index in 0..<found where lines.event(index).line == 1 {
          count += 1
          #expect(lines.event(index).lineSequence > last)
          last = lines.event(index).lineSequence
        }
      }
    }
    #expect(count == 160 && abs(Int(last) - 1000) <= 1)
  }

  @Test func replays() {
    func run(_ seed: UInt64) -> [LineEvent] {
      var lines = chip(seed)
      lines.acquire(now: 0)
      var found: [LineEvent] = []
      for part in Int64(1)...50 {
        for index in 0..<lines.readEvents(now: part * 20_000_000) {
          found.append(lines.event(index))
        }
      }
      return found
    }
    #expect(run(4) == run(4) && run(4) != run(5))
  }

  @Test func absentChip() {
    var lines = GpioLines(
      label: "no-such-chip", lines: requests, folder: "/tmp/weir-no-such-folder")
    for line in requests.indices { #expect(lines.fault(line) == .chipAbsent) }
    lines.acquire(now: 0)
    for line in requests.indices { #expect(lines.fault(line) == .chipAbsent) }
    #expect(lines.readEvents(now: 0) == 0)
    var items: [PollItem] = []
    lines.appendPollItems(to: &items)
    #expect(items.isEmpty)
  }
}
