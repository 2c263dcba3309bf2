// Invariants, against a real Mosquitto:
// - every event that was in the ring arrives, however often the broker goes away;
// - the ring's tail moves only over what the broker acknowledged;
// - birth is retained while the session is open, and the will or "offline" after it;
// - a fault is named once, and the uplink comes back without help.

import Configuration
import Drivers
import Foundation
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
    _ = try recorder.wait("100 events", seconds: 5) { $0.count > 100 ? true : nil }
    #expect(recorder.sequences == Array(0..<100))
    #expect(recorder.malformed == [])
    let event = try #require(subscriber.messages.first { $0.topic != "weir/plant7/status" })
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
}
