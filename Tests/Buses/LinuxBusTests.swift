// Invariants:
// - The kernel's error numbers mean what Documentation/i2c/fault-codes says.
// - A bus or zone that is not there is absent, not broken, and is found when it appears.

import Linux
import Ring
import Sensors
import Testing

@testable import Buses

@Suite struct LinuxBusTests {
  @Test func errorNumbers() {
    #expect(busError(.noDeviceOrAddress, recoveryWasTried: false) == .nack)
    #expect(busError(.remoteIO, recoveryWasTried: false) == .nack)
    #expect(busError(.timedOut, recoveryWasTried: false) == .timeout)
    #expect(busError(.timedOut, recoveryWasTried: true) == .stuck)
    #expect(busError(.busy, recoveryWasTried: false) == .stuck)
    #expect(busError(.again, recoveryWasTried: false) == .stuck)
    #expect(busError(.noDevice, recoveryWasTried: false) == .absent)
    #expect(busError(.io, recoveryWasTried: false) == .fault(5))
    #expect(busError(.notSupported, recoveryWasTried: true) == .fault(95))
  }

  @Test func absentBus() {
    var bus = LinuxI2CBus(device: "/dev/i2c-that-is-not-there")
    var device = SensorDevice(.tmp105, address: 0x48)
    #expect(throws: SensorError.bus(.absent)) { try device.begin(on: &bus) }
  }

  @Test func openFilesAreFound() throws {
    let path = "/tmp/weir-open-\(Clock.boot())"
    do {
      let file = try FileDescriptor(opening: path, [.writeOnly, .create])
      #expect(file.number >= 0)
      #expect(try isOpenSomewhere(path))
    }
    #expect(try !isOpenSomewhere(path))
  }

  /// A file that is no adapter is a fault, and never retried into a rebind.
  @Test func noAdapter() {
    var bus = LinuxI2CBus(device: "/dev/null")
    var device = SensorDevice(.tmp105, address: 0x48)
    for _ in 0..<20 {
      #expect(throws: SensorError.bus(.fault(25))) { try device.begin(on: &bus) }
      guard case .nothing = bus.maintain(now: 1 << 60) else {
        Issue.record("a bus was recovered that is none")
        return
      }
    }
  }

  @Test(arguments: [
    ("48312\n", 48312), ("-5000\n", -5000), ("0\n", 0), ("7", 7), ("2147483647\n", Int32.max),
    ("", nil), ("\n", nil), ("-\n", nil), ("4x\n", nil), ("2147483648\n", nil), ("--1\n", nil),
    ("99999999999\n", nil), ("1\n2", nil), ("+1\n", nil),
  ])
  func decimals(text: String, value: Int32?) {
    #expect(decimal(Array(text.utf8).span) == value)
  }

  @Test func thermalZone() throws {
    let folder = "/tmp/weir-thermal-\(Clock.boot())"
    for path in [folder, folder + "/thermal_zone0", folder + "/thermal_zone3"] {
      System.makeFolder(path)
    }
    var zone = ThermalZone(type: "cpu-thermal", folder: folder)
    var device = SensorDevice(.thermal, address: 0)
    #expect(throws: SensorError.bus(.absent)) { try device.begin(on: &zone) }
    func put(_ text: String, _ path: String) throws {
      let file = try FileDescriptor(
        opening: folder + path, [.writeOnly, .create, .truncate])
      try file.write(all: Array(text.utf8))
    }
    try put("gpu-thermal\n", "/thermal_zone0/type")
    try put("1000\n", "/thermal_zone0/temp")
    try put("cpu-thermal\n", "/thermal_zone3/type")
    try put("48312\n", "/thermal_zone3/temp")
    let good = Progress.measured(Measurement(temperature: Measured(value: 48.312)))
    #expect(try device.begin(on: &zone) == good)
    // Read again, not remembered.
    try put("-1500\n", "/thermal_zone3/temp")
    let cold = Progress.measured(Measurement(temperature: Measured(value: -1.5)))
    #expect(try device.begin(on: &zone) == cold)
    try put("junk\n", "/thermal_zone3/temp")
    #expect(throws: SensorError.bus(.fault(5))) { try device.begin(on: &zone) }
  }
}
