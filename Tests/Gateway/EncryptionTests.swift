// Invariants checked, of a gateway whose journal is encrypted at rest, with the real broker:
// - what is measured arrives, also what was sealed while the broker was away; nothing of it can be
//   read in the file without the key;
// - the tasks work within their rights, and only the two that need the keys have their page;
// - after a change of keys what the old one has sealed is delivered too;
// - with a wrong key, without one, and with an error in the configuration, the gateway runs on with
//   a journal in memory, says so, and no byte of the file changes;
// - a key is taken from a credential of systemd;
// - `weir journal` makes a key, and needs it.

import Drivers
import Foundation
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct EncryptionTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  private func makeKey(_ name: String) throws -> String {
    let path = folder.file(name)
    let made = try weir(["journal", "key", path])
    #expect(made.ending == .exited(0) && made.output.contains("the new key"), "\(made.output)")
    return path
  }

  private func configuration(_ port: Int, _ encryption: String) -> String {
    """
    device: desk
    board: simulated
    uplink: {broker: "mqtt://127.0.0.1:\(port)", retry_max: 1 s}
    journal: {size: 1 MB, commit: 50 ms, encryption: \(encryption)}
    sensors:
      boiler: {driver: tmp105, bus: i2c-sim, address: 0x48, every: 20 ms, temperature: {}}
    """
  }

  private func content(_ gateway: Gateway) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: gateway.statePath + "/journal/log"))
  }

  /// A gateway without a broker, which has sealed at least a hundred events.
  private func sealed(_ port: Int, _ key: String) throws -> Gateway {
    let gateway = try Gateway(configuration(port, "{key: \(key)}"))
    let log = gateway.statePath + "/journal/log"
    try waitForDump(log, key)
    #expect(try gateway.stop() == .exited(0))
    return gateway
  }

  private func waitForDump(_ log: String, _ key: String) throws {
    let count = waitUntil(seconds: 20) { () -> Int? in
      guard let dump = try? weir(["journal", "dump", log, "--key", key]) else { return nil }
      let count = dump.output.split(separator: "\n").count
      return count > 100 ? count : nil
    }
    #expect(count != nil)
  }

  @Test func whatIsSealedArrivesAlsoAfterAChangeOfKeys() throws {
    let first = try makeKey("first.key")
    let second = try makeKey("second.key")
    let broker = try Broker()
    let gateway = try sealed(broker.port, first)
    let log = gateway.statePath + "/journal/log"
    for action in ["list", "dump", "verify", "stat"] {
      let refused = try weir(["journal", action, log])
      #expect(refused.ending == .exited(1), "\(refused.output)")
      #expect(refused.output.contains("is sealed with the key "), "\(refused.output)")
      #expect(try weir(["journal", action, log, "--key", second]).ending == .exited(1))
      #expect(try weir(["journal", action, log, "--key", first]).ending == .exited(0))
    }
    #expect(try weir(["journal", "key", first]).ending == .exited(1))

    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let next = try Gateway(
      configuration(broker.port, "{key: \(second), old_keys: [\(first)]}"),
      state: gateway.statePath)
    try recorder.wait("the first boot", seconds: 20) { $0.epoch == 1 && $0.sequence > 90 }
    try recorder.wait("the second boot", seconds: 20) { $0.epoch == 2 && $0.sequence > 50 }
    #expect(next.health(wait: 10).ending == .exited(0), "\(next.health().output)")
    try onlyTwoHaveTheKeys(next)
    #expect(try next.stop() == .exited(0))
    #expect(!next.log.contains("tried what it may not do"), "\(next.log)")
    #expect(Account(recorder.records, channels: ["boiler.temperature"]).faults == [])
    let verified = try weir(["journal", "verify", log, "--key", second, "--key", first])
    #expect(verified.output.contains(" sealed"), "\(verified.output)")
  }

  /// The page with the keys is the one of the process's own memory that is in no core dump (`dd`);
  /// the kernel's own pages, which are not either, are no such memory (`ac`).
  private func onlyTwoHaveTheKeys(_ gateway: Gateway) throws {
    for (process, name) in gateway.tasks() {
      let file = try #require(FileHandle(forReadingAtPath: "/proc/\(process)/smaps"))
      let maps = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
      let hasKeys = maps.split(separator: "\n").contains {
        $0.hasPrefix("VmFlags:") && $0.contains(" ac dd")
      }
      #expect(hasKeys == ["weir:journal", "weir:uplink"].contains(name), "\(name)")
    }
  }

  @Test func whatHasNoKeyIsLeftAlone() throws {
    let key = try makeKey("right.key")
    let other = try makeKey("other.key")
    let open = try makeKey("open.key")
    try setMode(0o644, open)
    let broker = try Broker()
    let gateway = try sealed(broker.port, key)
    let before = try content(gateway)
    try broker.start()
    let cases: [(encryption: String, says: String)] = [
      ("{key: \(other)}", "is sealed with the key "),
      ("{key: \(folder.file("none"))}", "No such file"),
      ("{key: \(open)}", "chmod 600"), ("{kex: \(key)}", "journal.encryption has errors"),
      ("{key: credential:weir}", "systemd has given none"),
    ]
    for (index, (encryption, says)) in cases.enumerated() {
      let recorder = try Recorder(port: broker.port)
      let next = try Gateway(
        configuration(broker.port, encryption), state: gateway.statePath)
      try recorder.wait("readings", seconds: 20) {
        $0.epoch == UInt64(index + 2) && $0.sequence > 20
      }
      #expect(next.log.contains(says), "\(encryption): \(next.log)")
      let health = next.health()
      #expect(health.ending == .exited(1), "\(encryption): \(health.output)")
      // The one that finds it out by reading the file has died of it.
      let hasDied = says.contains("sealed")
      #expect(hasDied || health.output.contains("journal in memory only"), "\(health.output)")
      #expect(next.healthRow("journal")?.state == "degraded", "\(encryption): \(health.output)")
      #expect(try next.stop() == .exited(0))
      #expect(try content(gateway) == before, "\(encryption)")
      #expect(Account(recorder.records, channels: ["boiler.temperature"]).faults == [])
    }
    let last = try Recorder(port: broker.port)
    let right = try Gateway(
      configuration(broker.port, "{key: credential:weir}"),
      environment: ["CREDENTIALS_DIRECTORY": try credentials(key)], state: gateway.statePath)
    try last.wait("what was sealed", seconds: 20) { $0.epoch == 1 && $0.sequence > 90 }
    #expect(right.health(wait: 10).ending == .exited(0), "\(right.log)")
    #expect(try right.stop() == .exited(0))
  }

  private func setMode(_ mode: Int, _ path: String) throws {
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
  }

  /// A folder as systemd makes it; the group's right is what an ACL looks like.
  private func credentials(_ key: String) throws -> String {
    let path = folder.file("credentials")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: key, toPath: path + "/weir")
    try setMode(0o440, path + "/weir")
    return path
  }
}
