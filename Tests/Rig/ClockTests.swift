// Invariants checked, on the qemu-virt board, while its clock jumps ten years forward and then
// twenty years back:
// - nobody takes it for a stall, and nothing is started again for it;
// - every reading arrives, at its time since boot.

import Desk
import Drivers
import Foundation
import Testing

extension Rig {
  @Test func aJumpingClockStopsNobody() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let emulator = try Emulator(
      "qemu-virt",
      configuration: """
        device: rig
        board: qemu-virt
        network: {address: dhcp}
        uplink: {broker: "mqtt://10.0.2.2:\(broker.port)", retry_max: 2 s}
        supervision: {deadline: 2 s}
        lines:
          flow: {line: GPIO1, mode: level, every: 250 ms}

        """, words: ["weir.drill=supervisor:clock@10"])
    for years in ["10", "-20"] {
      try emulator.wait(for: "the clock jumps by \(years) years", seconds: 180)
      try recorder.wait("readings after the jump", seconds: 20, after: secondsNow() + 2) {
        $0.channel == "flow"
      }
    }
    for task in ["sense@header", "pipeline", "journal", "uplink"] {
      #expect(!emulator.console.contains("task \(task) shows no sign of life"))
      #expect(!emulator.console.contains("task \(task) was killed"))
    }
    let account = Account(recorder.records, channels: ["flow"])
    #expect(account.faults == [])
    print("clock jumps: \(account.summary)")
    emulator.end()
  }
}
