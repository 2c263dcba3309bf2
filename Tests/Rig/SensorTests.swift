// The rpi-3b image in QEMU, with sensors that QEMU models and Weir did not write. Invariants
// checked:
// - a temperature that is set while the gateway runs arrives right to the sensor's resolution,
//   within two sample periods;
// - the dps310's values are what its coefficients and results mean;
// - everything that was measured arrived, or a gap says that it did not;
// - the first reading is at the broker within 10 s of guest time after PID 1 began;
// - all of the gateway's processes together take at most 6 MB, also with TLS, and the tasks journal
//   and uplink at most 3 MB of it.

import Desk
import Drivers
import Foundation
import Testing

extension Rig {
  @Test func aTemperatureSetInTheSensorArrives() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let emulator = try Emulator(
      "rpi-3b", configuration: raspberryConfiguration("mqtt://10.0.2.2:\(broker.port)"),
      words: ["weir.report=20"])
    try waitForFirstReading(emulator, recorder)
    try checkStart(emulator)

    let control = try emulator.control()
    let sensor = try #require(try control.devices(ofType: "tmp105").first)
    var slowest = 0.0
    for milliDegrees in [21_500, -40_000, 85_250, -62, 0, 99_937, -10_500] {
      try control.set(sensor, "temperature", milliDegrees)
      let start = secondsNow()
      let arrived = try recorder.wait("\(milliDegrees) m°C", seconds: 10, after: start) {
        guard $0.channel == "boiler.temperature", case .value(let value) = $0.content else {
          return false
        }
        return abs(value - Double(milliDegrees) / 1000) <= Self.resolution
      }
      slowest = max(slowest, arrived.at - start)
      #expect(arrived.at - start <= 2 * Self.periodSeconds, "\(milliDegrees) m°C")
      #expect(arrived.record?.unit == "Cel")
    }
    print("the slowest of seven temperatures arrived \(slowest) s after it was set")
    try checkPressure(recorder)

