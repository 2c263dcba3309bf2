// Invariants, of the trace context that a real Mosquitto hands on:
// - each message has one of the form of W3C Trace Context; the events of one reading share their
//   trace and nothing else does; a repetition, and the uplink's successor, send the same;
// - the hops are what was noted beside the event, and the rest of the time until it was sent;
// - nothing of it where it is switched off, or in MQTT 3.1.1.

import Configuration
import Drivers
import Foundation
import Linux
import Ring
import Testing

@testable import Uplink

@Suite(.serialized) struct TraceTests {
  private let trace = Trace(first: 0x0123_4567_89AB_CDEF, second: 42)

  private func parent(_ event: Event, _ trace: Trace) -> String {
    var encoder = TraceEncoder()
    encoder.encode(event, trace, HopNote(word: 0), now: 0)
    return String(encoder.parent.text.dropLast())
  }

  @Test func formAndIdentity() throws {
    var traces: Set<Substring> = []
    var parents: Set<Substring> = []
    var sequence: UInt64 = 0
    for channel in 0..<8 as Range<UInt16> {
      for reading in 0..<500 as Range<UInt64> {
        for kind in [EventKind.value, .alarmRaised] {
          let event = Event(
            kind: kind, channel: channel, time: 0, sequence: sequence, readingSequence: reading)
          sequence += 1
          let text = parent(event, trace)
          #expect(text.wholeMatch(of: /00-0123456789abcdef[0-9a-f]{16}-[0-9a-f]{16}-01/) != nil)
          #expect(parent(event, trace) == text)
          let parts = text.split(separator: "-")
          traces.insert(parts[1])
          parents.insert(parts[2])
        }
      }
    }
    for index in 0..<100 as Range<UInt64> {
      let gap = Event(
        kind: .droppedEvents, channel: 0, time: 0, sequence: index, readingSequence: 3)
      traces.insert(parent(gap, trace).split(separator: "-")[1])
    }
    #expect(traces.count == 8 * 500 + 100 && parents.count == 8 * 500 * 2)
    let event = Event(kind: .value, channel: 0, time: 0)
    #expect(!parent(event, Trace(first: 0, second: 0)).contains("-0000000000000000"))
    #expect(parent(event, Trace(first: 5, second: 1)) != parent(event, Trace(first: 5, second: 2)))
  }

  @Test func hopsOfAnEvent() {
    var encoder = TraceEncoder()
    let event = Event(kind: .value, channel: 0, time: 1_000_000_000)
    let note = HopNote(time: 1_000_000_000, readyTime: 1_000_400_000, madeTime: 1_001_500_000)
    encoder.encode(event, trace, note, now: 1_004_000_000)
    #expect(encoder.hops.text == "sense;dur=0.4,pipeline;dur=1.1,uplink;dur=2.5\0")
    // The longest that there can be, and a clock that went nowhere.
    encoder.encode(event, trace, HopNote(word: .max), now: .max)
    #expect(!encoder.hops.hasOverflowed && !encoder.parent.hasOverflowed)
    encoder.encode(event, trace, HopNote(word: 0), now: 0)
    #expect(encoder.hops.text == "sense;dur=0,pipeline;dur=0,uplink;dur=0\0")
  }

  @Test func whatTheBrokerHandsOn() throws {
    let broker = try Broker()
    try broker.start()
    let subscriber = try Subscriber(broker)
    var rig = try UplinkRig(broker.port) { $0.inFlightWindow = 10 }
    rig.trace(trace)
    rig.produce(20)
    for position in 0..<20 as Range<UInt64> {
      rig.notes[position] = UInt64(1000 + position) | 250 << 32
    }
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    let events = try await20(subscriber)
    for (index, message) in events.enumerated() {
      let event = Event(
        kind: .value, channel: 0, time: 0, sequence: UInt64(index),
        readingSequence: UInt64(index))
      #expect(message.properties.contains("traceparent:" + parent(event, trace)))
      let hops =
        "hops:sense;dur=1\(index == 0 ? "" : fraction(index)),pipeline;dur=0.25,uplink;dur="
      #expect(message.properties.contains(hops), "\(message.properties)")
    }
  }

  /// `.007` for 7, without zeros at the end.
  private func fraction(_ thousandths: Int) -> String {
    "."
      + (thousandths % 10 == 0
        ? "0\(thousandths / 10)" : String("\(1000 + thousandths)".dropFirst()))
  }

  private func await20(_ subscriber: Subscriber) throws -> [Subscriber.Message] {
    let messages = waitUntil(seconds: 10) {
      let events = subscriber.messages.filter { $0.topic == "weir/plant7/boiler.temperature" }
      return events.count >= 20 ? events : nil
    }
    return try #require(messages)
  }

  @Test func aRepetitionHasTheSameTrace() throws {
    let broker = try Broker()
    try broker.start()
    var rig = try UplinkRig(broker.port)
    rig.trace(trace)
    let isOpen = rig.turnUntilOpen()
    #expect(isOpen)
    broker.pause()
    rig.produce(20)
    _ = rig.turn(seconds: 0.5) { _ in false }
    // Sent, and not acknowledged: the successor sends it again, when the broker has both.
    rig.uplink = Uplink(rig.context, seed: 2)
    broker.resume()
    let subscriber = try Subscriber(broker)
    rig.produce(20)
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    _ = waitUntil(seconds: 10) {
      subscriber.messages.count { $0.topic == "weir/plant7/boiler.temperature" } >= 20 ? true : nil
    }
    for message in subscriber.messages where message.topic == "weir/plant7/boiler.temperature" {
      let record = try fields(message.payload)
      let sequence = try #require(record["seq"] as? UInt64)
      let event = Event(
        kind: .value, channel: 0, time: 0, sequence: sequence, readingSequence: sequence)
      #expect(message.properties.contains("traceparent:" + parent(event, trace)))
    }
  }

  @Test(arguments: [(MQTTVersion.v5, false), (.v311, true)] as [(MQTTVersion, Bool)])
  func nothingWhereItIsOff(_ version: MQTTVersion, _ isTraced: Bool) throws {
    let broker = try Broker()
    try broker.start()
    let subscriber = try Subscriber(broker)
    var rig = try UplinkRig(broker.port) {
      $0.version = version
      $0.isTraced = isTraced
    }
    rig.trace(trace)
    rig.produce(20)
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    for message in try await20(subscriber) {
      #expect(!message.properties.contains("traceparent"))
      #expect(!message.properties.contains("hops"))
    }
  }
}
