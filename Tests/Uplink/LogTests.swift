// Invariants, of the lines of log that go to a real Mosquitto:
// - those from the threshold on arrive, each once, in the order of their task, with all that is
//   known of them; the others don't;
// - no line is sent while an event waits;
// - the uplink's successor goes on where the broker's acknowledgements ended, after the end of a
//   session too;
// - what was overwritten before it could be sent is counted, and told;
// - a broker that refuses lines is asked again later, and the events flow.

import Configuration
import Desk
import Drivers
import Foundation
import Linux
import Ring
import Testing

@testable import Uplink

@Suite(.serialized) struct LogTests {
  private func write(
    _ text: String, _ level: LogLevel = .warning, generation: UInt32 = 2, suppressed: UInt64 = 0,
    to ring: LogRing
  ) {
    ring.append(
      level: level.rawValue, time: Clock.boot(), generation: generation,
      suppressedCount: suppressed, text: Array(text.utf8).span)
  }

  private func lines(_ recorder: Recorder) -> [LogRecord] {
    recorder.received.compactMap {
      if case .log(let line) = $0.message { line } else { nil }
    }
  }

  /// Turns until so many lines have come.
  private func expectLines(
    _ count: Int, _ rig: inout UplinkRig, _ recorder: Recorder, seconds: Double = 10
  ) {
    let haveCome = rig.turn(seconds: seconds) { _ in lines(recorder).count >= count }
    #expect(haveCome, "\(lines(recorder))")
  }