    let channels = ["boiler.temperature", "room.pressure", "room.temperature"]
    #expect(Account(recorder.records, channels: channels).faults == [])
    #expect(recorder.malformed == [])
    try checkMemory(emulator)
    emulator.end()
  }

  @Test func theSameOverTLS() throws {
    let authority = try Authority()
    var options = Broker.Options()
    options.authority = authority
    options.user = (name: "plant", password: "secret")
    options.isModern = Broker.hasModern
    let broker = try Broker(options)
    try broker.start()
    let recorder = try Recorder(port: broker.port, authority: authority, user: options.user)
    // Where the port can't be had, the clock stays as it is, which TLS and SenML can live with.
    let timeServer = try? TimeServer()
    let emulator = try Emulator(
      "rpi-3b",
      configuration: raspberryConfiguration(
        "mqtts://10.0.2.2:\(broker.port)",
        address: "address: 10.0.2.15/24\n  gateway: 10.0.2.2\n  ntp: [10.0.2.2]",
        uplink: "  ca: /boot/ca.pem\n  user: plant\n  password: secret\n"),
      files: ["ca.pem": authority.certificatePath], words: ["weir.report=20"])
    try waitForFirstReading(emulator, recorder)
    try checkStart(emulator)
    if options.isModern { try emulator.wait(for: "X25519MLKEM768", seconds: 30) }
    let start = secondsNow()
    for channel in ["boiler.temperature", "room.pressure", "soc.temperature"] {
      try recorder.wait(channel, seconds: 30, after: start) { $0.channel == channel }
    }
    if timeServer != nil { _ = try emulator.wait(for: "the clock is right by", seconds: 60) }
    try checkMemory(emulator)
    #expect(Account(recorder.records, channels: ["boiler.temperature"]).faults == [])
    emulator.end()
  }

  /// Of a TMP105 at 12 bits (datasheet SBOS329, table 3), with half a millidegree for the setting.
  private static let resolution = 0.0625 + 0.0005
  private static let periodSeconds = 1.0

  private func waitForFirstReading(_ emulator: Emulator, _ recorder: Recorder) throws {
    let end = secondsNow() + 180
    let found = try waitUntil(seconds: 180) { () -> Bool? in
      try emulator.checkRunning()
      return recorder.records.isEmpty ? nil : true
    }
    guard found == true else {
      throw DriverFailure(
        "no reading after \(180 + secondsNow() - end) s:\n\(emulator.console.suffix(3000))")
    }
  }

  /// From PID 1's first line to the connection that the first reading came over, in guest time. The
  /// guest's clock is the host's: on a host that is busy with other things the kernel alone, which
  /// takes 3 s, takes as many times longer, and so may the rest. Where it takes more than 8 s there
  /// is nothing to measure.
  private func checkStart(_ emulator: Emulator) throws {
    // QEMU's own would reset the machine at once; this one resets it when nobody feeds it for 15 s,
    // which is shorter than these tests.
    try emulator.wait(for: "the watchdog /dev/watchdog1 (Software Watchdog) resets", seconds: 30)
    let began = try #require(logSeconds(try emulator.wait(for: "is PID 1", seconds: 30)))
    let connected = try #require(logSeconds(try emulator.wait(for: "connected to", seconds: 30)))
    print("PID 1 began at \(began) s, connected at \(connected) s of guest time")
    if began > Self.kernelSecondsMax {
      print("the host is too busy to measure the start")
      return
    }
    #expect(connected - began <= 10 * max(1, began / Self.kernelSecondsUsual))
  }

  private static let kernelSecondsUsual = 3.0
  private static let kernelSecondsMax = 8.0

  /// QEMU's dps310 always has the same results (hw/sensor/dps310.c).
  private func checkPressure(_ recorder: Recorder) throws {
    let temperatures = recorder.records.filter { $0.channel == "room.temperature" }
    let pressures = recorder.records.filter { $0.channel == "room.pressure" }
    #expect(temperatures.count >= 5 && pressures.count >= 5)
    for record in temperatures {
      guard case .value(let value) = record.content else { continue }
      #expect(abs(value - 24.738430) < 0.0001 && record.unit == "Cel")
    }
    for record in pressures {
      guard case .value(let value) = record.content else { continue }
      #expect(abs(value - 105_148.167) < 0.01 && record.unit == "Pa")
    }
    #expect(pressures.contains { $0.content.number != nil })
    #expect(temperatures.contains { $0.content.number != nil })
  }

  /// The supervisor tells the sum of PSS of all its processes (`weir.report=20`: every 20 s).
  private func checkMemory(_ emulator: Emulator) throws {
    let line = try emulator.wait(for: "KiB PSS", seconds: 90)
    let words = line.split(separator: " ")
    let index = try #require(words.firstIndex(of: "KiB"))
    let kibibytes = try #require(index > 0 ? Int(words[index - 1]) : nil)
    let journal = try taskKibibytes("journal", emulator)
    let uplink = try taskKibibytes("uplink", emulator)
    print(
      "all processes together: \(kibibytes) KiB PSS, the journal \(journal), the uplink \(uplink)")
    #expect(kibibytes * 1024 <= 6_000_000)
    #expect((journal + uplink) * 1024 <= 3_000_000)
  }

  /// What the report before said of one task, which is "TASK: process N, ..., memory N KiB".
  private func taskKibibytes(_ task: String, _ emulator: Emulator) throws -> Int {
    let line = try emulator.wait(for: " \(task): process", seconds: 30)
    let words = line.split(whereSeparator: { $0.isWhitespace })
    let index = try #require(words.lastIndex(of: "KiB"))
    return try #require(index > 0 ? Int(words[index - 1]) : nil)
  }
}

/// Three sensors on the emulated Raspberry Pi.
private func raspberryConfiguration(
  _ broker: String, address: String = "address: dhcp", uplink: String = ""
) -> String {
  """
  device: rig
  board: rpi-3b
  network:
    \(address)
  uplink:
    broker: \(broker)
    retry_max: 2 s
  \(uplink)sensors:
    boiler:
      driver: tmp105
      bus: i2c-1
      address: 0x48
      every: 1 s
      temperature: {}
    room:
      driver: dps310
      bus: i2c-1
      address: 0x77
      every: 1 s
      oversampling: 16
      pressure: {}
      temperature: {}
    soc:
      driver: thermal
      every: 10 s
      temperature: {}

  """
}
