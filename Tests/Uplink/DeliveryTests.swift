// Invariants, against a model broker that acknowledges, refuses, forgets and reorders at random:
// - the mark of a lane never passes an event that the broker has not acknowledged or called
//   invalid;
// - never more are under way than the window and the broker's receive maximum allow;
// - after any history, sending goes on until nothing is left, and every event was acknowledged;
// - packet identifiers may start over with each session.

import Drivers
import Journal
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

  /// One history of 4,000 steps.
  func run(seed: UInt64, window: UInt16, batchCount: Int) throws {
    var random = Random(state: seed)
    var rig = try UplinkRig(1)
    let share = rig.context.journal
    var delivery = Delivery(
      share, window: window, pause: Backoff(ceilingMax: 1_000_000_000, seed: seed),
      backfillRate: 0)
    var settled: Set<UInt64> = []
    var alarms: Set<UInt64> = []
    var underWay: [(messageID: UInt16, sequences: [UInt64])] = []
    var messageID: UInt16 = 0
    var receiveMaximum: UInt16 = .max
    var now: Int64 = 0
    for step in 0..<4000 {
      let isEnding = step >= 2000
      if step == 2000 { receiveMaximum = .max }
      now += Int64(random.next(200_000_000))
      let isOpen = delivery.open()
      #expect(isOpen)
      switch random.next(isEnding ? 6 : 10) {
      case 0..<3:  // send what goes
        guard now >= delivery.pauseEnd else { break }
        for _ in 0..<random.next(40) {
          guard let first = delivery.next(receiveMaximum: receiveMaximum, now: now) else { break }
          var sequences = [try sequence(first)]
          delivery.take(first, now: now)
          let count = delivery.source(of: first).takeMore { item in
            guard sequences.count < batchCount, case .event(let event) = item.content else {
              return false
            }
            sequences.append(event.sequence)
            return true
          }
          delivery.noteTaken(first, count: count, now: now)
          #expect(sequences.count == count + 1)
          #expect(settled.isDisjoint(with: sequences))
          messageID = messageID == .max ? 1 : messageID + 1
          delivery.noteSent(first, messageID: messageID, now: now)
          underWay.append((messageID, sequences))
        }
      case 3..<6:  // acknowledge some, in any order
        for _ in 0..<random.next(40) where !underWay.isEmpty {
          let (answered, sequences) = underWay.remove(at: random.next(underWay.count))
          let code: UInt8 = isEnding ? 0 : [0, 0, 0, 0, 0x10, 0x87, 0x97, 0x99][random.next(8)]
          let outcome = delivery.note(Acknowledgement(messageID: answered, code: code), now: now)
          switch code {
          case 0x87, 0x97:
            #expect(outcome == .refused)
            // The lane goes back to the mark: of nothing that was under way there it hears again.
            let isAlarm = alarms.contains(sequences[0])
            underWay.removeAll { alarms.contains($0.sequences[0]) == isAlarm }
            settled = kept(settled) {
              alarms.contains($0) != isAlarm || isPast($0, isAlarm ? .alarms : .telemetry, rig)
            }
          case 0x99:
            #expect(outcome == .dropped)
            settled.formUnion(sequences)
          default:
            #expect(outcome == .acknowledged || outcome == .acknowledgedAfterRefusal)
            settled.formUnion(sequences)
          }
        }
      case 6:  // the session ends, another begins
        delivery.noteSessionEnd()
        underWay = []
        settled = kept(settled) {
          isPast($0, alarms.contains($0) ? .alarms : .telemetry, rig)
        }
        messageID = UInt16(random.next(2) == 0 ? 0 : 65_500)
        receiveMaximum = UInt16([1, 5, 65_535][random.next(3)])
      case 7:  // an answer to nothing
        let stranger = Acknowledgement(messageID: messageID &+ 1, code: 0)
        #expect(delivery.note(stranger, now: now) == .foreign)
      default:  // produce, at most what the steps to the end can send one by one
        guard rig.nextSequence < UInt64(settled.count) + 256 else { break }
        for _ in 0..<random.next(60) {
          let isAlarm = random.next(10) == 0
          if isAlarm { alarms.insert(rig.nextSequence) }
          rig.append(
            Event(
              kind: isAlarm ? .alarmRaised : .value, channel: 0, time: now,
              sequence: rig.nextSequence))
        }
        rig.commit()
      }
      #expect(delivery.underWayCount == underWay.count)
      #expect(underWay.count <= Int(window) && underWay.count <= Int(receiveMaximum))
      for lane in [Lane.alarms, .telemetry] {
        let shown = rig.acknowledged(lane)
        let mark = try #require(shown)
        #expect(mark.ordinal == 0 || settled.contains(mark.sequence))
      }
    }
    let isAtEnd = rig.isEmpty && delivery.isEmpty()
    #expect(isAtEnd)
    let count = Int(rig.nextSequence)
    #expect(settled.count == count)
    #expect(delivery.refusalCode == 0)
  }

  private func sequence(_ outgoing: Delivery.Outgoing) throws -> UInt64 {
    guard case .event(let event) = outgoing.item.content else {
      throw ItIsNoEvent()
    }
    return event.sequence
  }

  /// As `filter`, which lets nothing noncopyable in.
  private func kept(_ all: Set<UInt64>, where holds: (UInt64) -> Bool) -> Set<UInt64> {
    all.filter(holds)
  }

  private struct ItIsNoEvent: Error {}

  /// Whether the mark of its lane has passed the event.
  private func isPast(_ sequence: UInt64, _ lane: Lane, _ rig: borrowing UplinkRig) -> Bool {
    guard let mark = rig.acknowledged(lane), mark.ordinal > 0 else { return false }
    return mark.sequence >= sequence
  }

  @Test(arguments: [(1, 1), (2, 1), (32, 1), (32, 7), (1000, 1), (1000, 50)] as [(UInt16, Int)])
  func anyHistoryEndsWell(_ size: (window: UInt16, batch: Int)) throws {
    let seed = UInt64.random(in: 0 ... .max)
    for index in 0..<10 {
      print("seed \(seed &+ UInt64(index)) window \(size.window) batch \(size.batch)")
      try run(seed: seed &+ UInt64(index), window: size.window, batchCount: size.batch)
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
