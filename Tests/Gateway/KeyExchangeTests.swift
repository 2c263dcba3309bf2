// Invariants checked, of the static binary with the OpenSSL it carries:
// - with a broker that offers it the key exchange is the hybrid X25519MLKEM768
//   (draft-ietf-tls-ecdhe-mlkem), after a reconnection too, and the log says so, once;
// - a broker that knows only older groups is served with one of those;
// - what was measured arrives.

import Drivers
import Foundation
import Testing

@Suite(
  .serialized, .timeLimit(.minutes(4)),
  .enabled(if: Broker.hasModern && Gateway.isStatic, "cross/test makes both"))
struct KeyExchangeTests {
  @Test(arguments: [true, false])
  func theBestThatBothKnow(isModern: Bool) throws {
    var options = Broker.Options()
    options.authority = try Authority()
    options.isModern = isModern
    options.isPersistent = true
    let broker = try Broker(options)
    try broker.start()
    let recorder = try Recorder(
      port: broker.port, client: "recorder", authority: options.authority)
    let gateway = try Gateway(
      configuration(
        port: broker.port, uplink: "  ca: \(options.authority?.certificatePath ?? "")\n"
      ).replacingOccurrences(of: "mqtt://", with: "mqtts://"))
    for round in 1...2 {
      let start = secondsNow()
      try recorder.wait("a reading of round \(round)", seconds: 30, after: start) {
        $0.channel == "boiler.temperature"
      }
      guard round == 1 else { break }
      try broker.stop()
      try broker.start()
      try recorder.waitForSubscription(seconds: 20)
    }
    #expect(try gateway.stop() == .exited(0))
    let line = try #require(gateway.log.split(separator: "\n").first { $0.contains("TLS with") })
    // Debian 12's OpenSSL has no other hybrid; Debian 13's has the same as the newer broker.
    let group = try #require(line.split(separator: " ").last)
    let older = ["x25519", "X25519MLKEM768"]
    #expect(isModern ? group == "X25519MLKEM768" : older.contains(String(group)), "\(line)")
    #expect(line.contains("TLSv1.3"), "\(line)")
    let lines = gateway.log.components(separatedBy: "TLS with").count - 1
    #expect(lines == 1, "another key exchange after the reconnection:\n\(gateway.log)")
    #expect(Account(recorder.records, channels: sampledChannels).faults == [])
  }
}
