// The qemu-virt image in QEMU, with its pins driven over qtest. Invariants checked:
// - of 1,000 edges each arrives as an edge of the right direction, or is counted as lost;
// - a counter's pulses are those that were driven;
// - of a burst that no kernel could follow, nothing more arrives than was driven.
//
// An edge is driven when the one before it has arrived. A second edge before the kernel's interrupt
// thread has run is merged with the first, there as on every board, and nobody can count it.

import Desk
import Drivers
import Foundation
import Testing

extension Rig {
  @Test func everyEdgeArrivesOrIsCounted() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let emulator = try Emulator("qemu-virt", configuration: pinConfiguration(broker.port))
    try waitUntilPinsAreWatched(emulator, recorder)
    let chip = try #require(try emulator.control().devices(ofType: "pl061").first)
    let pins = try emulator.pins()

    let before = counts(recorder)
    for step in 1...1000 {
      try pins.set(chip, line: 1, level: step % 2)
      try pins.set(chip, line: 0, level: step % 2)
      waitForStep(step, before, recorder)
    }
    try waitForTwoPeriods(recorder)
    let final = counts(recorder)
    print(
      "1,000 edges: \(final.edges - before.edges) arrived, \(final.lost - before.lost) counted "
        + "as lost; 500 pulses: \(final.pulses - before.pulses)")
    #expect(final.edges - before.edges + final.lost - before.lost == 1000)
    #expect(final.pulses - before.pulses == 500)
    checkDirections(recorder)

    for step in 1...100 { try pins.set(chip, line: 0, level: step % 2) }
    try waitForTwoPeriods(recorder)
    let burst = counts(recorder)
    #expect(burst.edges > final.edges)
    #expect(burst.edges - final.edges + burst.lost - final.lost <= 100)

    #expect(Account(recorder.records, channels: ["flow"]).faults == [])
    #expect(recorder.malformed == [])
    emulator.end()
  }

  /// Waits until the edge is accounted for. One that is not within two seconds is missing from the
  /// sum at the end.
  private func waitForStep(_ step: Int, _ before: Counts, _ recorder: Recorder) {
    _ = waitUntil(seconds: 2) { () -> Bool? in
      let now = counts(recorder)
      return now.edges - before.edges + now.lost - before.lost >= step ? true : nil
    }
  }

  /// What would come too late or too often comes within two more periods.
  private func waitForTwoPeriods(_ recorder: Recorder) throws {
    try recorder.wait("a later period", seconds: 15, after: secondsNow() + 2) {
      $0.channel == "flow"
    }
  }

  private struct Counts: Equatable {
    var edges = 0
    var lost = 0
    var pulses = 0
  }

  private func counts(_ recorder: Recorder) -> Counts {
    var counts = Counts()
    for record in recorder.records {
      switch (record.channel, record.content) {
      case ("door", .edge): counts.edges += 1
      case ("door", .gap(let gap)) where gap.kind == .lostEdges: counts.lost += Int(gap.count)
      case ("flow", .value(let value)): counts.pulses += Int(value)
      default: break
      }
    }
    return counts
  }

  /// The counter's first period shows that the lines are requested.
  private func waitUntilPinsAreWatched(_ emulator: Emulator, _ recorder: Recorder) throws {
    let found = try waitUntil(seconds: 180) { () -> Bool? in
      try emulator.checkRunning()
      return recorder.records.contains { $0.channel == "flow" } ? true : nil
    }
    guard found == true else {
      throw DriverFailure("the pins are not read:\n\(emulator.console.suffix(3000))")
    }
  }

  /// Rising is high, falling low, and they alternate unless edges were lost between.
  private func checkDirections(_ recorder: Recorder) {
    var last: Bool?
    for record in recorder.records where record.channel == "door" {
      switch record.content {
      case .edge(let level, let edge):
        #expect(edge == (level ? "rising" : "falling"))
        if let last { #expect(last != level, "\(record)") }
        last = level
      default: last = nil
      }
    }
  }
}

private func pinConfiguration(_ port: Int) -> String {
  """
  device: rig
  board: qemu-virt
  network:
    address: dhcp
  uplink:
    broker: mqtt://10.0.2.2:\(port)
    retry_max: 2 s
  lines:
    door:
      line: GPIO0
      mode: edges
      edge: both
    flow:
      line: GPIO1
      mode: counter
      edge: rising
      every: 1 s

  """
}
