// Invariants:
// - as many topics have a number as the broker allows, and every message arrives at its topic;
// - a session begins without numbers, also after a connection that broke;
// - a message expires after the configured time, alarms after their own;
// - a broker that sends this client away is followed only if that is configured, and to the same
//   security; else it is said once, and not asked again soon.

import Configuration
import Drivers
import Foundation
import Journal
import Linux
import Ring
import Testing

@testable import Uplink

@Suite(.serialized) struct AliasTests {
  private func topic(_ number: Int) -> [CChar] { terminated("weir/plant7/channel-\(number)") }

  @Test func numbers() {
    var aliases = TopicAliases(maximum: 2)
    #expect(aliases.use(of: topic(1)) == .introduced(1))
    // Not under way: it is introduced again.
    #expect(aliases.use(of: topic(1)) == .introduced(1))
    aliases.noteIntroduced(topic(1))
    #expect(aliases.use(of: topic(1)) == .known(1))
    #expect(aliases.use(of: topic(2)) == .introduced(2))
    aliases.noteIntroduced(topic(2))
    #expect(aliases.use(of: topic(3)) == .whole)
    #expect(aliases.use(of: topic(2)) == .known(2))
    #expect(TopicAliases(maximum: 0).use(of: topic(1)) == .whole)
    var large = TopicAliases(maximum: .max)
    for number in 0..<TopicAliases.countMax {
      #expect(large.use(of: topic(number)) == .introduced(UInt16(number + 1)))
      large.noteIntroduced(topic(number))
    }
    #expect(large.use(of: topic(-1)) == .whole)
  }

  private func run(_ lines: [String]) throws -> (bytes: Int, sequences: [UInt64]) {
    var options = Broker.Options()
    options.lines = lines
    let broker = try Broker(options)
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let relay = try Relay(to: broker.port, seed: 1, cutCount: 0)
    var rig = try UplinkRig(relay.port)
    let isOpen = rig.turnUntilOpen()
    #expect(isOpen)
    _ = rig.turn(seconds: 0.5) { _ in false }
    let start = relay.sentByteCount
    rig.produce(1000)
    let isEmpty = rig.turnUntilEmpty(seconds: 20)
    #expect(isEmpty)
    _ = waitUntil(seconds: 5) { holes(recorder.sequences, count: 1000).isEmpty ? true : nil }
    #expect(recorder.malformed == [])
    return (relay.sentByteCount - start, recorder.sequences.map { UInt64($0) })
  }

  @Test func bytesOnTheWire() throws {
    let without = try run(["max_topic_alias 0"])
    let with = try run(["max_topic_alias 10"])
    #expect(with.sequences == Array(0..<1000) && without.sequences == Array(0..<1000))
    // The topic has 30 bytes, a number 3.
    #expect(without.bytes - with.bytes >= 26_000)
    print("bytes for 1000 readings: \(without.bytes) without aliases, \(with.bytes) with")
  }

  /// Two channels and room for one number; connections break in the middle of packets.
  @Test func brokenConnections() throws {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed \(seed)")
    var options = Broker.Options()
    options.lines = ["max_topic_alias 1"]
    let broker = try Broker(options)
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let relay = try Relay(to: broker.port, seed: seed, cutCount: 10)
    var rig = try UplinkRig(relay.port)
    let slot = rig.slot
    while relay.connectionCount <= 10 || rig.nextSequence < 400 {
      for _ in 0..<2 {
        let sequence = rig.nextSequence
        rig.append(
          Event(
            kind: .value, channel: UInt16(sequence % 2), time: Clock.boot(), sequence: sequence,
            readingSequence: sequence, value: 1))
      }
      rig.commit()
      let count = slot[.acknowledged]
      _ = rig.turn(seconds: 1) { _ in slot[.acknowledged] > count }
      if rig.nextSequence > 20_000 { break }
    }
    let isEmpty = rig.turnUntilEmpty(seconds: 20)
    #expect(isEmpty)
    let count = rig.nextSequence
    _ = waitUntil(seconds: 5) { holes(recorder.sequences, count: count).isEmpty ? true : nil }
    #expect(holes(recorder.sequences, count: count) == [])
    #expect(recorder.malformed == [])
    let names = ["boiler.temperature", "door"]
    let isInPlace = recorder.records.allSatisfy { names[Int($0.sequence % 2)] == $0.channel }
    #expect(isInPlace)
  }

