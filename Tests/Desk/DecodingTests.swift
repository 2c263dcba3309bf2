// Invariants checked:
// - every kind of message that a gateway sends is decoded as it was meant;
// - a payload that is none is refused with its reason, and no payload at all traps;
// - times and base fields are resolved as RFC 8428 §4.5.3 and §4.6 say.

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
  }

  @Test func statuses() throws {
    #expect(
      try one(#"{"status":"online","device":"plant7","epoch":3,"version":"0.1"}"#)
        == .status(Status(device: "plant7", isOnline: true, epoch: 3, version: "0.1")))
    #expect(
      try one(#" {"status":"offline","device":"plant7"}"#)
        == .status(Status(device: "plant7", isOnline: false)))
    #expect(refusal(#"{"status":"asleep","device":"x"}"#) == .wrong("status"))
    #expect(refusal(#"{"device":"x"}"#) == .missing("status"))
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
