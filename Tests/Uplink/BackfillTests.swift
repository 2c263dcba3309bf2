// Invariants, with a real Mosquitto that comes late:
// - after an outage what happens now comes first, marked as present; what happened meanwhile comes
//   behind it, oldest first, marked as historical, and nothing is missing;
// - that holds over the death of the uplink in the middle, and over another outage;
// - older events keep to their rate; present ones don't;
// - what had to make room in the journal is told, with its exact count and range;
// - several events in a message arrive as if each had its own.

import Drivers
import Foundation
import Journal
import Linux
import Ring
import Testing

@testable import Uplink

@Suite(.serialized) struct BackfillTests {
  /// A record of a message, in the order of arrival.
  struct Arrival: Equatable {
    var sequence: UInt64
    var isHistorical: Bool
  }

  private func arrivals(_ subscriber: Subscriber) throws -> [Arrival] {
    var list: [Arrival] = []
    for message in subscriber.messages where message.topic == "weir/plant7/boiler.temperature" {
      let records = try #require(
        try JSONSerialization.jsonObject(with: Data(message.payload.utf8)) as? [[String: Any]])
      var last: UInt64?
      for record in records {
        // What follows the record before is left out.
        let sequence = try #require(record["seq"] as? UInt64 ?? last.map { $0 + 1 })
        last = sequence
        let isHistorical = record["historical"] as? Bool ?? false
        #expect(isHistorical == message.properties.contains("historical:1"))
        list.append(Arrival(sequence: sequence, isHistorical: isHistorical))
      }
    }
    return list
  }

  /// Waits until `count` different events have arrived.
  private func wait(_ subscriber: Subscriber, for count: Int) throws -> [Arrival] {
    let deadline = Date().addingTimeInterval(20)
    while Date() < deadline {
      let list = try arrivals(subscriber)
      if Set(list.map(\.sequence)).count >= count { return list }
      Futex.pause(nanoseconds: 20_000_000)
    }
    return try arrivals(subscriber)
  }

  @Test func thePresentComesFirst() throws {
    let broker = try Broker()
    try broker.start()
    let subscriber = try Subscriber(broker)
    var rig = try UplinkRig(broker.port)
    rig.produce(3000)
    let isOpen = rig.turnUntilOpen()
    #expect(isOpen)
    rig.produce(100)
    let isEmpty = rig.turnUntilEmpty(seconds: 20)
    #expect(isEmpty)
    let list = try wait(subscriber, for: 3100)
    #expect(list.count == 3100)
    let past = list.filter(\.isHistorical).map(\.sequence)
    #expect(past == Array(0..<3000))
    #expect(list.filter { !$0.isHistorical }.map(\.sequence) == Array(3000..<3100))
    let lastPresent = try #require(list.lastIndex { !$0.isHistorical })
    // What was on its way in the window when the present came is before it.
    #expect(lastPresent < 300, "\(lastPresent)")
  }

  @Test func aSuccessorGoesOnWithBoth() throws {
    let broker = try Broker()
    try broker.start()
    let subscriber = try Subscriber(broker)
    var rig = try UplinkRig(broker.port) { $0.inFlightWindow = 16 }
    rig.produce(3000)
    let isOpen = rig.turnUntilOpen()
    #expect(isOpen)
    rig.produce(50)
    let marks = rig.context.journal.memoryMarks
    for target in [500, 1200, 2500] as [UInt64] {
      _ = rig.turn(seconds: 10) { _ in marks.acknowledged[.telemetry]?.ordinal ?? 0 >= target }
      rig.uplink = Uplink(rig.context, seed: target)
      rig.produce(10)
    }
    let isEmpty = rig.turnUntilEmpty(seconds: 20)
    #expect(isEmpty)
    let list = try wait(subscriber, for: 3080)
    #expect(Set(list.map(\.sequence)) == Set(0..<3080))
    // At most a window of each lane and kind is sent twice by each successor.
    #expect(list.count <= 3080 + 3 * 2 * 16, "\(list.count)")
  }

  @Test func anotherOutageInTheMiddle() throws {
    let broker = try Broker()
    try broker.start()
    let subscriber = try Recorder(port: broker.port, client: "recorder")
    var rig = try UplinkRig(broker.port) { $0.backfillRate = 2000 }
    rig.produce(2000)
    let marks = rig.context.journal.memoryMarks
    let hasBegun = rig.turn(seconds: 10) { _ in marks.acknowledged[.telemetry]?.ordinal ?? 0 > 300 }
    #expect(hasBegun)
    broker.pause()
    rig.produce(1000)
    let hasNoticed = rig.turn(seconds: 15) { $0.phase != .open }
    #expect(hasNoticed)
    broker.resume()
    let isEmpty = rig.turnUntilEmpty(seconds: 20)
    #expect(isEmpty)
    _ = waitUntil(seconds: 10) { holes(subscriber.sequences, count: 3000).isEmpty ? true : nil }
    #expect(holes(subscriber.sequences, count: 3000) == [])
  }

  @Test func olderEventsKeepToTheirRate() throws {
    let broker = try Broker()
    try broker.start()
    var rig = try UplinkRig(broker.port) { $0.backfillRate = 500 }
    rig.produce(1000)
    let isOpen = rig.turnUntilOpen()
    #expect(isOpen)
    let start = Date()
    rig.produce(250)
    let slot = rig.slot
    let isPresentSent = rig.turn(seconds: 5) { _ in slot[.acknowledged] >= 250 }
    #expect(isPresentSent)
    #expect(Date().timeIntervalSince(start) < 0.5)
    let isEmpty = rig.turnUntilEmpty(seconds: 20)
    #expect(isEmpty)
    let seconds = Date().timeIntervalSince(start)
    // 1,000 at 500 a second, of which a tenth of a second's share goes at once.
    #expect(seconds > 1.7 && seconds < 4, "\(seconds)")
  }

  @Test func whatMadeRoomIsTold() throws {
    let broker = try Broker()
    try broker.start()
    let subscriber = try Subscriber(broker)
    var rig = try UplinkRig(broker.port)
    // 13 segments of 64 KiB hold about 11,000 events as they are.
    for _ in 0..<20 { rig.produce(1000) }
    let evicted = rig.journal.evicted(.telemetry)
    #expect(evicted.ordinal > 5000)
    let isEmpty = rig.turnUntilEmpty(seconds: 30)
    #expect(isEmpty)
    let list = try wait(subscriber, for: Int(20_000 - evicted.ordinal))
    #expect(Set(list.map(\.sequence)) == Set(evicted.ordinal..<20_000))
    let gaps = try subscriber.messages.filter { $0.topic == "weir/plant7/gap" }.map {
      try fields($0.payload)
    }
    let gap = try #require(gaps.first)
    #expect(gaps.count == 1)
    #expect(gap["gap"] as? String == "evicted" && gap["lane"] as? String == "telemetry")
    #expect(gap["count"] as? UInt64 == evicted.ordinal)
    #expect(gap["first"] as? UInt64 == 0 && gap["last"] as? UInt64 == evicted.ordinal - 1)
    #expect(gap["epoch"] as? UInt64 == 3)
  }

  @Test(arguments: [2, 16, 1000] as [UInt16]) func severalInAMessage(_ batch: UInt16) throws {
    let broker = try Broker()
    try broker.start()
    let subscriber = try Subscriber(broker)
    var rig = try UplinkRig(broker.port) { $0.batch.eventCount = batch }
    rig.produce(200)
    rig.append(
      Event(kind: .alarmRaised, channel: 1, time: Clock.boot(), sequence: 200, value: 3))
    rig.commit()
    rig.produce(50)
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    let list = try wait(subscriber, for: 250)
    #expect(list.map(\.sequence) == (0..<251).filter { $0 != 200 })
    let messages = subscriber.messages.filter { $0.topic == "weir/plant7/boiler.temperature" }
    #expect(messages.count == (250 + Int(batch) - 1) / Int(batch))
    _ = waitUntil(seconds: 5) {
      subscriber.messages.contains { $0.topic == "weir/plant7/door" } ? true : nil
    }
    let alarm = try #require(subscriber.messages.first { $0.topic == "weir/plant7/door" })
    #expect(try fields(alarm.payload)["seq"] as? UInt64 == 200)
  }
}