  @Test func expiry() throws {
    var options = Broker.Options()
    options.isPersistent = true
    let broker = try Broker(options)
    try broker.keepForRecorder(options)
    try broker.start()
    var rig = try UplinkRig(broker.port) {
      $0.expirySeconds = 1
      $0.alarmExpirySeconds = 3600
    }
    rig.produce(3)
    rig.append(
      Event(
        kind: .alarmRaised, channel: 0, time: Clock.boot(), sequence: 3, readingSequence: 3,
        value: 90))
    rig.commit()
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    _ = rig.turn(seconds: 2.5) { _ in false }
    let late = try Recorder(port: broker.port, client: "recorder")
    _ = waitUntil(seconds: 5) { late.sequences.isEmpty ? nil : true }
    #expect(late.sequences == [3], "the broker keeps the alarm, and nothing else")
  }

  /// A CONNACK that sends the client away.
  private func redirector(_ code: UInt8, to reference: String) throws -> Listener {
    let text = Array(reference.utf8)
    let properties: [UInt8] = [0x1C, 0, UInt8(text.count)] + text
    let body: [UInt8] = [0, code, UInt8(properties.count)] + properties
    let packet: [UInt8] = [0x20, UInt8(body.count)] + body
    return try Listener { connection in
      _ = receive(connection)
      transmit(connection, packet)
      _ = receive(connection)
    }
  }

  @Test(arguments: [0x9C, 0x9D] as [UInt8]) func movesAreFollowed(_ code: UInt8) throws {
    let broker = try Broker()
    try broker.start()
    let listener = try redirector(code, to: "127.0.0.1:\(broker.port)")
    var rig = try UplinkRig(listener.port) { $0.followsMoves = true }
    rig.produce(5)
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    #expect(rig.uplink.namedFault == nil)
    #expect(rig.uplink.sessionSettings.port == UInt16(broker.port))
    // When that one goes, the configured one is asked again.
    try broker.stop()
    let isBack = rig.turn(seconds: 5) { $0.sessionSettings.port == UInt16(listener.port) }
    #expect(isBack)
    try broker.start()
    rig.produce(5)
    let isEmptyAgain = rig.turnUntilEmpty(seconds: 15)
    #expect(isEmptyAgain)
  }

  @Test func movesAreSaid() throws {
    let broker = try Broker()
    try broker.start()
    let reference = "127.0.0.1:\(broker.port)"
    let listener = try redirector(0x9D, to: reference)
    var rig = try UplinkRig(listener.port)
    let isNamed = rig.turnUntil(.moved(isForGood: true, to: reference))
    #expect(isNamed)
    let count = rig.slot[.connectFailures]
    _ = rig.turn(seconds: 2) { _ in false }
    #expect(rig.uplink.namedFaultCount == 1)
    // Half of retry_max, 1 s here, is the shortest pause.
    #expect(rig.slot[.connectFailures] - count <= 4)
    #expect(rig.slot[.connects] == 0)
    // Over too many places, and to where TLS would begin.
    var chain = [try redirector(0x9C, to: reference)]
    for _ in 0..<Uplink.moveCountMax {
      chain.append(try redirector(0x9C, to: "127.0.0.1:\(chain[chain.count - 1].port)"))
    }
    for first in [chain[chain.count - 1], try redirector(0x9D, to: "mqtts://127.0.0.1:8883")] {
      var other = try UplinkRig(first.port) { $0.followsMoves = true }
      let isSaid = other.turn(seconds: 5) { $0.namedFault != nil }
      #expect(isSaid)
      #expect(other.slot[.connects] == 0)
    }
  }

  @Test func serverReferences() {
    func place(_ text: String, _ usesTLS: Bool = false) -> String? {
      Uplink.place(in: text, usesTLS: usesTLS).map { "\($0.host):\($0.port)" }
    }
    #expect(place("broker.example") == "broker.example:1883")
    #expect(place("broker.example", true) == "broker.example:8883")
    #expect(place("b.example:99 c.example") == "b.example:99")
    #expect(place("[2001:db8::1]:99") == "2001:db8::1:99")
    #expect(place("mqtt://b.example", true) == nil)
    #expect(place("mqtts://b.example") == nil)
    #expect(place("") == nil && place("a b/c u@h") == "a:1883" && place("\u{1}") == nil)
  }
}
