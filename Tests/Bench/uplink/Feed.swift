import Journal
import JournalFile
import Linux
import Ring
import Uplink

/// The writing end of a pair: a value, as in the journal's task.
struct Feed: ~Copyable {
  private(set) var journal: Journal<FileStorage>
  private(set) var sequence: UInt64 = 0
  private let record = JournalMemory(byteCount: Event.recordByteCount)
  private let share: JournalShare
  private let bell: Doorbell
  private let bellDescriptor: Int32

  init(
    _ journal: consuming Journal<FileStorage>, _ share: JournalShare, _ bell: Doorbell,
    _ bellDescriptor: Int32
  ) {
    self.journal = journal
    self.share = share
    self.bell = bell
    self.bellDescriptor = bellDescriptor
  }

  mutating func append(count: Int, from time: Int64) throws(BenchFailure) {
    for index in 0..<count {
      try append(Pair.reading(sequence, time: time + Int64(index) * 1000))
    }
  }

  @inline(__always)
  mutating func append(_ event: Event) throws(BenchFailure) {
    var event = event
    event.sequence = sequence
    event.store(in: record.bytes)
    while true {
      switch journal.append(record.bytes, sequence: sequence, lane: event.lane) {
      case .pending:
        sequence += 1
        return
      case .commitFirst: try commit()
      case .known, .laneFull: throw .failed("the journal does not take an event")
      }
    }
  }

  mutating func commit() throws(BenchFailure) {
    do throws(JournalError) {
      for lane in [Lane.alarms, Lane.telemetry] {
        if let mark = share.fileMarks.acknowledged[lane], mark.ordinal > 0 {
          journal.acknowledge(mark, lane: lane)
        }
      }
      try journal.commit()
    } catch {
      throw .failed("a commit failed")
    }
    for lane in [Lane.alarms, Lane.telemetry] {
      share.board.durable.show(journal.durable(lane), of: lane)
    }
    if bell.needsRing() { EventCounter.signal(bellDescriptor) }
  }
}
