// Invariants, against a model broker that acknowledges, refuses, forgets and reorders at random:
// - the ring's tail never passes an event that the broker has not acknowledged or called invalid;
// - never more are under way than the window and the broker's receive maximum allow;
// - after any history, sending goes on until the ring is empty, and every event was acknowledged;
// - packet identifiers may start over with each session.

import Drivers
import Linux
import Ring
import Testing

@testable import Uplink

struct DeliveryTests {
  struct Random {
    var state: UInt64
    mutating func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
  }

  /// One history of 2,000 steps.
  func run(seed: UInt64, window: UInt16, capacity: Int) throws {
    var random = Random(state: seed)
    let mapping = try SharedMapping(byteCount: Ring<Event>.byteCount(capacity: capacity))
    // Safe: the mapping lives as long as the ring.
    let block = unsafe ArenaBlock(base: mapping.base, byteCount: mapping.byteCount)
    let ring = Ring<Event>.format(block, capacity: capacity)
    var producer = Producer(ring)
    var delivery = Delivery(
      Consumer(ring), window: window, pause: Backoff(ceilingMax: 1_000_000_000, seed: seed))
    var produced: UInt64 = 0
    var settled: Set<UInt64> = []
    var underWay: [(messageID: UInt16, sequence: UInt64)] = []
    var messageID: UInt16 = 0
    var receiveMaximum: UInt16 = .max
    var now: Int64 = 0
    for step in 0..<4000 {
      let isEnding = step >= 2000
      if step == 2000 { receiveMaximum = .max }
      now += Int64(random.next(200_000_000))
      switch random.next(isEnding ? 6 : 10) {
      case 0..<3:  // send what goes
        guard now >= delivery.pauseEnd else { break }
        for _ in 0..<random.next(40) {
          guard let (event, position) = delivery.nextToSend(receiveMaximum: receiveMaximum) else {
            break
          }
          #expect(event.sequence == position)
          #expect(!settled.contains(event.sequence))
          messageID = messageID == .max ? 1 : messageID + 1
          delivery.noteSent(position, messageID: messageID, now: now)
          underWay.append((messageID, event.sequence))
        }
      case 3..<6:  // acknowledge some, in any order
        for _ in 0..<random.next(40) where !underWay.isEmpty {
          let (answered, sequence) = underWay.remove(at: random.next(underWay.count))
          let code: UInt8 = isEnding ? 0 : [0, 0, 0, 0, 0x10, 0x87, 0x97, 0x99][random.next(8)]
          let outcome = delivery.note(Acknowledgement(messageID: answered, code: code), now: now)
          switch code {
          case 0x87, 0x97: #expect(outcome == .refused)
          case 0x99:
            #expect(outcome == .dropped)
            settled.insert(sequence)
          default:
            #expect(outcome == .acknowledged || outcome == .acknowledgedAfterRefusal)
            settled.insert(sequence)
          }
        }
      case 6:  // the session ends, another begins
        delivery.noteSessionEnd()
        underWay = []
        messageID = UInt16(random.next(2) == 0 ? 0 : 65_500)
        receiveMaximum = UInt16([1, 5, 65_535][random.next(3)])
      case 7:  // an answer to nothing
        let stranger = Acknowledgement(messageID: messageID &+ 1, code: 0)
        #expect(delivery.note(stranger, now: now) == .foreign)
      default:  // produce
        for _ in 0..<random.next(60) {
          if producer.push(Event(kind: .value, channel: 0, time: now, sequence: produced)) {
            produced += 1
          }
        }
      }
      #expect(delivery.underWayCount == underWay.count)
      #expect(underWay.count <= Int(window) && underWay.count <= Int(receiveMaximum))
      let tail = ring.tail.load()
      #expect(tail == 0 || settled.contains(tail - 1))
      #expect(!settled.contains(tail))
    }
    #expect(ring.tail.load() == produced)
    #expect(settled.count == Int(produced))
    #expect(delivery.refusalCode == 0)
    let isEmpty = delivery.isEmpty()
    #expect(isEmpty)
  }

  @Test(arguments: [(1, 256), (2, 256), (32, 256), (32, 16), (1000, 4096)] as [(UInt16, Int)])
  func anyHistoryEndsWell(_ size: (window: UInt16, capacity: Int)) throws {
    let seed = UInt64.random(in: 0 ... .max)
    for index in 0..<10 {
      print("seed \(seed &+ UInt64(index)) window \(size.window) capacity \(size.capacity)")
      try run(seed: seed &+ UInt64(index), window: size.window, capacity: size.capacity)
    }
  }

  @Test func pausesGrowAndStayBelowTheMaximum() {
    var backoff = Backoff(ceilingMax: 8_000_000_000, seed: 7)
    var longest: Int64 = 0
    for index in 0..<1000 {
      let pause = backoff.next()
      #expect(pause >= Backoff.pauseMin)
      if index == 0 { #expect(pause <= 500_000_000) }
      if index == 1 { #expect(pause <= 1_000_000_000) }
      #expect(pause <= 8_000_000_000)
      longest = max(longest, pause)
    }
    #expect(longest > 7_000_000_000)
    #expect(backoff.next(limit: 1_000_000_000) <= 1_000_000_000)
    backoff.reset()
    #expect(backoff.next() <= 500_000_000)
  }
}
