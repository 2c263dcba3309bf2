// The qemu-virt image in QEMU, whose i6300esb is a true hardware watchdog: it resets the machine
// when nobody feeds it. One card lives through six boots. Invariants checked:
// - a gateway that is well is not reset, also when PID 1 is sent SIGSTOP, which the kernel keeps
//   from it;
// - a supervisor that spins, a critical task that not even SIGKILL ends, and a kernel that panics
//   end in a reset; the board comes back by itself, says on its console and to the broker what
//   ended the boot before, and readings go on with a larger epoch;
// - both are told the last lines of the boot before, which only RAM has kept; after an orderly
//   restart nobody is;
// - after three unclean boots in a row the board starts in safe mode: it is there, it says so, and
//   measures nothing; when it has stayed up, the next boot is an ordinary one, also after a power
//   cut;
// - an orderly restart is none that counts, and is reported as what it was;
// - switched off in order the watchdog is stopped, and the board stays off.

import Desk
import Drivers
import Foundation
import Testing

/// Beside the other boards: this one waits most of the time.
@Suite(
  .enabled(if: ProcessInfo.processInfo.environment["WEIR_RIG"] == "1"), .timeLimit(.minutes(10)))
struct PatientRig {
  /// What the watchdog waits for: shorter than a board's, to save the test's time.
  private static let timeoutSeconds = 8.0

  @Test func theBoardComesBackByItself() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let emulator = try Emulator(
      "qemu-virt", configuration: watchdogConfiguration(broker.port),
      words: [
        "weir.watchdog-timeout=\(Int(Self.timeoutSeconds))", "weir.stable=40",
        "weir.drill=supervisor:stop@2,supervisor:spin@25;pipeline:freeze@12;supervisor:panic@12;;"
          + "supervisor:restart@12;supervisor:off@12",
      ])
    let control = try emulator.control()

    let first = try boot(1, emulator, recorder)
    #expect(first.cause == "first" && first.uncleanCount == 0 && !first.isSafe)
    try emulator.wait(for: "drill: stop", seconds: 60)
    try reading(of: 1, after: secondsNow(), emulator, recorder)

    let second = try comeBack(2, after: "the supervisor spins", control, emulator, recorder)
    #expect(second.cause == "watchdog" && second.uncleanCount == 1 && !second.isSafe)
    try emulator.wait(for: "boot 2: the watchdog ended the last boot", seconds: 30)
    try toldOfBefore("drill: the supervisor spins", in: 2, emulator, recorder)

    let third = try comeBack(3, after: "pipeline is frozen", control, emulator, recorder)
    #expect(third.cause == "watchdog" && third.uncleanCount == 2 && !third.isSafe)
    #expect(third.detail == "task pipeline: can't be killed: the kernel holds it")
    try emulator.wait(for: "boot 3: the watchdog ended the last boot: task pipeline", seconds: 30)

    let fourth = try comeBack(4, after: "Kernel panic", control, emulator, recorder)
    // The kernel's own `panic=` takes longer than the watchdog.
    #expect(fourth.cause == "watchdog" && fourth.uncleanCount == 3 && fourth.isSafe)
    try emulator.wait(for: "SAFE MODE", seconds: 30)
    try toldOfBefore("drill: panic", in: 4, emulator, recorder)
    try emulator.wait(for: "this boot counts as good", seconds: 180)
    #expect(!recorder.records.contains { $0.epoch == 4 })

