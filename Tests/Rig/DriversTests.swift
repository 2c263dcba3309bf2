// Invariants checked:
// - the drivers of QMP and qtest find a machine's devices and steer them, without a guest.

import Drivers
import Foundation
import Testing

extension Rig {
  @Test func theDriversSteerAMachineThatBootsNothing() throws {
    let folder = try Folder()
    let machine = try Program(
      try find("qemu-system-aarch64"),
      [
        "-M", "raspi3b", "-S", "-display", "none", "-monitor", "none", "-serial", "none",
        "-device", "tmp105,bus=i2c-bus.1,address=0x48",
        "-qmp", "unix:\(folder.file("qmp")),server=on,wait=off",
      ], outputPath: folder.file("log"))
    let control = try QMP(folder.file("qmp"), seconds: 20)
    let sensors = try control.devices(ofType: "tmp105")
    #expect(sensors.count == 1)
    for sensor in sensors {
      try control.set(sensor, "temperature", -20_062)
      let value = try #require(try control.get(sensor, "temperature") as? Int)
      // QEMU keeps steps of 1/256 °C.
      #expect((-20_066 ... -20_058).contains(value))
    }
    #expect(throws: DriverFailure.self) { try control.set("/machine", "nothing", 1) }
    machine.end()

    let pins = try Program(
      try find("qemu-system-aarch64"),
      [
        "-M", "virt", "-cpu", "cortex-a53", "-nic", "none", "-display", "none", "-monitor", "none",
        "-serial", "none", "-S",
        "-qmp", "unix:\(folder.file("qmp2")),server=on,wait=off",
        "-qtest", "unix:\(folder.file("qtest")),server=on,wait=off", "-qtest-log", "/dev/null",
      ], outputPath: folder.file("log"))
    let chips = try QMP(folder.file("qmp2"), seconds: 20).devices(ofType: "pl061")
    #expect(chips.count == 1)
    let test = try QTest(folder.file("qtest"))
    for chip in chips {
      for level in [1, 0, 1] { try test.set(chip, line: 3, level: level) }
    }
    pins.end()
  }
}

/// The tests that boot emulated boards, one after the other but for `PatientRig`, and only with
/// WEIR_RIG=1 (cross/test sets it, when the images are made). Each has ten minutes; a campaign of
/// cuts takes its time.
@Suite(
  .serialized, .enabled(if: ProcessInfo.processInfo.environment["WEIR_RIG"] == "1"),
  .timeLimit(.minutes(ProcessInfo.processInfo.environment["WEIR_CUTS"] == nil ? 10 : 240)))
struct Rig {}