  @Test(arguments: [MQTTVersion.v5, .v311]) func linesArrive(_ version: MQTTVersion) throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    var rig = try UplinkRig(broker.port) { $0.version = version }
    write("not sent", .info, to: rig.logs[0])
    write("the bus \"hangs\"\u{7}", suppressed: 5, to: rig.logs[0])
    write("restarting", .notice, to: rig.logs[1])
    write("done", .error, generation: 0, to: rig.logs[1])
    let begin = Date().timeIntervalSince1970
    expectLines(2, &rig, recorder)
    write("again", to: rig.logs[0])
    expectLines(3, &rig, recorder)
    let all = lines(recorder)
    #expect(all.map(\.text) == ["the bus \"hangs\"\u{7}", "done", "again"])
    #expect(all.map(\.task) == ["sense", "supervisor", "sense"])
    #expect(all.map(\.level) == ["warning", "error", "warning"])
    #expect(all.map(\.start) == [2, 0, 2])
    #expect(all.map(\.number) == [1, 1, 2])
    #expect(all.map(\.suppressedCount) == [5, 0, 0])
    #expect(all.map(\.lostCount) == [0, 0, 0])
    #expect(all.allSatisfy { $0.device == "plant7" && $0.epoch == 3 })
    #expect(all.allSatisfy { abs($0.time - begin) < 10 })
    #expect(recorder.received.allSatisfy { $0.record == nil })
    #expect(recorder.received.last?.topic == "weir/plant7/log")
    #expect(recorder.malformed == [])
    _ = rig.turn(seconds: 1) { _ in false }
    #expect(lines(recorder).count == 3)
    #expect(rig.context.logCursors?[0] == 3 && rig.context.logCursors?[1] == 2)
    let seconds = rig.stop()
    #expect(seconds < 2)
  }

  @Test func nothingWhereItIsOff() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    var rig = try UplinkRig(broker.port) { $0.logThreshold = nil }
    write("an error", .error, to: rig.logs[0])
    rig.produce(10)
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    _ = rig.turn(seconds: 1) { _ in false }
    #expect(lines(recorder) == [])
  }

  @Test func eventsComeFirst() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    var rig = try UplinkRig(broker.port) { $0.inFlightWindow = 8 }
    for number in 0..<20 { write("line \(number)", to: rig.logs[0]) }
    rig.produce(250)
    expectLines(20, &rig, recorder)
    let kinds = recorder.received.map { received in
      if case .log = received.message { true } else { false }
    }
    let first = try #require(kinds.firstIndex(of: true))
    #expect(recorder.received[..<first].compactMap(\.record).count == 250)
    #expect(lines(recorder).map(\.number) == Array(0..<20))
  }

  @Test func aSuccessorGoesOn() throws {
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    var rig = try UplinkRig(broker.port)
    for number in 0..<60 { write("line \(number)", to: rig.logs[0]) }
    expectLines(10, &rig, recorder)
    // As a process that was killed, in the middle of them.
    rig.uplink = Uplink(rig.context, seed: 2)
    expectLines(30, &rig, recorder)
    try broker.stop(signal: SIGKILL)
    try broker.start()
    try recorder.waitForSubscription(seconds: 20)
    _ = rig.turn(seconds: 20) { _ in lines(recorder).last?.number == 59 }
    let numbers = lines(recorder).map(\.number)
    // Each of the two ends may have cost one line that the broker had and the uplink did not know
    // of, and the broker's kill those that it had not handed on.
    #expect(numbers == numbers.sorted())
    #expect(numbers.count - Set(numbers).count <= 2, "\(numbers)")
    #expect(Set(numbers).count >= 58, "\(numbers)")
    #expect(rig.context.logCursors?[0] == 60)
  }

  @Test func whatWasOverwrittenIsTold() throws {
    let broker = try Broker()
    var rig = try UplinkRig(broker.port)
    for number in 0..<100 { write("line \(number)", to: rig.logs[0]) }
    for number in 0..<99 { write("line \(number)", .info, to: rig.logs[1]) }
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    // The first line of the second ring tells of the loss, although it is below the threshold.
    expectLines(65, &rig, recorder)
    let first = lines(recorder).filter { $0.task == "sense" }
    #expect(first.map(\.number) == Array(36..<100))
    #expect(first.map(\.lostCount) == [36] + Array(repeating: 0, count: 63))
    let second = lines(recorder).filter { $0.task == "supervisor" }
    #expect(second.map(\.number) == [35] && second.first?.lostCount == 35)
  }

  @Test func aBrokerThatRefusesLinesGetsEvents() throws {
    let folder = try Folder()
    let list = try folder.write(
      "topic write weir/plant7/status\ntopic write weir/plant7/boiler.temperature\n"
        + "topic read #\n", to: "access")
    var options = Broker.Options()
    options.lines = ["acl_file \(list)", "max_queued_messages 1000"]
    let broker = try Broker(options)
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    var rig = try UplinkRig(broker.port)
    write("a line", to: rig.logs[0])
    rig.produce(10)
    let isNamed = rig.turn(seconds: 10) { $0.namedLogRefusal }
    #expect(isNamed)
    rig.produce(10)
    let isEmpty = rig.turnUntilEmpty(seconds: 10)
    #expect(isEmpty)
    #expect(rig.slot[.acknowledged] == 20 && rig.slot[.connects] == 1)
    #expect(lines(recorder) == [] && rig.context.logCursors?[0] == 0)
  }

  @Test func whatIsNotUTF8IsRepaired() throws {
    var rig = try UplinkRig(1)
    rig.logs[0].append(
      level: 9, time: 0, generation: 1, suppressedCount: 0,
      text: ([0xFF, 0x22, 0x0A] as [UInt8]).span)
    var reader = LogReader(rig.logs[0])
    let next = reader.next()
    let line = try #require(next)
    let isEncoded = rig.uplink.logEncoder.encode(
      line, of: "sense", lostCount: 0, .relative(now: 2_500_000_000))
    #expect(isEncoded)
    let text = rig.uplink.logEncoder.buffer.text
    #expect(
      text == #"{"device":"plant7","epoch":3,"task":"sense","start":1,"line":0,"level":"error","#
        + #""t":-2.5,"text":"\u{FFFD}\"\u000a"}"#.replacing("\\u{FFFD}", with: "\u{FFFD}"))
  }
}