    // A power cut: nobody is asked, and no watchdog was it.
    try control.execute("system_reset")
    try checkOrderlyEnds(emulator, recorder)
    #expect(Account(recorder.records, channels: ["pump"]).faults == [])
    #expect(recorder.malformed == [])
  }

  private func checkOrderlyEnds(_ emulator: Emulator, _ recorder: Recorder) throws {
    let fifth = try boot(5, emulator, recorder)
    #expect(fifth.cause == "unknown" && fifth.uncleanCount == 0 && !fifth.isSafe)
    #expect((fifth.uptime ?? 0) >= 40)
    try reading(of: 5, after: 0, emulator, recorder)

    let sixth = try boot(6, emulator, recorder)
    #expect(sixth.cause == "restart" && sixth.uncleanCount == 0 && !sixth.isSafe)
    try reading(of: 6, after: 0, emulator, recorder)
    #expect(try emulator.waitForEnd(seconds: 60) == .exited(0))
    #expect(!emulator.console.contains("did not stop"))
    #expect(Set(recorder.received.compactMap { $0.boot?.epoch }) == [1, 2, 3, 4, 5, 6])
    #expect(emulator.console.contains("drill: restart"))
    #expect(!isTold("drill: restart", emulator))
  }

  /// Waits for the line of the boot before at the broker; the console has had it by then.
  private func toldOfBefore(
    _ text: String, in epoch: UInt64, _ emulator: Emulator, _ recorder: Recorder
  ) throws {
    let start = "before the reset: "
    try recorder.wait("\(start)… \(text), of boot \(epoch)", seconds: 60) { all in
      all.contains {
        guard case .log(let line) = $0.message else { return false }
        return line.epoch == epoch && line.level == "warning" && line.task == "supervisor"
          && line.text.hasPrefix(start) && line.text.hasSuffix(text)
      } ? true : nil
    }
    #expect(isTold(text, emulator))
    #expect(!emulator.console.contains("\(start)\(start)"))
  }

  private func isTold(_ text: String, _ emulator: Emulator) -> Bool {
    emulator.console.split(whereSeparator: \.isNewline).contains {
      $0.contains("init: before the reset: ") && $0.hasSuffix(text)
    }
  }

  /// Waits for the reset that follows the line of the console, and for the boot after it, with its
  /// readings where it has any; prints how long both took.
  private func comeBack(
    _ epoch: UInt64, after text: String, _ control: QMP, _ emulator: Emulator,
    _ recorder: Recorder
  ) throws -> BootNotice {
    try emulator.wait(for: text, seconds: 60)
    let began = secondsNow()
    let reset = try control.wait(forEvent: "RESET", after: began, seconds: 60)
    let notice = try boot(epoch, emulator, recorder)
    var back = secondsNow()
    if !notice.isSafe {
      back = try reading(of: epoch, after: 0, emulator, recorder)
    }
    let (resetAfter, backAfter) = (reset - began, back - reset)
    print(
      "\(text): reset after \(resetAfter) s, "
        + "\(notice.isSafe ? "back" : "the first reading") \(backAfter) s later")
    // A critical task is given up 2 s after SIGKILL, and the seconds of an emulated board are
    // longer than ours when the machine is busy.
    #expect(resetAfter < Self.timeoutSeconds + 10)
    return notice
  }

  /// What the broker is told of the boot with that epoch. On a slow machine a boot takes a minute.
  private func boot(
    _ epoch: UInt64, _ emulator: Emulator, _ recorder: Recorder
  ) throws -> BootNotice {
    let found = try waitUntil(seconds: 180) { () -> BootNotice? in
      try emulator.checkRunning()
      return recorder.received.compactMap(\.boot).first { $0.epoch == epoch }
    }
    guard let found else {
      throw DriverFailure("boot \(epoch) says nothing:\n\(emulator.console.suffix(3000))")
    }
    return found
  }

  /// Waits for a reading of that boot; returns when it came.
  @discardableResult
  private func reading(
    of epoch: UInt64, after start: Double, _ emulator: Emulator, _ recorder: Recorder
  ) throws -> Double {
    let found = try waitUntil(seconds: 60) { () -> Double? in
      try emulator.checkRunning()
      return recorder.received.first { $0.at > start && $0.record?.epoch == epoch }?.at
    }
    guard let found else {
      throw DriverFailure("no reading of boot \(epoch):\n\(emulator.console.suffix(3000))")
    }
    return found
  }
}

extension Received {
  /// The boot notice inside, if it is one.
  fileprivate var boot: BootNotice? {
    if case .boot(let notice) = message { notice } else { nil }
  }
}

private func watchdogConfiguration(_ port: Int) -> String {
  """
  device: rig
  board: qemu-virt
  network:
    address: dhcp
  uplink:
    broker: mqtt://10.0.2.2:\(port)
    retry_max: 1 s
  lines:
    pump:
      line: GPIO2
      mode: level
      every: 1 s

  """
}
