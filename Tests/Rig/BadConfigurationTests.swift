// Invariants checked, on a booted board whose configuration is wrong:
// - each wrong part is named on the console with file, line and column;
// - the parts that are right run, over the network that the board keeps;
// - a file that is no configuration at all still leaves a board with its network;
// - a watchdog that is absent, and one that another program has, is said and missed by nothing
//   else.

import Desk
import Drivers
import Foundation
import Testing

extension Rig {
  @Test func theRightPartsOfAWrongConfigurationRun() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let emulator = try Emulator(
      "rpi-3b",
      configuration: """
        device: rig
        board: rpi-3b
        uplink:
          broker: mqtt://10.0.2.2:\(broker.port)
          retry_max: 2 s
        sensors:
          boiler:
            driver: tmp105
            bus: i2c-1
            address: 0x48
            every: 1 s
            temperature: {}
          lost:
            driver: tmp105
            bus: i2c-9
            address: 0x49
            every: 1 s
            temperature: {}
          wrong:
            driver: tmp105
            bus: i2c-1
            address: 0x148
            evry: 1 s
            temperature: {}

        """, words: ["weir.drill=supervisor:busy"])
    try emulator.wait(for: "gateway.yaml:15:", seconds: 180)
    try emulator.wait(for: "no watchdog /dev/watchdog1 (weir.watchdog on the kernel's", seconds: 30)
    try emulator.wait(for: "Device or resource busy; another program has it", seconds: 30)
    for place in ["gateway.yaml:19:", "gateway.yaml:22:", "gateway.yaml:23:"] {
      try emulator.wait(for: place, seconds: 10)
    }
    try recorder.wait("readings of the right part", seconds: 120) { all in
      all.count { $0.record?.channel == "boiler.temperature" } >= 3 ? true : nil
    }
    #expect(!recorder.records.contains { !$0.channel.hasPrefix("boiler") && $0.channel != "" })
    emulator.end()
  }

  @Test func aFileThatIsNoConfigurationLeavesTheNetwork() throws {
    let emulator = try Emulator(
      "rpi-3b", configuration: "sensors: [unfinished\n\u{0}: {\n",
      words: ["weir.watchdog=/dev/watchdog7"])
    try emulator.wait(for: "gateway.yaml:", seconds: 180)
    try emulator.wait(for: "no watchdog /dev/watchdog7 (weir.watchdog on the kernel's", seconds: 30)
    try emulator.wait(for: "10.0.2.15", seconds: 60)
    try emulator.checkRunning()
    emulator.end()
  }
}
