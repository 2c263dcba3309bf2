// The rpi-3b image in QEMU, which is killed (SIGKILL) at random moments, some of them in the middle
// of a boot, and boots again from the same card, as after a power cut: what the machine had written
// is in the host's cache, what it had not is gone. The receiver is paho-mqtt. Invariants checked:
// - after each cut the card's file system is one that its own journal repairs, and the board comes
//   back: it says what it knows of the boot before, and its epoch is larger than any before;
// - the receiver has every event that a card held after a cut (`weir journal dump FILE --all` of a
//   copy), and what it has is what the card held; no identity came as two things;
// - no number is missing among those that were durable in an epoch.
//
// WEIR_CUTS sets the number of cuts (3), WEIR_SEED the seed (random, and printed).

import Desk
import Drivers
import Foundation
import Seeds
import Testing

extension Rig {
  @Test func cutsLoseNothingDurable() throws {
    let environment = ProcessInfo.processInfo.environment
    let count = environment["WEIR_CUTS"].flatMap { Int($0) } ?? 3
    let seed = environment["WEIR_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...999_999)
    print("\(count) cuts; replay with WEIR_SEED=\(seed) WEIR_CUTS=\(count)")
    let broker = try Broker()
    try broker.start()
    let receiver = try PahoReceiver(port: broker.port)
    try receiver.waitForConnection(1)
    let recorder = try Recorder(port: broker.port)
    let folder = try Folder()
    // A cut in the middle of a boot counts as a failure of that boot, and is none here.
    let emulator = try Emulator(
      "rpi-3b", configuration: cutConfiguration(broker.port), words: ["weir.safe-after=0"])
    // The first boot makes the journal and grows the card.
    var epoch = try waitForBoot(after: 0, emulator, recorder).epoch
    var random = SeededRandom(seed: seed)
    var dumps: [String] = []
    var inBoot = 0
    for number in 1...count {
      if number > 1, Int.random(in: 0..<4, using: &random) == 0 {
        // Of a boot that takes about ten seconds.
        usleep(UInt32.random(in: 1_000_000...12_000_000, using: &random))
        inBoot += 1
      } else {
        if number > 1 { epoch = try waitForBoot(after: epoch, emulator, recorder).epoch }
        try waitForReading(of: epoch, emulator, recorder)
        usleep(UInt32.random(in: 0...3_000_000, using: &random))
      }
      try emulator.cut()
      try emulator.copyFromCard("/journal/log", to: folder.file("log"))
      dumps.append(folder.file("dump-\(number)"))
      try dumpJournal(folder.file("log"), to: dumps[number - 1])
      try emulator.bootAgain()
    }
    let last = try waitForBoot(after: epoch, emulator, recorder)
    try waitForReading(of: last.epoch, emulator, recorder)
    let summary = try receiver.waitForAll(dumps, seconds: 60)
    print(
      "\(count) cuts, \(inBoot) at any moment of a boot, the last boot is \(last.epoch); "
        + summary.text)
    #expect(summary.good, "seed \(seed): \(summary.examples)")
    #expect(summary.durableHoles == 0 && summary.gaps == 0, "seed \(seed): \(summary.examples)")
    #expect(summary.durable > count)
    #expect(recorder.malformed == [])
    emulator.end()
  }

  /// What a boot with an epoch above `epoch` says of the one before it.
  private func waitForBoot(
    after epoch: UInt64, _ emulator: Emulator, _ recorder: Recorder
  ) throws -> BootNotice {
    let found = try waitUntil(seconds: 180) { () -> BootNotice? in
      try emulator.checkRunning()
      return recorder.received.compactMap { received -> BootNotice? in
        if case .boot(let notice) = received.message { notice } else { nil }
      }.last { $0.epoch > epoch }
    }
    guard let found else {
      throw DriverFailure("no boot after \(epoch):\n\(emulator.console.suffix(3000))")
    }
    // Nobody was asked, and it was no watchdog.
    #expect(found.cause == (epoch == 0 ? "first" : "unknown"), "boot \(found.epoch)")
    #expect(!found.isSafe, "boot \(found.epoch)")
    return found
  }

  private func waitForReading(
    of epoch: UInt64, _ emulator: Emulator, _ recorder: Recorder
  ) throws {
    let found = try waitUntil(seconds: 60) { () -> Bool? in
      try emulator.checkRunning()
      return recorder.records.contains { $0.epoch == epoch } ? true : nil
    }
    guard found == true else {
      throw DriverFailure("no reading of boot \(epoch):\n\(emulator.console.suffix(3000))")
    }
  }
}

private func cutConfiguration(_ port: Int) -> String {
  """
  device: rig
  board: rpi-3b
  network:
    address: dhcp
  uplink:
    broker: mqtt://10.0.2.2:\(port)
    retry_max: 1 s
  journal: {size: 4 MB, commit: 20 ms}
  sensors:
    boiler: {driver: tmp105, bus: i2c-1, address: 0x48, every: 50 ms, temperature: {}}

  """
}
