// Invariants, with a real Mosquitto:
// - events wait for company until there are enough, or their size is, or the oldest is of age;
//   never longer, and alarms not at all; at the end nothing waits;
// - events of several channels are one message, on a topic of its own, and what concerns the device
//   is not among them; every event keeps its identity, whatever message it is in;
// - no message of several events is larger than was configured, or than the broker takes;
// - a connection that breaks in the middle of a batch costs nothing but sending again (a broker
//   that is killed there: CampaignTests).

import Configuration
import Desk
import Drivers
import Foundation
import Journal
import Linux
import Ring
import Seeds
import Testing

@testable import Uplink

@Suite(.serialized, .timeLimit(.minutes(4))) struct BatchTests {
  private let broker: Broker

  init() throws {
    broker = try Broker()
    try broker.start()
  }

  /// A rig with an open session.
  private func rig(_ change: (inout BatchSettings) -> Void) throws -> UplinkRig {
    var batch = BatchSettings()
    change(&batch)
    var rig = try UplinkRig(broker.port) { $0.batch = batch }
    let isOpen = rig.turnUntilOpen()
    try #require(isOpen)
    return rig
  }

  /// Turns for so long, whatever happens.
  private func turn(_ rig: inout UplinkRig, seconds: Double) {
    _ = rig.turn(seconds: seconds) { _ in false }
  }

  /// The numbers of the events, message by message, in the order of arrival.
  private func messages(_ recorder: Recorder, topic: String? = nil) -> [[UInt64]] {
    var list: [[UInt64]] = []
    var last: [UInt8]?
    for one in recorder.received where topic == nil || one.topic == topic {
      guard let record = one.record else { continue }
      if one.payload != last { list.append([]) }
      last = one.payload
      list[list.count - 1].append(record.sequence)
    }
    return list
  }

  private func wait(_ recorder: Recorder, for count: Int, seconds: Double = 10) throws {
    try recorder.wait("\(count) events", seconds: seconds) {
      Set($0.compactMap { $0.record?.sequence }).count >= count ? true : nil
    }
  }

  @Test func enoughEventsGoAtOnceAndTheRestWaits() throws {
    let recorder = try Recorder(port: broker.port)
    var rig = try rig {
      $0.eventCount = 16
      $0.age = 1_500_000_000
    }
    rig.produce(40)
    let start = secondsNow()
    turn(&rig, seconds: 0.5)
    #expect(rig.acknowledgedCount == 32)
    let isEmpty = rig.turnUntilEmpty(seconds: 5)
    #expect(isEmpty)
    let seconds = secondsNow() - start
    #expect(seconds > 1.3 && seconds < 2.2, "\(seconds)")
    try wait(recorder, for: 40)
    #expect(messages(recorder) == [Array(0..<16), Array(16..<32), Array(32..<40)])
  }

  @Test func noEventWaitsBeyondItsAge() throws {
    let recorder = try Recorder(port: broker.port)
    var producer = try UplinkRig(broker.port) {
      $0.batch.eventCount = 1000
      $0.batch.age = 300_000_000
    }
    let uplink = try KillTests().start(producer.context)
    var producedAt: [Double] = []
    let isConnected = waitUntil(seconds: 10) { producer.slot[.connects] > 0 ? true : nil }
    #expect(isConnected == true)
    for _ in 0..<60 {
      producer.produce()
      producedAt.append(secondsNow())
      Futex.pause(nanoseconds: 30_000_000)
    }
    try wait(recorder, for: 60)
    try sendSignal(Linux.Signal.kill, to: uplink)
    #expect(KillTests().wait(uplink))
    var longest = 0.0
    for one in recorder.received {
      guard let record = one.record else { continue }
      longest = max(longest, one.at - producedAt[Int(record.sequence)])
    }
    #expect(longest > 0.25 && longest < 0.6, "\(longest)")
    let count = messages(recorder).count
    #expect(count >= 4 && count <= 9, "\(count)")
  }

  @Test func theSizeIsKeptAndEndsTheWait() throws {
    let recorder = try Recorder(port: broker.port)
    var rig = try rig {
      $0.eventCount = 1000
      $0.byteCount = 2000
      $0.age = 1_000_000_000
    }
    // Twice: how long a record is shows the first time.
    for _ in 0..<2 {
      rig.produce(100)
      let isEmpty = rig.turnUntilEmpty(seconds: 5)
      #expect(isEmpty)
    }
    try wait(recorder, for: 200)
    let sizes = recorder.received.filter { $0.record != nil }.map(\.payload.count)
    #expect(sizes.allSatisfy { $0 <= 2000 })
    #expect(sizes.max() ?? 0 > 1800)
    // 2,000 bytes hold some 20 records, so that 100 are enough for several messages at once.
    let first = recorder.received.first { $0.record?.sequence == 100 }
    let other = recorder.received.first { $0.record?.sequence == 150 }
    #expect(abs((first?.at ?? 0) - (other?.at ?? 9)) < 0.5)
  }

  @Test func severalChannelsAreOneMessage() throws {
    let subscriber = try Subscriber(broker)
    let recorder = try Recorder(port: broker.port)
    var rig = try rig { $0.eventCount = 8 }
    for index in 0..<24 {
      // The last eight are of one channel.
      let channel = index < 16 ? UInt16(index % 2) : 1
      rig.append(
        Event(
          kind: .value, channel: channel, time: Clock.boot(), sequence: rig.nextSequence,
          readingSequence: UInt64(index), value: 1))
    }
    for kind in [EventKind.overload, .value, .droppedEvents, .value] {
      rig.append(
        Event(kind: kind, channel: 0, time: Clock.boot(), sequence: rig.nextSequence, value: 2))
    }
    rig.commit()
    let isEmpty = rig.turnUntilEmpty(seconds: 5)
    #expect(isEmpty)
    try wait(recorder, for: 28)
    #expect(messages(recorder, topic: "weir/plant7/batch") == [Array(0..<8), Array(8..<16)])
    #expect(messages(recorder, topic: "weir/plant7/door") == [Array(16..<24)])
    #expect(messages(recorder, topic: "weir/plant7/overload") == [[24]])
    #expect(messages(recorder, topic: "weir/plant7/boiler.temperature") == [[25], [27]])
    #expect(messages(recorder, topic: "weir/plant7/gap") == [[26]])
    #expect(recorder.malformed == [])
    let now = Date().timeIntervalSince1970
    for record in recorder.records {
      #expect(record.channel == "door" || record.sequence % 2 == 0 || record.sequence > 24)
      #expect(abs(record.time - now) < 5, "\(record)")
    }
    _ = waitUntil(seconds: 5) { subscriber.messages.count > 6 ? true : nil }
    for message in subscriber.messages where message.topic == "weir/plant7/batch" {
      #expect(message.contentType == "application/senml+json")
    }
  }

  @Test func alarmsDontWait() throws {
    let recorder = try Recorder(port: broker.port)
    var rig = try rig {
      $0.eventCount = 64
      $0.age = 20_000_000_000
    }
    rig.produce(3)
    rig.append(
      Event(kind: .alarmRaised, channel: 1, time: Clock.boot(), sequence: 3, value: 81))
    rig.commit()
    let start = secondsNow()
    let isSent = rig.turn(seconds: 5) { _ in recorder.records.contains { $0.sequence == 3 } }
    #expect(isSent)
    #expect((recorder.received.first { $0.record != nil }?.at ?? .infinity) - start < 0.5)
    #expect(recorder.records.map(\.sequence) == [3])
    // And at the end nothing waits.
    let seconds = rig.stop()
    #expect(seconds < 1)
    try wait(recorder, for: 4)
  }

  @Test func aWaitDoesNotSpin() throws {
    var rig = try rig {
      $0.eventCount = 64
      $0.age = 1_000_000_000
    }
    turn(&rig, seconds: 0.3)
    rig.produce(3)
    var turnCount = 0
    let deadline = Date().addingTimeInterval(3)
    while Date() < deadline, !rig.isEmpty {
      rig.uplink.turn()
      turnCount += 1
    }
    let isEmpty = rig.isEmpty
    #expect(isEmpty)
    #expect(turnCount < 20, "\(turnCount)")
  }

  @Test func aBrokerThatTakesLittleGetsLittle() throws {
    try broker.stop()
    var options = Broker.Options()
    options.lines = ["max_packet_size 2000"]
    try broker.configure(options)
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    var rig = try rig { $0.eventCount = 1000 }
    let slot = rig.slot
    rig.produce(200)
    let isEmpty = rig.turnUntilEmpty(seconds: 5)
    #expect(isEmpty)
    try wait(recorder, for: 200)
    let sizes = recorder.received.filter { $0.record != nil }.map(\.payload.count)
    #expect(sizes.allSatisfy { $0 < 2000 })
    #expect(sizes.max() ?? 0 > 1000, "\(sizes)")
    #expect(slot[.eventsDropped] == 0)
  }

  @Test func connectionsThatBreakInTheMiddleOfABatch() throws {
    let seed = testSeed("batch")
    let recorder = try Recorder(port: broker.port)
    let relay = try Relay(to: broker.port, seed: seed, cutCount: 20)
    var rig = try UplinkRig(relay.port) {
      $0.batch.eventCount = 16
      $0.batch.isCompressed = true
    }
    let marks = rig.context.journal.memoryMarks
    let deadline = Date().addingTimeInterval(60)
    while Date() < deadline, relay.connectionCount <= 20 || rig.nextSequence < 2000 {
      rig.produce(40)
      let mark = rig.acknowledgedCount
      _ = rig.turn(seconds: 1) { _ in marks.acknowledged[.telemetry]?.ordinal != mark }
    }
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    #expect(relay.connectionCount > 20)
    let count = rig.nextSequence
    _ = waitUntil(seconds: 5) { holes(recorder.sequences, count: count).isEmpty ? true : nil }
    #expect(holes(recorder.sequences, count: count) == [])
    #expect(recorder.malformed == [])
  }
}
