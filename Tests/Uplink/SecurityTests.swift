// Invariants, against a real Mosquitto with TLS:
// - a session opens only with a certificate that is valid now, for the broker's name, and signed by
//   the configured authority;
// - each fault of a certificate is told from the others and named once, and its repair is noticed;
// - a client certificate is sent when one is configured.

import Configuration
import Drivers
import Linux
import Testing

@testable import Uplink

@Suite(.serialized) struct SecurityTests {
  func broker(
    _ certificates: Certificates, _ files: (certificate: String, key: String),
    _ lines: [String] = []
  ) throws -> Broker {
    var options = Broker.Options()
    options.lines =
      [
        "cafile \(certificates.authority)", "certfile \(files.certificate)",
        "keyfile \(files.key)",
      ] + lines
    let broker = try Broker(options)
    try broker.start()
    return broker
  }

  func rig(
    _ broker: Broker, authority: String, _ change: (inout UplinkSettings) -> Void = { _ in }
  ) throws -> UplinkRig {
    try UplinkRig(broker.port) {
      $0.usesTLS = true
      $0.caFile = authority
      change(&$0)
    }
  }

  func expect(
    _ fault: UplinkFault, _ broker: Broker, authority: String,
    isVagueAtFirst: Bool = false, _ change: (inout UplinkSettings) -> Void = { _ in }
  ) throws {
    var rig = try rig(broker, authority: authority, change)
    let isNamed = rig.turnUntil(fault)
    let named = String(describing: rig.uplink.namedFault)
    #expect(isNamed, "\(named) instead of \(fault)")
    let slot = rig.slot
    let hasTriedAgain = rig.turn(seconds: 10) { _ in slot[.connectFailures] >= 4 }
    #expect(hasTriedAgain)
    // One that was seen only vaguely at first is named again when it is seen.
    #expect(rig.uplink.namedFaultCount <= (isVagueAtFirst ? 2 : 1))
    #expect(slot[.connects] == 0)
  }

  @Test(arguments: [MQTTVersion.v5, .v311])
  func publishes(_ version: MQTTVersion) throws {
    let certificates = try Certificates()
    let broker = try broker(certificates, certificates.make())
    var rig = try rig(broker, authority: certificates.authority) { $0.version = version }
    rig.produce(500)
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    #expect(rig.slot[.acknowledged] == 500)
    #expect(rig.slot[.connectFailures] == 0)
    let seconds = rig.stop()
    #expect(seconds < 2)
  }

  @Test func badCertificates() throws {
    let certificates = try Certificates()
    let good = try certificates.make()
    let valid = try broker(certificates, good)
    let other = try Certificates()
    try expect(.certificateUnknownAuthority, valid, authority: other.authority)
    try expect(.caFileUnusable, valid, authority: "/no/such/file")
    try expect(.caFileUnusable, valid, authority: certificates.folder.file("openssl.conf"))
    // The system's authorities did not sign it either.
    try expect(.certificateUnknownAuthority, valid, authority: "")
    let expired = try broker(certificates, certificates.make(to: "20200102000000Z"))
    try expect(.certificateExpired, expired, authority: certificates.authority)
    let future = try broker(certificates, certificates.make(from: "20490101000000Z"))
    try expect(.certificateNotYetValid, future, authority: certificates.authority)
    let stranger = try broker(certificates, certificates.make(host: "DNS:other.example"))
    try expect(.certificateWrongHost, stranger, authority: certificates.authority)
  }

  @Test func clientCertificates() throws {
    let certificates = try Certificates()
    let server = try certificates.make()
    let client = try certificates.make(host: "DNS:plant7")
    let other = try Certificates().make()
    let broker = try broker(certificates, server, ["require_certificate true"])
    try expect(
      .clientCertificateRefused(alert: 116), broker, authority: certificates.authority,
      isVagueAtFirst: true)
    try expect(.certificateFileUnusable, broker, authority: certificates.authority) {
      $0.certificateFile = "/no/such/file"
      $0.keyFile = client.key
    }
    try expect(.keyFileUnusable, broker, authority: certificates.authority) {
      $0.certificateFile = client.certificate
      $0.keyFile = other.key
    }
    var rig = try rig(broker, authority: certificates.authority) {
      $0.certificateFile = client.certificate
      $0.keyFile = client.key
    }
    let isOpen = rig.turnUntilOpen()
    #expect(isOpen)
  }

  @Test func wrongPorts() throws {
    let certificates = try Certificates()
    let plain = try Broker()
    try plain.start()
    // Mosquitto closes a connection whose first bytes are no CONNECT.
    try expect(.closedBeforeAnswer, plain, authority: certificates.authority)
    let talker = try Listener { connection in
      _ = receive(connection)
      transmit(connection, Array("220 mail.example ESMTP\r\n".utf8))
      _ = receive(connection)
    }
    var rig = try UplinkRig(talker.port) {
      $0.usesTLS = true
      $0.caFile = certificates.authority
    }
    let isNamed = rig.turnUntil(.notTLS)
    #expect(isNamed)
    let secure = try broker(certificates, certificates.make())
    var other = try UplinkRig(secure.port)
    let isClosed = other.turn(seconds: 10) { $0.namedFault != nil }
    #expect(isClosed)
    #expect(
      other.uplink.namedFault == .speaksTLS || other.uplink.namedFault == .closedBeforeAnswer)
  }

  @Test func repairedCertificateIsNoticed() throws {
    let certificates = try Certificates()
    let good = try certificates.make()
    let bad = try certificates.make(to: "20200102000000Z")
    let broker = try broker(certificates, bad)
    var rig = try rig(broker, authority: certificates.authority)
    rig.produce(20)
    let isNamed = rig.turnUntil(.certificateExpired)
    #expect(isNamed)
    try broker.stop()
    try replace(bad.certificate, with: good.certificate)
    try replace(bad.key, with: good.key)
    try broker.start()
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
  }

  private func replace(_ path: String, with source: String) throws {
    try replaceFile(path, with: try readFile(source))
  }
}
