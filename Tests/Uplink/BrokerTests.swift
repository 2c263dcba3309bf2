// Invariants, against a real Mosquitto:
// - every event that was in the journal arrives, however often the broker goes away;
// - the mark moves only over what the broker acknowledged;
// - birth is retained while the session is open, and the will or "offline" after it;
// - a fault is named once, and the uplink comes back without help.

import Configuration
import Drivers
import Foundation
import Journal
import Linux
import Ring
import Testing

@testable import Uplink

@Suite(.serialized) struct BrokerTests {
  @Test(arguments: [MQTTVersion.v5, .v311]) func publishes(_ version: MQTTVersion) throws {
    let broker = try Broker()
    try broker.start()
    let subscriber = try Subscriber(broker)
    let recorder = try Recorder(port: broker.port)
    var rig = try UplinkRig(broker.port) { $0.version = version }
    rig.produce(100)
    let isOpen = rig.turnUntilOpen()
    #expect(isOpen)
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    _ = try recorder.wait("100 events", seconds: 5) {
      $0.count { $0.record != nil } >= 100 ? true : nil
    }
    #expect(recorder.sequences == Array(0..<100))
    #expect(recorder.malformed == [])
    let event = try #require(
      waitUntil(seconds: 5) {
        subscriber.messages.first { $0.topic != "weir/plant7/status" }
      })
    #expect(event.topic == "weir/plant7/boiler.temperature")
    #expect(!event.isRetained)
    if version == .v5 {
      #expect(event.contentType == "application/senml+json")
      #expect(event.properties.contains("device:plant7"))
      #expect(event.properties.contains("epoch:3"))
      #expect(event.properties.contains("seq:0"))
    }
    #expect(rig.slot[.connects] == 1)
    #expect(rig.slot[.published] == 100)
    #expect(rig.slot[.acknowledged] == 100)
    let seconds = rig.stop()
    #expect(seconds < 2)
  }

  @Test func birthAndWill() throws {
    let broker = try Broker()
    try broker.start()
    let online = #"{"status":"online","device":"plant7","epoch":3,"version":"test"}"#
    let offline = online.replacing("online", with: "offline")
    do {
      var rig = try UplinkRig(broker.port)
      let isOpen = rig.turnUntilOpen()
      #expect(isOpen)
      _ = rig.turn(seconds: 1) { _ in broker.log.contains("Sending PUBACK to uplink-test") }
      // Who comes later still learns it: it is retained.
      #expect(try retained(broker) == online)
      // The rig goes without DISCONNECT, as a process that was killed.
    }
    #expect(try retained(broker, is: offline))
    var rig = try UplinkRig(broker.port)
    let isOpen = rig.turnUntilOpen()
    #expect(isOpen)
    #expect(try retained(broker, is: online))
    let seconds = rig.stop()
    #expect(seconds < 2)
    #expect(try retained(broker, is: offline))
    #expect(broker.log.contains("Received DISCONNECT from uplink-test"))
  }

  /// The retained status.
  func retained(_ broker: Broker) throws -> String? {
    let subscriber = try Subscriber(broker)
    let message = waitUntil(seconds: 2) {
      subscriber.messages.first { $0.topic == "weir/plant7/status" && $0.isRetained }
    }
    return message?.payload
  }

  func retained(_ broker: Broker, is expected: String) throws -> Bool {
    try waitUntil(seconds: 5) { try retained(broker) == expected ? true : nil } != nil
  }

  @Test func brokerThatComesLater() throws {
    let broker = try Broker()
    var rig = try UplinkRig(broker.port)
    rig.produce(50)
    let isNamed = rig.turnUntil(.network(.refused))
    #expect(isNamed)
    let slot = rig.slot
    let hasTriedOften = rig.turn(seconds: 10) { _ in slot[.connectFailures] >= 5 }
    #expect(hasTriedOften)
    #expect(rig.uplink.namedFaultCount == 1)
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    let isOpen = rig.turnUntilOpen()
    #expect(isOpen)
    let isRecovered = rig.turn(seconds: 4) { $0.namedFault == nil }
    #expect(isRecovered)
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    _ = try recorder.wait("50 events", seconds: 5) { $0.count > 50 ? true : nil }
    #expect(holes(recorder.sequences, count: 50) == [])
  }

  @Test func brokerRestartsFiveTimes() throws {
    var options = Broker.Options()
    options.isPersistent = true
    let broker = try Broker(options)
    try broker.start()
    let recorder = try Recorder(port: broker.port, client: "recorder")
    var rig = try UplinkRig(broker.port)
    let total: UInt64 = 5000
    let slot = rig.slot
    let marks = rig.context.journal.memoryMarks
    for restart in 1...6 {
      while rig.nextSequence < total * UInt64(restart) / 6 {
        rig.produce(10)
        let mark = rig.acknowledgedCount
        // Half of them are on their way when the broker goes.
        _ = rig.turn(seconds: 5) { _ in marks.acknowledged[.telemetry]?.ordinal != mark }
      }
      rig.produce(200)
      if restart == 6 { break }
      let connectCount = slot[.connects]
      try broker.stop()
      let hasNoticed = rig.turn(seconds: 5) { $0.phase != .open }
      #expect(hasNoticed)
      try broker.start()
      let isBack = rig.turn(seconds: 10) { _ in slot[.connects] > connectCount }
      #expect(isBack)
    }
    let count = rig.nextSequence
    let isEmpty = rig.turnUntilEmpty(seconds: 20)
    #expect(isEmpty)
    #expect(count >= total)
    let all = waitUntil(seconds: 20) {
      holes(recorder.sequences, count: count).isEmpty ? true : nil
    }
    #expect(all != nil, "missing: \(holes(recorder.sequences, count: count).prefix(20))")
    #expect(slot[.connects] == 6)
    print("events \(count), received \(recorder.sequences.count), published \(slot[.published])")
  }

  @Test func brokerThatStandsStill() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    var rig = try UplinkRig(broker.port)
    rig.produce(10)
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    broker.pause()
    rig.produce(10)
    let isNamed = rig.turnUntil(.acknowledgementTimeout)
    #expect(isNamed)
    // Now TCP still connects, and nobody answers.
    let isSilent = rig.turnUntil(.silent)
    #expect(isSilent)
    broker.resume()
    let isEmptyAgain = rig.turnUntilEmpty(seconds: 20)
    #expect(isEmptyAgain)
    _ = waitUntil(seconds: 5) { holes(recorder.sequences, count: 20).isEmpty ? true : nil }
    #expect(holes(recorder.sequences, count: 20) == [])
  }

  @Test func keepAliveWithoutTraffic() throws {
    let broker = try Broker()
    try broker.start()
    var rig = try UplinkRig(broker.port)
    let isOpen = rig.turnUntilOpen()
    #expect(isOpen)
    // Twice the keep-alive time of 5 s: pings hold the session.
    let isLost = rig.turn(seconds: 11) { $0.phase != .open }
    #expect(!isLost)
    broker.pause()
    let isNamed = rig.turnUntil(.keepAlive, seconds: 15)
    #expect(isNamed)
    broker.resume()
  }

  @Test(arguments: [(MQTTVersion.v5, 135), (.v311, 5)] as [(MQTTVersion, UInt8)])
  func passwords(_ version: MQTTVersion, _ code: UInt8) throws {
    var options = Broker.Options()
    options.user = ("plant", "right")
    let broker = try Broker(options)
    try broker.start()
    var rig = try UplinkRig(broker.port) {
      $0.version = version
      $0.user = "plant"
      $0.password = "wrong"
    }
    let isNamed = rig.turnUntil(.refused(code: code))
    #expect(isNamed)
    let slot = rig.slot
    let hasTriedAgain = rig.turn(seconds: 10) { _ in slot[.connectFailures] >= 3 }
    #expect(hasTriedAgain)
    #expect(rig.uplink.namedFaultCount == 1)
    var other = try UplinkRig(broker.port) {
      $0.version = version
      $0.user = "plant"
      $0.password = "right"
    }
    let isOpen = other.turnUntilOpen()
    #expect(isOpen)
  }

  @Test func refusedMessagesAreKept() throws {
    let folder = try Folder()
    let list = try folder.write("topic write weir/plant7/status\n", to: "access")
    var options = Broker.Options()
    // Without room for queued messages Mosquitto drops a client whose message it denies.
    options.lines = ["acl_file \(list)", "max_queued_messages 1000"]
    let broker = try Broker(options)
    try broker.start()
    var rig = try UplinkRig(broker.port)
    rig.produce(40)
    let isRefused = rig.turn(seconds: 10) { $0.namedRefusal == 0x87 }
    #expect(isRefused, "\(broker.log.suffix(3000))")
    _ = rig.turn(seconds: 2) { _ in false }
    let count = rig.acknowledgedCount
    #expect(count == 0)
    #expect(rig.slot[.acknowledged] == 0)
    try folder.write("topic readwrite #\n", to: "access")
    broker.reload()
    let recorder = try Recorder(port: broker.port)
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    #expect(rig.uplink.namedRefusal == 0)
    _ = waitUntil(seconds: 5) { holes(recorder.sequences, count: 40).isEmpty ? true : nil }
    #expect(holes(recorder.sequences, count: 40) == [])
  }

  @Test func messagesThatTheBrokerCannotTakeAreCounted() throws {
    var options = Broker.Options()
    options.lines = ["max_packet_size 200"]
    let broker = try Broker(options)
    try broker.start()
    var rig = try UplinkRig(broker.port)
    rig.produce(10)
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    #expect(rig.slot[.eventsDropped] == 10)
    #expect(rig.slot[.acknowledged] == 0)
    #expect(rig.uplink.phase == .open)
  }

  @Test func noBrokerConfigured() throws {
    var rig = try UplinkRig(1) { $0.host = "" }
    rig.produce(5)
    let slot = rig.slot
    _ = rig.turn(seconds: 1.5) { _ in false }
    #expect(slot[.connectFailures] == 0)
    #expect(slot.beatTime > 0)
    let seconds = rig.stop()
    #expect(seconds < 1.5)
  }
}
