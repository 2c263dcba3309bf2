// Invariants checked:
// - every kind of message that a gateway sends is decoded as it was meant;
// - a payload that is none is refused with its reason, and no payload at all traps;
// - times and base fields are resolved as RFC 8428 §4.5.3 and §4.6 say.

import Drivers
import Foundation
import Seeds
import Testing

@testable import Desk

@Suite struct DecodingTests {
  private func one(_ text: String) throws -> Message {
    let messages = try decode(Array(text.utf8), receivedAt: 2_000_000_000)
    return try #require(messages.count == 1 ? messages[0] : nil)
  }

  private func content(_ labels: String) throws -> Content {
    let message = try one(#"[{"bn":"plant7/","n":"a","epoch":3,"seq":41,\#(labels)}]"#)
    guard case .record(let record) = message else { throw DecodingFailure.unknownShape }
    return record.content
  }

  private func refusal(_ text: String) -> DecodingFailure? {
    do throws(DecodingFailure) {
      _ = try decode(Array(text.utf8), receivedAt: 0)
      return nil
    } catch { return error }
  }

  @Test func aValue() throws {
    let text = #"""
      [{"bn":"plant7/","n":"boiler.temperature","u":"Cel","v":21.4375,"t":1764000000.123,
        "epoch":3,"seq":41,"rseq":17}]
      """#
    #expect(
      try one(text)
        == .record(
          Record(
            device: "plant7", channel: "boiler.temperature", unit: "Cel", time: 1_764_000_000.123,
            epoch: 3, sequence: 41, readingSequence: 17, content: .value(21.4375))))
  }

  @Test func everyOtherContent() throws {
    #expect(
      try content(#""v":2,"min":1,"max":3,"count":10,"span":60"#)
        == .window(Window(mean: 2, minimum: 1, maximum: 3, count: 10, span: 60)))
    #expect(try content(#""v":81,"alarm":"raised""#) == .alarm(raised: true, value: 81))
    #expect(try content(#""v":78,"alarm":"cleared""#) == .alarm(raised: false, value: 78))
    #expect(try content(#""vb":true,"edge":"rising""#) == .edge(level: true, edge: "rising"))
    #expect(try content(#""vs":"nack","quality":"nack""#) == .bad(quality: "nack"))
    #expect(
      try content(#""vs":"gap","gap":"missed-deadlines","first":5,"count":2"#)
        == .gap(Gap(kind: .missedDeadlines, first: 5, count: 2)))
    #expect(
      try content(#""vs":"gap","gap":"lost-edges","count":4"#)
        == .gap(Gap(kind: .lostEdges, first: 0, count: 4)))
    #expect(
      try content(#""vs":"gap","gap":"slowed","first":5,"count":4,"last":11"#)
        == .gap(Gap(kind: .slowed, first: 5, count: 4, last: 11)))
    #expect(try content(#""vs":"overload","overload":2"#) == .overload(level: 2))
  }

  @Test func aSlowedGapThatCannotBe() {
    for labels in [
      #""count":4"#, #""count":4,"last":7"#, #""count":0,"last":9"#,
      #""count":1,"last":18446744073709551615"#,
    ] {
      let text =
        #"[{"bn":"p/","n":"a","epoch":0,"seq":0,"vs":"gap","gap":"slowed","first":5,"#
        + labels + "}]"
      let failure = refusal(text)
      #expect(failure == .wrong("last") || failure == .missing("last"), "\(text)")
    }
  }

  @Test func statuses() throws {
    #expect(
      try one(#"{"status":"online","device":"plant7","epoch":3,"version":"0.1"}"#)
        == .status(Status(device: "plant7", isOnline: true, epoch: 3, version: "0.1")))
    #expect(
      try one(#" {"status":"offline","device":"plant7"}"#)
        == .status(Status(device: "plant7", isOnline: false)))
    let text =
      #"{"status":"online","device":"p","health":"degraded","tasks":{"uplink":"degraded: x"}}"#
    #expect(
      try one(text)
        == .status(
          Status(
            device: "p", isOnline: true, health: "degraded", tasks: ["uplink": "degraded: x"])))
    #expect(refusal(#"{"status":"asleep","device":"x"}"#) == .wrong("status"))
    #expect(refusal(#"{"device":"x"}"#) == .missing("status"))
  }

  @Test func linesOfALog() throws {
    let labels = #""device":"p","epoch":3,"task":"sense@i2c-1","start":2,"line":17,"level":"error""#
    #expect(
      try one("{" + labels + #","t":-2,"text":"a","suppressed":5,"lost":7}"#)
        == .log(
          LogRecord(
            device: "p", epoch: 3, task: "sense@i2c-1", start: 2, number: 17, level: "error",
            time: 1_999_999_998, text: "a", suppressedCount: 5, lostCount: 7)))
    #expect(refusal("{" + labels + #","t":-2}"#) == .missing("text"))
    #expect(refusal("{" + labels + #","text":"a"}"#) == .missing("t"))
    #expect(refusal(#"{"device":"p","epoch":3,"task":"a"}"#) == .missing("start"))
  }

  @Test func boots() throws {
    let whole =
      #"{"device":"p","epoch":4,"version":"1","cause":"watchdog","detail":"task uplink: stalled","#
      + #""uptime":318,"unclean":2,"safe_mode":true}"#
    let notice = BootNotice(
      device: "p", epoch: 4, version: "1", cause: "watchdog", detail: "task uplink: stalled",
      uptime: 318, uncleanCount: 2, isSafe: true)
    #expect(try one(whole) == .boot(notice))
    #expect(refusal(#"{"cause":"first","epoch":1,"version":"1"}"#) == .missing("device"))
    #expect(
      refusal(#"{"cause":"first","device":"p","epoch":1,"version":"1","unclean":0}"#)
        == .missing("safe_mode"))
  }

  @Test func relativeTimesCountFromTheReceipt() throws {
    guard
      case .record(let record) = try one(
        #"[{"bn":"p/","n":"a","v":1,"t":-2.5,"epoch":0,"seq":0}]"#)
    else { return }
    #expect(record.time == 1_999_999_997.5)
  }

  @Test func baseFieldsHoldForTheRecordsAfterThem() throws {
    let text = #"""
      [{"bn":"p/","bt":1764000000,"bu":"Cel","bv":20,"n":"a","v":1,"epoch":1,"seq":1},
       {"n":"b","u":"Pa","v":2,"t":5,"epoch":1,"seq":2}]
      """#
    let messages = try decode(Array(text.utf8), receivedAt: 0)
    #expect(
      messages == [
        .record(
          Record(
            device: "p", channel: "a", unit: "Cel", time: 1_764_000_000, epoch: 1, sequence: 1,
            content: .value(21))),
        .record(
          Record(
            device: "p", channel: "b", unit: "Pa", time: 1_764_000_005, epoch: 1, sequence: 2,
            content: .value(22))),
      ])
  }

  /// The boot is said once, and a number only where it does not follow.
  @Test func numbersThatFollowAreLeftOut() throws {
    let text = #"""
      [{"bn":"p/","n":"a","v":1,"epoch":3,"seq":41},{"n":"a","v":2},{"seq":50,"n":"a","v":3},
       {"n":"a","v":4},{"epoch":4,"seq":0,"n":"a","v":5},{"n":"a","v":6}]
      """#
    let places = try decode(Array(text.utf8), receivedAt: 0).map { message in
      guard case .record(let record) = message else { return "" }
      return "\(record.epoch) \(record.sequence)"
    }
    #expect(places == ["3 41", "3 42", "3 50", "3 51", "4 0", "4 1"])
    #expect(
      refusal(#"[{"bn":"p/","n":"a","v":1,"epoch":0},{"n":"a","v":1,"seq":1}]"#)
        == .missing("seq"))
  }

  /// So is the number of a reading where it follows the channel's last one in the message.
  @Test func readingsThatFollowAreLeftOut() throws {
    let text = #"""
      [{"bn":"p/","n":"a","v":1,"epoch":3,"seq":41,"rseq":7},{"n":"b","v":2,"rseq":100},
       {"n":"a","v":2},{"n":"b","v":3},{"n":"a","vs":"gap","gap":"lost-edges","count":2},
       {"n":"a","v":4,"rseq":20},{"n":"c","v":5},{"n":"a","vs":"nack","quality":"nack"},
       {"n":"c","v":6,"rseq":18446744073709551615},{"n":"c","v":7}]
      """#
    let readings = try decode(Array(text.utf8), receivedAt: 0).map { message -> UInt64? in
      guard case .record(let record) = message else { return 0 }
      return record.readingSequence
    }
    #expect(readings == [7, 100, 8, 101, nil, 20, nil, 21, .max, 0])
  }

  @Test func whatIsNoMessageIsRefusedWithItsReason() {
    #expect(refusal("") == .notJSON)
    #expect(refusal("garbage") == .notJSON)
    #expect(refusal("[]") == .unknownShape)
    #expect(refusal("[1, 2]") == .unknownShape)
    #expect(refusal("[{\"n\":") == .unknownShape)
    #expect(refusal("{") == .notJSON)
    #expect(refusal(#"[{"n":"a","v":1,"epoch":0,"seq":0}]"#) == .missing("bn"))
    #expect(refusal(#"[{"bn":"p/","n":"a","v":1,"seq":0}]"#) == .missing("epoch"))
    #expect(refusal(#"[{"bn":"p/","n":"a","v":1,"epoch":0}]"#) == .missing("seq"))
    #expect(refusal(#"[{"bn":"p/","n":"a","epoch":0,"seq":0}]"#) == .missing("v"))
    #expect(refusal(#"[{"bn":"p/","n":"a","v":"1","epoch":0,"seq":0}]"#) == .unknownShape)
    #expect(refusal(#"[{"bn":"p/","v":1,"epoch":-1,"seq":0}]"#) == .unknownShape)
    let gap = #"[{"bn":"p/","vs":"gap","gap":"\#("X")","first":1,"count":1,"epoch":0,"seq":0}]"#
    #expect(refusal(gap) == .wrong("gap"))
    let overflow = "18446744073709551615"
    #expect(
      refusal(
        #"[{"bn":"p/","gap":"dropped-events","first":\#(overflow),"count":1,"epoch":0,"seq":0}]"#)
        == .wrong("count"))
    let big = String(repeating: " ", count: payloadByteCountMax + 1)
    #expect(refusal(big) == .tooBig(byteCount: payloadByteCountMax + 1))
  }

  @Test func whatAJournalAdds() throws {
    #expect(
      try content(#""vs":"gap","gap":"evicted","first":5,"last":41,"count":9,"lane":"alarms""#)
        == .gap(Gap(kind: .evicted, first: 5, count: 9, last: 41, lane: "alarms")))
    #expect(
      try content(#""vs":"gap","gap":"damaged","first":50,"last":41,"count":9,"first_epoch":1"#)
        == .gap(Gap(kind: .damaged, first: 50, count: 9, last: 41, firstEpoch: 1)))
    let begin = #"[{"bn":"p/","epoch":3,"seq":41,"gap":"evicted","#
    #expect(refusal(begin + #""first":5,"count":9}]"#) == .missing("last"))
    #expect(refusal(begin + #""first":5,"last":12,"count":9}]"#) == .wrong("last"))
    #expect(
      refusal(begin + #""first":5,"last":12,"count":9,"first_epoch":4}]"#) == .wrong("first_epoch"))
    guard
      case .record(let record) = try one(
        #"[{"bn":"p/","n":"a","v":1,"boottime":12.5,"epoch":3,"seq":0,"thinned":true,"#
          + #""historical":true,"replayed":true}]"#)
    else { return }
    #expect(record.bootTime == 12.5)
    #expect(record.time == 0)
    #expect(record.isThinned && record.isHistorical && record.isReplayed)
    #expect(eventLine(.record(record), now: 0).hasPrefix("boot+12.500s p a 1.0"))
  }

  @Test func checkpointsAndAnswers() throws {
    let text =
      #"{"device":"p","epoch":7,"t":1795000000,"lowest":{"epoch":3,"seq":120},"#
      + #""highest":{"epoch":7,"seq":991},"acknowledged":{"epoch":7,"seq":990},"stored":5,"#
      + #""evicted":6,"dropped":7}"#
    #expect(
      try one(text)
        == .checkpoint(
          Checkpoint(
            device: "p", epoch: 7, lowest: Place(epoch: 3, sequence: 120),
            highest: Place(epoch: 7, sequence: 991),
            acknowledged: Place(epoch: 7, sequence: 990), storedCount: 5, evictedCount: 6,
            droppedCount: 7)))
    #expect(
      refusal(
        #"{"device":"p","epoch":7,"lowest":{"epoch":3,"seq":1},"highest":{"epoch":2,"seq":1}}"#)
        == .wrong("highest"))
    let request = ReplayRequest(id: "a \"b\"", epoch: 7, first: 100, last: 180)
    #expect(request.payload == #"{"id":"a \"b\"","epoch":7,"first":100,"last":180}"#)
    let done = request.payload.dropLast() + #","sent":70,"missing":11,"status":"done"}"#
    #expect(
      try one(String(done))
        == .replayed(
          ReplayAnswer(
            id: "a \"b\"", epoch: 7, first: 100, last: 180, sentCount: 70, missingCount: 11)))
    #expect(
      try one(#"{"id":"x","status":"refused","reason":"busy"}"#)
        == .replayed(ReplayAnswer(id: "x", epoch: 0, first: 0, last: 0, refusal: "busy")))
    #expect(refusal(#"{"id":"x","status":"done"}"#) == .missing("epoch"))
  }

  @Test func compressedPacks() throws {
    let folder = try Folder()
    let record = #"[{"bn":"p/","n":"a","v":1,"epoch":0,"seq":0}]"#
    let good = try compress(Array(record.utf8), in: folder)
    #expect(try decode(good, receivedAt: 0) == (try decode(Array(record.utf8), receivedAt: 0)))
    #expect(try decode(good, contentType: compressedContentType, receivedAt: 0).count == 1)
    for count in 4..<good.count {
      #expect(
        throws: DecodingFailure.notZstd("it ends in the middle of a frame"), "\(count) bytes",
        performing: { try decode(Array(good.prefix(count)), receivedAt: 0) })
    }
    #expect(throws: DecodingFailure.self) {
      try decode(Array(record.utf8), contentType: compressedContentType, receivedAt: 0)
    }
    // Four MiB and one byte of blanks weigh some hundred bytes.
    let bomb = try compress([UInt8](repeating: 0x20, count: payloadByteCountMax + 1), in: folder)
    #expect(bomb.count < 1000)
    #expect(throws: DecodingFailure.tooBig(byteCount: payloadByteCountMax + 1)) {
      try decode(bomb, receivedAt: 0)
    }
    let seed = testSeed("compressed")
    var random = SeededRandom(seed: seed)
    for _ in 0..<2000 {
      var bytes = good
      for _ in 0...random.next() % 4 {
        bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
      }
      _ = try? decode(bytes, contentType: compressedContentType, receivedAt: 0)
    }
  }

  private func compress(_ bytes: [UInt8], in folder: Folder) throws -> [UInt8] {
    let path = folder.file("pack")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    #expect(try run("zstd", ["-q", "-f", path, "-o", path + ".zst"], in: folder) == .exited(0))
    return Array(try Data(contentsOf: URL(fileURLWithPath: path + ".zst")))
  }

  @Test func damagedPayloadsNeverTrap() {
    let good = Array(
      #"[{"bn":"p/","n":"a","u":"Cel","v":21.5,"t":-1,"epoch":3,"seq":41,"rseq":17}]"#.utf8)
    for seed in 1...500 as ClosedRange<UInt64> {
      var random = SeededRandom(seed: seed)
      var bytes = good
      for _ in 0...random.next() % 4 {
        bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
      }
      var gateways = Gateways()
      gateways.receive(
        topic: "weir/p/a", payload: Array(bytes.prefix(Int(random.next() % 90))), now: 0)
      #expect(gateways.messageCount == 1, "seed \(seed)")
      let table = Table(
        broker: "b", connection: .subscribed, connectionAge: 0, now: 1, width: 80, height: 24)
      for line in table.lines(gateways) { #expect(line.width <= 80, "seed \(seed)") }
    }
  }
}
