// Invariants, against peers that are no brokers, and connections that break:
// - each cause is told from the others, named once, and the attempts go on;
// - nothing that a peer sends can stop the uplink, or make it take memory;
// - a connection that ends in the middle of a packet costs nothing but sending again.

import Drivers
import Foundation
import Journal
import Linux
import Ring
import Testing

@testable import Uplink

@Suite(.serialized) struct FaultTests {
  /// What a peer does to whoever connects.
  enum Peer: CaseIterable {
    case silent, closes, http, randomBytes, lengthBomb, tlsAlert, tlsHello, oldVersion, banned
    case halfConnack

    var answer: [UInt8]? {
      switch self {
      case .silent: nil
      case .closes: []
      case .http: Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)
      case .randomBytes: [0xF3, 0x91, 0x00, 0x17, 0x55]
      case .lengthBomb: [0x20, 0xFF, 0xFF, 0xFF, 0x7F]
      case .tlsAlert: [0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]
      case .tlsHello: [0x16, 0x03, 0x03, 0x00, 0x7A]
      case .oldVersion: [0x20, 0x02, 0x00, 0x01]
      case .banned: [0x20, 0x03, 0x00, 0x8A, 0x00]
      case .halfConnack: [0x20, 0x03, 0x00]
      }
    }

    var fault: UplinkFault {
      switch self {
      case .silent: .silent
      case .closes, .halfConnack: .closedBeforeAnswer
      case .http, .randomBytes, .lengthBomb: .notMQTT
      case .tlsAlert, .tlsHello: .speaksTLS
      case .oldVersion: .refused(code: 1)
      case .banned: .refused(code: 138)
      }
    }
  }

  @Test(arguments: Peer.allCases) func peersThatAreNoBrokers(_ peer: Peer) throws {
    let answer = peer.answer
    let listener = try Listener { connection in
      guard let answer else {
        while !receive(connection).isEmpty {}
        return
      }
      if !answer.isEmpty { _ = receive(connection) }
      transmit(connection, answer)
    }
    var rig = try UplinkRig(listener.port)
    let isNamed = rig.turnUntil(peer.fault)
    #expect(isNamed, "\(String(describing: rig.uplink.namedFault))")
    let slot = rig.slot
    let count = slot[.connectFailures]
    let hasTriedAgain = rig.turn(seconds: 10) { _ in slot[.connectFailures] > count + 1 }
    #expect(hasTriedAgain)
    #expect(rig.uplink.namedFaultCount == 1)
  }

  @Test func nameThatDoesNotExist() throws {
    var rig = try UplinkRig(1883) { $0.host = "no-such-broker.invalid" }
    let slot = rig.slot
    let hasFailed = rig.turn(seconds: 30) { _ in slot[.connectFailures] >= 1 }
    #expect(hasFailed)
    switch rig.uplink.namedFault {
    case .nameUnknown?, .nameServerSilent?: break
    default: Issue.record("\(String(describing: rig.uplink.namedFault))")
    }
  }

  @Test func everyFaultHasItsText() {
    let faults: [UplinkFault] = [
      .nameUnknown, .nameServerSilent(NameError(-3)), .network(.refused), .network(.timedOut),
      .connectTimeout, .silent, .notMQTT, .speaksTLS, .notTLS, .closedBeforeAnswer,
      .certificateExpired, .certificateNotYetValid, .certificateUnknownAuthority,
      .certificateWrongHost, .certificateInvalid(7), .clientCertificateRefused(alert: 116),
      .handshakeFailed(reason: 1), .caFileUnusable, .certificateFileUnusable, .keyFileUnusable,
      .qosUnsupported, .dropped, .keepAlive, .acknowledgementTimeout, .protocolViolation,
      .moved(isForGood: true, to: "h"), .moved(isForGood: false, to: ""), .outOfMemory,
      .library(20),
    ]
    var texts: Set<String> = []
    for fault in faults { texts.insert(fault.text("host:1883")) }
    for code in UInt8.min...UInt8.max {
      texts.insert(UplinkFault.refused(code: code).text("host:1883"))
      texts.insert(UplinkFault.sentAway(code: code).text("host:1883"))
    }
    #expect(texts.count >= faults.count + 256)
    for text in texts { #expect(!text.contains("\n")) }
  }

  @Test func connectionsThatBreakInTheMiddleOfAPacket() throws {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed \(seed)")
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let relay = try Relay(to: broker.port, seed: seed, cutCount: 30)
    var rig = try UplinkRig(relay.port)
    let slot = rig.slot
    let total: UInt64 = 600
    let marks = rig.context.journal.memoryMarks
    let deadline = Date().addingTimeInterval(60)
    while Date() < deadline, relay.connectionCount <= 30 || rig.nextSequence < total {
      rig.produce(5)
      let mark = rig.acknowledgedCount
      _ = rig.turn(seconds: 1) { _ in marks.acknowledged[.telemetry]?.ordinal != mark }
    }
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    #expect(relay.connectionCount > 30)
    let count = rig.nextSequence
    _ = waitUntil(seconds: 5) { holes(recorder.sequences, count: count).isEmpty ? true : nil }
    #expect(holes(recorder.sequences, count: count) == [])
    #expect(recorder.malformed == [])
    print(
      "\(count) events over \(relay.connectionCount) connections, \(slot[.published]) published")
  }
}
