// Invariants checked: the account that the other tests trust sees what it must see. A record that
// is missing, changed, doubled or invented is a fault; one that the gateway told of is none.

import Desk
import Drivers
import Testing

@Suite struct AccountTests {
  private func value(_ sequence: UInt64, reading: UInt64, _ value: Double = 21) -> Record {
    Record(
      device: "d", channel: "a", time: 0, epoch: 1, sequence: sequence, readingSequence: reading,
      content: .value(value))
  }

  private func gap(_ sequence: UInt64, _ kind: Gap.Kind, _ first: UInt64, _ count: UInt64) -> Record
  {
    Record(
      device: "d", channel: kind == .droppedEvents ? "" : "a", time: 0, epoch: 1,
      sequence: sequence, content: .gap(Gap(kind: kind, first: first, count: count)))
  }

  private func faults(_ records: [Record]) -> Int {
    Account(records, channels: ["a"]).faults.count
  }

  @Test func whatIsCompleteHasNoFault() {
    #expect(faults((0..<9).map { value($0, reading: $0) }) == 0)
    #expect(faults([value(0, reading: 0), value(0, reading: 0), value(1, reading: 1)]) == 0)
    #expect(
      faults([value(0, reading: 0), gap(1, .missedDeadlines, 1, 3), value(2, reading: 4)]) == 0)
    #expect(
      faults([value(0, reading: 0), gap(1, .droppedReadings, 1, 1), value(2, reading: 2)]) == 0)
  }

  @Test func whatIsMissingIsAFault() {
    #expect(faults([value(0, reading: 0), value(2, reading: 1)]) == 1)
    #expect(faults([value(0, reading: 0), value(1, reading: 2)]) == 1)
    #expect(faults([value(1, reading: 0)]) == 1)
    #expect(faults([value(0, reading: 1)]) == 1)
    #expect(
      faults([value(0, reading: 0), gap(1, .missedDeadlines, 1, 2), value(2, reading: 4)]) == 1)
  }

  @Test func whatIsInventedIsAFault() {
    // The same record with another value, and one reading as two records.
    #expect(faults([value(0, reading: 0), value(0, reading: 0, 22)]) == 1)
    #expect(faults([value(0, reading: 0), value(1, reading: 0)]) == 1)
  }

  @Test func droppedEventsExplainRecordsAndTheirReadings() {
    // The records 1 and 2 were dropped with the readings 1 and 2 inside.
    #expect(
      faults([value(0, reading: 0), gap(3, .droppedEvents, 1, 2), value(4, reading: 3)]) == 0)
    #expect(
      faults([value(0, reading: 0), gap(3, .droppedEvents, 1, 1), value(4, reading: 3)]) > 0)
  }
}
