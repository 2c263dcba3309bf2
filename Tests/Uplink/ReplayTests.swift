// Invariants, with a real Mosquitto:
// - a receiver that asks for a range gets all of it that the journal still holds, each event once,
//   marked as replayed, and then an answer with the exact counts; what is gone counts as missing;
// - whatever is published as a request, the gateway goes on, and refuses what is none;
// - many requests cost the gateway a bounded number of answers; its own events come all the same;
// - a session that ends drops what was asked for in it, and the next one starts clean;
// - a broker that lets nobody ask is said to do so, and nothing else changes;
// - the retained checkpoint says what the journal holds, and how far the broker has it.

import Configuration
import Desk
import Drivers
import Foundation
import Journal
import Linux
import Ring
import Testing

@testable import Uplink

@Suite(.serialized, .timeLimit(.minutes(3))) struct ReplayTests {
  private let folder: Folder
  private let broker: Broker

  init() throws {
    folder = try Folder()
    broker = try Broker()
    try broker.start()
  }

  /// A rig in an open session, and what it has sent before.
  private func rig(
    _ count: Int, _ change: (inout UplinkSettings) -> Void = { _ in }
  ) throws -> UplinkRig {
    var rig = try UplinkRig(broker.port, change)
    rig.produce(count)
    let isEmpty = rig.turnUntilEmpty(seconds: 20)
    #expect(isEmpty)
    let hasSubscribed = rig.turn(seconds: 10) { _ in
      broker.log.contains("Sending SUBACK to uplink-test")
    }
    #expect(hasSubscribed)
    return rig
  }

  private func ask(_ payload: String, count: Int = 1) throws {
    let ending = try run(
      "mosquitto_pub",
      [
        "-h", "127.0.0.1", "-p", "\(broker.port)", "-q", "1", "-t", "weir/plant7/replay", "-m",
        payload, "--repeat", "\(count)",
      ], in: folder)
    #expect(ending == .exited(0))
  }

  private func ask(_ epoch: UInt64, _ range: ClosedRange<UInt64>, id: String = "a") throws {
    let request = ReplayRequest(
      id: id, epoch: epoch, first: range.lowerBound, last: range.upperBound)
    try ask(request.payload)
  }

  private func answers(_ recorder: Recorder) -> [ReplayAnswer] {
    recorder.received.compactMap {
      if case .replayed(let answer) = $0.message { answer } else { nil }
    }
  }

  private func checkpoints(_ recorder: Recorder) -> [Checkpoint] {
    recorder.received.compactMap {
      if case .checkpoint(let checkpoint) = $0.message { checkpoint } else { nil }
    }
  }

  private func replayed(_ recorder: Recorder) -> [UInt64] {
    recorder.records.filter(\.isReplayed).map(\.sequence)
  }

  /// Turns until so many answers have come; the last of them.
  private func answer(
    _ rig: inout UplinkRig, _ recorder: Recorder, count: Int = 1, seconds: Double = 20
  ) throws -> ReplayAnswer {
    let isThere = rig.turn(seconds: seconds) { _ in answers(recorder).count >= count }
    #expect(isThere, "\(answers(recorder))")
    return try #require(answers(recorder).last)
  }

  @Test(arguments: [(MQTTVersion.v5, 1), (.v311, 1), (.v5, 16)] as [(MQTTVersion, UInt16)])
  func aRangeComesAgain(_ version: MQTTVersion, _ batch: UInt16) throws {
    var rig = try rig(1000) {
      $0.version = version
      $0.batch.eventCount = batch
    }
    // A later alarm, which lies in the other lane.
    rig.append(
      Event(kind: .alarmRaised, channel: 1, time: Clock.boot(), sequence: 1000, value: 3))
    rig.commit()
    rig.produce(500)
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    let marks = [rig.acknowledged(.alarms), rig.acknowledged(.telemetry)]
    let recorder = try Recorder(port: broker.port)
    try ask(3, 900...1099, id: #"with "quotes" \ and all"#)
    let answer = try answer(&rig, recorder)
    #expect(
      answer
        == ReplayAnswer(
          id: #"with "quotes" \ and all"#, epoch: 3, first: 900, last: 1099, sentCount: 200,
          missingCount: 0))
    let sequences = replayed(recorder)
    #expect(sequences.sorted() == Array(900...1099))
    #expect(recorder.records.allSatisfy { $0.isReplayed && !$0.isHistorical && $0.epoch == 3 })
    #expect(
      recorder.records.contains {
        $0.sequence == 1000 && $0.content == .alarm(raised: true, value: 3)
      })
    #expect(recorder.malformed == [])
    // The answer comes behind the last event.
    if case .replayed = recorder.received.last?.message {
    } else {
      Issue.record("\(String(describing: recorder.received.last))")
    }
    #expect(marks == [rig.acknowledged(.alarms), rig.acknowledged(.telemetry)])
  }

  @Test func whatIsGoneIsCounted() throws {
    var rig = try rig(0)
    let recorder = try Recorder(port: broker.port)
    // 13 segments of 64 KiB hold about 11,000 events as they are.
    for _ in 0..<20 {
      rig.produce(1000)
      let isEmpty = rig.turnUntilEmpty(seconds: 20)
      #expect(isEmpty)
    }
    rig.uplink.tellCheckpoint(Clock.boot())
    let isTold = rig.turn(seconds: 10) { _ in
      checkpoints(recorder).last?.highest?.sequence == 19_999
    }
    #expect(isTold)
    let lowest = try #require(checkpoints(recorder).last?.lowest)
    #expect(lowest.epoch == 3 && lowest.sequence > 5000)
    let first = lowest.sequence - 150
    try ask(3, first...(first + 299))
    let answer = try answer(&rig, recorder)
    #expect(answer.sentCount == 150 && answer.missingCount == 150 && answer.refusal == nil)
    #expect(replayed(recorder) == Array(lowest.sequence..<lowest.sequence + 150))
  }

  @Test func unknownEpochsAndNumbersAreMissing() throws {
    var rig = try rig(100)
    let recorder = try Recorder(port: broker.port)
    let ranges: [(UInt64, ClosedRange<UInt64>, UInt64)] = [
      (2, 0...99, 0), (4, 0...99, 0), (.max, 0...0, 0), (3, 100...199, 0), (3, 90...189, 10),
      (3, UInt64.max - 5...UInt64.max, 0), (3, 0...99_999, 100),
    ]
    for (index, (epoch, range, sent)) in ranges.enumerated() {
      try ask(epoch, range, id: "\(index)")
      let answer = try answer(&rig, recorder, count: index + 1)
      #expect(answer.id == "\(index)" && answer.refusal == nil)
      #expect(answer.sentCount == sent, "\(index)")
      #expect(answer.missingCount == UInt64(range.count) - sent)
    }
    #expect(replayed(recorder).count == 110)
  }

  @Test func hostileRequestsAreRefused() throws {
    var rig = try rig(100)
    let recorder = try Recorder(port: broker.port)
    let hostile = [
      String(repeating: "x", count: 100_000), "[]",
      #"{"id":"a","epoch":"3","first":0,"last":9}"#,
      #"{"id":"a","epoch":3,"first":-1,"last":9}"#,
      #"{"id":"a","epoch":3,"first":9,"last":0}"#,
      #"{"id":"a","epoch":3,"first":0,"last":1000000000}"#,
      #"{"id":"a","epoch":3,"first":0,"last":18446744073709551615}"#,
      #"{"id":"a","epoch":3,"first":0,"last":9,"more":1}"#,
    ]
    for (index, payload) in hostile.enumerated() {
      try ask(payload)
      let answer = try answer(&rig, recorder, count: index + 1)
      #expect(answer.refusal != nil && answer.refusal != "busy", "\(payload.prefix(60))")
    }
    #expect(answers(recorder).last?.id == "a")
    try ask(3, 0...9)
    let answer = try answer(&rig, recorder, count: hostile.count + 1)
    #expect(answer.sentCount == 10 && replayed(recorder) == Array(0..<10))
    #expect(rig.uplink.phase == .open && rig.slot[.connects] == 1)
  }

  @Test func aFloodCostsFewAnswers() throws {
    var rig = try rig(100)
    let recorder = try Recorder(port: broker.port)
    try ask(#"{"id":"flood","epoch":3,"first":0,"last":99}"#, count: 1000)
    let start = secondsNow()
    rig.produce(50)
    let isEmpty = rig.turnUntilEmpty(seconds: 5)
    #expect(isEmpty && secondsNow() - start < 2)
    _ = rig.turn(seconds: 3) { _ in false }
    let all = answers(recorder)
    let done = all.filter { $0.refusal == nil }
    // 10 at once, and one a second.
    #expect(done.count >= 4 && done.count <= 16, "\(done.count)")
    #expect(all.count - done.count >= 1 && all.count - done.count <= 16, "\(all.count)")
    #expect(
      Set(all.compactMap(\.refusal)).isSubset(of: ["busy", "too many requests"]))
    let count = rig.uplink.replays.ignoredCount
    #expect(count == 1000 - UInt64(all.count))
    #expect(rig.uplink.phase == .open && rig.slot[.connects] == 1)
  }

  @Test func theEndOfASessionDropsIt() throws {
    var rig = try rig(8000) { $0.inFlightWindow = 8 }
    let recorder = try Recorder(port: broker.port)
    try ask(3, 0...7999)
    let hasBegun = rig.turn(seconds: 10) { _ in replayed(recorder).count > 100 }
    #expect(hasBegun)
    try broker.stop(signal: SIGKILL)
    let hasNoticed = rig.turn(seconds: 10) { $0.phase != .open }
    #expect(hasNoticed)
    try broker.start()
    let isOpen = rig.turnUntilOpen()
    #expect(isOpen)
    let again = try Recorder(port: broker.port)
    _ = rig.turn(seconds: 1) { _ in false }
    #expect(replayed(again) == [] && answers(again) == [])
    try ask(3, 7000...7999)
    let answer = try answer(&rig, again)
    #expect(answer.sentCount == 1000 && replayed(again) == Array(7000...7999))
  }

  @Test func thePresentGoesFirst() throws {
    var rig = try rig(4000) { $0.inFlightWindow = 16 }
    let recorder = try Recorder(port: broker.port)
    try ask(3, 0...3999)
    var delays: [Double] = []
    for _ in 0..<50 {
      let begin = secondsNow()
      rig.produce(1)
      let isEmpty = rig.turnUntilEmpty(seconds: 5)
      #expect(isEmpty)
      delays.append(secondsNow() - begin)
      let count = rig.uplink.delivery.replay?.underWayCount ?? 0
      #expect(count <= 4)
    }
    delays.sort()
    print("present events during a replay: median \(delays[25]) s, longest \(delays[49]) s")
    #expect(delays[25] < 0.1)
    // They overtook the replay, which was still going on, or this shows nothing.
    #expect(answers(recorder) == [])
    let answer = try answer(&rig, recorder, seconds: 60)
    #expect(answer.sentCount == 4000 && answer.missingCount == 0)
    #expect(replayed(recorder) == Array(0..<4000))
  }

  @Test(arguments: [MQTTVersion.v5, .v311])
  func aBrokerMayForbidToAsk(_ version: MQTTVersion) throws {
    // Mosquitto's access list lets everybody subscribe; its other means does not.
    let rights = try folder.write(
      #"{"defaultACLAccess":{"publishClientSend":true,"publishClientReceive":true,"#
        + #""subscribe":false,"unsubscribe":true},"clients":[],"groups":[],"roles":[]}"#,
      to: "rights.json")
    let folders = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib")
    let plugin = try #require(
      folders.map { "/usr/lib/\($0)/mosquitto_dynamic_security.so" }
        .first { FileManager.default.fileExists(atPath: $0) })
    var options = Broker.Options()
    options.lines = ["plugin \(plugin)", "plugin_opt_config_file \(rights)"]
    let broker = try Broker(options)
    try broker.start()
    var rig = try UplinkRig(broker.port) { $0.version = version }
    rig.produce(50)
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    let isNamed = rig.turn(seconds: 5) { $0.replayNews.namedSubscription }
    #expect(isNamed, "\(broker.log.suffix(2000))")
    #expect(rig.uplink.phase == .open && rig.slot[.connects] == 1)
  }

  @Test func theCheckpointSaysWhatIsHeld() throws {
    var rig = try rig(300)
    let first = try Subscriber(broker)
    _ = rig.turn(seconds: 5) { _ in first.messages.contains { $0.topic.hasSuffix("checkpoint") } }
    #expect(first.messages.contains { $0.topic == "weir/plant7/checkpoint" && $0.isRetained })
    let recorder = try Recorder(port: broker.port)
    rig.produce(20)
    rig.slot.add(7, to: .stored)
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    _ = rig.stop()
    let isTold = waitUntil(seconds: 5) {
      checkpoints(recorder).last?.acknowledged?.sequence == 319 ? true : nil
    }
    #expect(isTold == true, "\(checkpoints(recorder))")
    let last = try #require(checkpoints(recorder).last)
    #expect(
      last
        == Checkpoint(
          device: "plant7", epoch: 3, lowest: Place(epoch: 3, sequence: 0),
          highest: Place(epoch: 3, sequence: 319), acknowledged: Place(epoch: 3, sequence: 319),
          storedCount: 7))
  }

  @Test func theCheckpointIsToldWhenSomethingHasChanged() throws {
    var rig = try UplinkRig(broker.port)
    rig.shortenCheckpoints(to: 200_000_000)
    let recorder = try Recorder(port: broker.port)
    let isOpen = rig.turnUntilOpen()
    #expect(isOpen)
    _ = rig.turn(seconds: 1) { _ in false }
    let empty = checkpoints(recorder)
    #expect(empty.count == 1 && empty.first?.lowest == nil && empty.first?.highest == nil)
    rig.produce(10)
    _ = rig.turn(seconds: 2) { _ in checkpoints(recorder).last?.acknowledged?.sequence == 9 }
    #expect(checkpoints(recorder).last?.highest == Place(epoch: 3, sequence: 9))
    let count = checkpoints(recorder).count
    _ = rig.turn(seconds: 1) { _ in false }
    #expect(checkpoints(recorder).count == count)
  }
}
