// The rpi-3b image in QEMU, whose tasks try to get out of their sandboxes, with real buses and
// devices there. Invariants checked:
// - from inside of the uplink, opening the I²C bus, writing the journal, exec and fork fail, and
//   each try is in the log; the supervisor tells it too;
// - a sense task reaches no network, and none can touch the supervisor;
// - all of them live on, and readings go on;
// - the kernel has Landlock.

import Desk
import Drivers
import Foundation
import Testing

extension Rig {
  @Test func nobodyGetsOutOfItsSandbox() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    // One after another: the serial line takes 20 ms for a line.
    let tasks = ["uplink", "pipeline", "sense@i2c-1", "sense@thermal"]
    let drills = tasks.enumerated().map { "\($1):escape@\(15 + 5 * $0)" }
    let emulator = try Emulator(
      "rpi-3b",
      configuration: """
        device: rig
        board: rpi-3b
        network: {address: dhcp}
        uplink: {broker: "mqtt://10.0.2.2:\(broker.port)", retry_max: 2 s}
        sensors:
          boiler: {driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s, temperature: {}}
          soc: {driver: thermal, every: 1 s, temperature: {}}

        """,
      words: ["weir.drill=" + drills.joined(separator: ",")], processors: 2)
    let everywhere = [
      "create /var/lib/weir/journal/log.new", "fork", "exec", "trace the supervisor", "mount",
      "signal the supervisor", "open a packet socket",
    ]
    let files = [
      "open /dev/i2c-1", "open /dev/i2c-1 for writing", "open /dev/kmsg",
      "open /var/lib/weir/journal/log for writing", "look into the supervisor",
    ]
    let expected: [(task: String, refused: [String])] = [
      ("uplink", everywhere + files),
      ("pipeline", everywhere + files + ["open a TCP socket"]),
      // Its bus is /dev/i2c-1.
      ("sense@i2c-1", everywhere + ["open a TCP socket", "open a local socket"]),
      ("sense@thermal", everywhere + files + ["open a TCP socket"]),
    ]
    for (task, refused) in expected {
      for what in refused {
        let line = try emulator.wait(for: "\(task)#1: escape: \(what): ", seconds: 180)
        #expect(line.contains("refused (") && !line.contains("No such file"), "\(line)")
      }
      try emulator.wait(for: "task \(task) tried what it may not do", seconds: 30)
    }
    let mark = secondsNow()
    for channel in ["boiler.temperature", "soc.temperature"] {
      try recorder.wait("\(channel) afterwards", seconds: 30, after: mark) {
        $0.channel == channel
      }
    }
    #expect(!emulator.console.contains("starting it again"))
    #expect(!emulator.console.contains("has no Landlock"))
    #expect(!emulator.console.contains("can't give up"))
    #expect(Account(recorder.records, channels: ["boiler.temperature"]).faults == [])
    emulator.end()
  }
}
