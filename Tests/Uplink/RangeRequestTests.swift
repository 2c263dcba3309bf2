// Invariants:
// - a request is the four members, each once, in any order, and nothing else;
// - no payload makes the parser trap, and what it takes is what an independent reader reads;
// - a bucket lets through its burst, and then its rate; answers and waiting requests are few.

import Desk
import Foundation
import Seeds
import Testing

@testable import Uplink

@Suite struct RangeRequestTests {
  private typealias Request = RangeRequest

  private func parse(_ text: String) -> Request.Parsed { Request.parse(Array(text.utf8)) }

  private func refusal(_ text: String) -> ReplayRefusal? {
    if case .refused(_, let reason) = parse(text) { reason } else { nil }
  }

  @Test func theReceiversRequestIsTaken() {
    for id in ["a", "weirctl 1f", #"q"b\s/"#, String(repeating: "i", count: 64)] {
      let sent = ReplayRequest(id: id, epoch: 7, first: 100, last: .max - 1)
      let expected = Request(id: Array(id.utf8), epoch: 7, first: .max - 9, last: .max - 1)
      var same = sent
      same.first = .max - 9
      #expect(parse(same.payload) == .request(expected))
    }
    #expect(
      parse(" {\"last\" : 5,\n\"first\":0 ,\t\"epoch\":1,\"id\":\"z\"}\r\n")
        == .request(Request(id: Array("z".utf8), epoch: 1, first: 0, last: 5)))
  }

  @Test func everythingElseIsRefused() {
    let cases: [(String, ReplayRefusal)] = [
      ("", .notJSON), ("{", .notJSON), ("{}", .missingMember), ("null", .notJSON),
      (#"{"id":"a","epoch":1,"first":0}"#, .missingMember),
      (#"{"id":"a","epoch":1,"first":0,"last":1,}"#, .notJSON),
      (#"{"id":"a","epoch":1,"first":0,"last":1} x"#, .notJSON),
      (#"{"id":"a","epoch":1,"first":0,"last":1,"x":1}"#, .unknownMember),
      (#"{"id":"a","epoch":1,"first":0,"other":1}"#, .unknownMember),
      (#"{"id":"a","id":"a","first":0,"last":1}"#, .doubledMember),
      (#"{"id":"","epoch":1,"first":0,"last":1}"#, .identifier),
      (
        #"{"id":"\#(String(repeating: "i", count: 65))","epoch":1,"first":0,"last":1}"#, .identifier
      ),
      (#"{"id":"ä","epoch":1,"first":0,"last":1}"#, .identifier),
      (#"{"id":"a\u0000","epoch":1,"first":0,"last":1}"#, .identifier),
      (#"{"id":5,"epoch":1,"first":0,"last":1}"#, .identifier),
      (#"{"id":"a","epoch":0,"first":0,"last":1}"#, .epoch),
      (#"{"id":"a","epoch":-1,"first":0,"last":1}"#, .number),
      (#"{"id":"a","epoch":1.5,"first":0,"last":1}"#, .number),
      (#"{"id":"a","epoch":1e9,"first":0,"last":1}"#, .number),
      (#"{"id":"a","epoch":01,"first":0,"last":1}"#, .number),
      (#"{"id":"a","epoch":18446744073709551616,"first":0,"last":1}"#, .number),
      (#"{"id":"a","epoch":1,"first":2,"last":1}"#, .reversed),
      (#"{"id":"a","epoch":1,"first":0,"last":100000}"#, .tooMany),
      (#"{"id":"a","epoch":1,"first":0,"last":18446744073709551615}"#, .tooMany),
      (String(repeating: " ", count: 513), .tooLong),
      (String(repeating: "[", count: 512), .notJSON),
    ]
    for (text, reason) in cases { #expect(refusal(text) == reason, "\(text.prefix(80))") }
  }

  @Test func nothingTrapsTheParser() throws {
    var random = SeededRandom(seed: testSeed("requests"))
    let good = Array(#"{"id":"weirctl 1f","epoch":7,"first":100,"last":180}"#.utf8)
    let words = [
      #""id""#, #""epoch""#, #""first""#, #""last""#, ":", ",", "{", "}", "\"", "\\", "0", "1", "9",
      "18446744073709551615", "99999999999999999999", "-", ".", "e", " ", "null", "[", "]", "\u{0}",
    ].map { Array($0.utf8) }
    var takenCount = 0
    for round in 0..<200_000 {
      var payload = good
      if round % 3 == 0 {
        payload = []
        for _ in 0..<Int.random(in: 0...30, using: &random) {
          payload += words.randomElement(using: &random) ?? []
        }
      } else {
        for _ in 0..<Int.random(in: 0...3, using: &random) where !payload.isEmpty {
          let index = Int.random(in: 0..<payload.count, using: &random)
          switch Int.random(in: 0...2, using: &random) {
          case 0: payload[index] = UInt8.random(in: 0...255, using: &random)
          case 1: payload.remove(at: index)
          default: payload.insert(contentsOf: words[index % words.count], at: index)
          }
        }
      }
      guard case .request(let request) = Request.parse(payload) else { continue }
      takenCount += 1
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(payload)) as? [String: Any])
      #expect(object.count == 4 && object["epoch"] as? UInt64 == request.epoch)
      #expect(object["first"] as? UInt64 == request.first)
      #expect(object["last"] as? UInt64 == request.last)
      #expect((object["id"] as? String).map { Array($0.utf8) } == request.id)
    }
    #expect(takenCount > 1000)
  }

  @Test func theLongestAnswerFits() {
    let request = Request(
      id: [UInt8](repeating: UInt8(ascii: "\""), count: 64), epoch: .max, first: 0, last: .max - 1)
    #expect(RangeAnswer(request: request, outcome: .done(sentCount: 0)).payload.count < 512)
    #expect(RangeAnswer(request: request, outcome: .refused(.number)).payload.count < 512)
    let places = EventPlace(epoch: .max, sequence: .max)
    let checkpoint = JournalCheckpoint(
      lowest: places, highest: places, acknowledged: places, storedCount: .max,
      evictedCount: .max, droppedCount: .max)
    let device = String(repeating: "\u{1}", count: 64)
    let payload = checkpoint.payload(device: device, epoch: .max, offset: 0, now: .max)
    #expect(payload.count < 1024)
  }

  @Test func theQueueIsBounded() {
    let payload = Array(#"{"id":"a","epoch":1,"first":0,"last":9}"#.utf8)
    var queue = ReplayQueue()
    for _ in 0..<1000 { queue.add(payload, now: 0) }
    // Four wait, eight are told that it is busy, and the others hear nothing.
    #expect(queue.ignoredCount == 1000 - 4 - 8)
    var refusedCount = 0
    for id in 1...20 as ClosedRange<UInt16> {
      guard let answer = queue.answer else { break }
      #expect(answer.outcome == .refused(.busy))
      refusedCount += 1
      queue.noteSent(messageID: id)
    }
    // No more are under way than libmosquitto has room for.
    #expect(refusedCount == ReplayQueue.underWayCountMax)
  }

  @Test func aMinuteLetsSixtyThrough() {
    var bucket = TokenBucket(perMinute: 60, burst: 10)
    var count = 0
    for millisecond in 0..<60_000 as Range<Int64> where bucket.take(millisecond * 1_000_000) {
      count += 1
    }
    #expect(count == 69 || count == 70, "\(count)")
    // A receiver that asks once a second is never refused.
    var steady = TokenBucket(perMinute: 60, burst: 10)
    for second in 0..<1000 as Range<Int64> {
      let isTaken = steady.take(second * 1_000_000_000)
      #expect(isTaken)
    }
  }
}
