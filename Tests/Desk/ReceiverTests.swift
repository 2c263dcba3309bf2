// Invariants checked, with a real broker:
// - what is published arrives once, unchanged, over plain TCP and TLS, with and without a user;
// - a receiver waits for a broker that is not there, and returns to one that was gone;
// - what cannot work is named: a refused password, a certificate of somebody else's CA.

import Drivers
import Foundation
import Testing

@testable import Desk

@Suite(.timeLimit(.minutes(2))) struct ReceiverTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  private func publish(_ value: Int, port: Int, options: [String] = []) throws {
    let text = #"[{"bn":"p/","n":"a","v":\#(value),"epoch":0,"seq":\#(value)}]"#
    let ending = try run(
      "mosquitto_pub",
      ["-h", "127.0.0.1", "-p", "\(port)", "-q", "1", "-t", "weir/p/a", "-m", text] + options,
      in: folder)
    #expect(ending == .exited(0))
  }

  @Test func plainMessagesArrive() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    for value in 0..<3 { try publish(value, port: broker.port) }
    try recorder.wait("value 2", seconds: 5) { $0.content == .value(2) }
    #expect(recorder.records.map(\.sequence) == [0, 1, 2])
    try run(
      "mosquitto_pub", ["-p", "\(broker.port)", "-t", "weir/x", "-m", "garbage"], in: folder)
    #expect(waitUntil(seconds: 5) { recorder.malformed.first } == "weir/x: not JSON: garbage")
  }

  @Test func encryptedMessagesArriveAndStrangersAreRefused() throws {
    let authority = try Authority()
    var options = Broker.Options()
    options.authority = authority
    options.user = (name: "plant", password: "secret")
    let broker = try Broker(options)
    try broker.start()
    let recorder = try Recorder(port: broker.port, authority: authority, user: options.user)
    try publish(
      7, port: broker.port,
      options: ["--cafile", authority.certificatePath, "-u", "plant", "-P", "secret"])
    try recorder.wait("value 7", seconds: 5) { $0.content == .value(7) }

    #expect(
      try failure(port: broker.port, authority: authority, password: "wrong").contains("authoris"))
    let stranger = try failure(port: broker.port, authority: try Authority(), password: "secret")
    // Where a test of the uplink came first, this process has no texts of OpenSSL's errors:
    // SSL_R_CERTIFICATE_VERIFY_FAILED is 134 (openssl/sslerr.h).
    #expect(
      stranger.contains("certificate verify failed") || stranger.contains("error:0A000086:"))
  }

  /// Why a receiver with these settings is not connected.
  private func failure(port: Int, authority: Authority, password: String) throws -> String {
    var settings = BrokerSettings()
    settings.port = port
    settings.authority = authority.certificatePath
    settings.user = "plant"
    settings.password = password
    let receiver = try Receiver(settings) { _, _ in }
    let reason = waitUntil(seconds: 10) { () -> String? in
      receiver.step(timeoutMilliseconds: 50)
      if case .disconnected(let reason) = receiver.state { return reason }
      return nil
    }
    return try #require(reason)
  }

  @Test func aBrokerMayComeLateAndGoAndComeBack() throws {
    var options = Broker.Options()
    options.isPersistent = true
    let broker = try Broker(options)
    var settings = BrokerSettings()
    settings.port = broker.port
    var received = 0
    let receiver = try Receiver(settings) { _, _ in received += 1 }
    func step(until state: ConnectionState) -> Bool? {
      waitUntil(seconds: 10) {
        receiver.step(timeoutMilliseconds: 50)
        return receiver.state == state ? true : nil
      }
    }
    #expect(step(until: .disconnected("Connection refused")) == true)
    try broker.start()
    #expect(step(until: .subscribed) == true)
    try broker.stop(signal: SIGKILL)
    #expect(
      waitUntil(seconds: 10) {
        receiver.step(timeoutMilliseconds: 50)
        return receiver.state == .subscribed ? nil : true
      } == true)
    try broker.start()
    #expect(step(until: .subscribed) == true)
    #expect(receiver.connectionCount == 2)
    try publish(1, port: broker.port)
    #expect(
      waitUntil(seconds: 5) {
        receiver.step(timeoutMilliseconds: 50)
        return received == 1 ? true : nil
      } == true)
  }

  @Test func settingsThatCannotWorkAreRefused() {
    var settings = BrokerSettings()
    settings.authority = "/nonexistent"
    #expect(throws: ReceiverFailure.self) { _ = try Receiver(settings) { _, _ in } }
  }
}
