import Journal
import JournalFile

/// `weir journal verify`: whether all is there that the receiver still needs.
struct JournalHealth {
  let path: String
  private var lostCount: UInt64 = 0

  init(path: String) { self.path = path }

  mutating func examine(
    _ reader: inout JournalReader<FileStorage>, to output: inout Output
  ) {
    let lane = reader.lane.name
    let scan = reader.scan
    var recordCount = 0
    var gaps = ""
    reading: while true {
      switch reader.next() {
      case .end: break reading
      case .record: recordCount += 1
      case .gap(let gap):
        if gap.reason == .damaged { lostCount += gap.count }
        gaps += "  \(gap.count) \(gap.reason.name): behind \(gap.after.epoch)."
        gaps += "\(gap.after.sequence), up to \(gap.through.epoch).\(gap.through.sequence)\n"
      }
    }
    output.write(
      "\(lane): \(recordCount) records; blocks: \(scan.wholeBlockCount) whole, "
        + "\(scan.damagedBlockCount) damaged, \(scan.foreignBlockCount) of another journal, "
        + "\(scan.blankBlockCount) blank"
        + (scan.sealedBlockCount > 0 ? "; \(scan.sealedBlockCount) sealed" : "")
        + (reader.refusedBlockCount > 0 ? ", \(reader.refusedBlockCount) of them forged" : "")
        + "\n" + gaps)
  }

  func conclude(to output: inout Output) -> Int32 {
    guard lostCount > 0 else {
      output.write("\(path): ok: nothing is damaged that the receiver still needs\n")
      return ExitStatus.success
    }
    output.write("\(path): \(lostCount) events are damaged; the receiver will be told which\n")
    return ExitStatus.failure
  }
}

/// `weir journal stat`: how full, how old, and what it costs the flash.
///
/// The file counts its commits and the blocks that it began. A commit writes the blocks begun since
/// the last one, and the one that was being filled once more: so about as many blocks were written
/// as both numbers together.
struct JournalWear {
  let path: String
  private var creationTime: Int64 = 0
  private var epoch: UInt64 = 0
  private var byteCount: Int64 = 0
  private var blockByteCount: UInt64 = 0
  private var commits: UInt64 = 0
  private var blocks: UInt64 = 0
  /// Of all events that were ever appended, by the mean size of those that are there.
  private var eventBytes: UInt64 = 0

  /// A cheap card of 2026: what its makers promise for TLC cells, and the writing that its
  /// controller adds when it moves whole erase blocks.
  private static var cardGigabytes: UInt64 { 32 }
  private static var eraseCycles: UInt64 { 1000 }
  private static var controllerFactor: UInt64 { 4 }
  private static var nanosecondsPerHour: Int64 { 3_600_000_000_000 }
  private static var hoursPerYear: UInt64 { 8766 }

  init(path: String) { self.path = path }

  mutating func examine(
    _ reader: inout JournalReader<FileStorage>, to output: inout Output
  ) {
    creationTime = reader.creationTime
    epoch = max(epoch, reader.epoch)
    byteCount = reader.geometry.byteCount
    blockByteCount = UInt64(reader.geometry.blockByteCount)
    commits = max(commits, reader.scan.commit)
    blocks &+= reader.scan.blockSequence
    let start = reader.scan.start.ordinal
    var needed = 0
    for index in 0..<reader.segmentCount {
      guard let segment = reader.segment(index) else { continue }
      if segment.ordinals.upperBound > start { needed += 1 }
    }
    let waiting = reader.scan.end.ordinal - min(start, reader.scan.end.ordinal)
    reader.seek(Mark(ordinal: reader.oldest))
    var recordCount: UInt64 = 0
    var recordBytes: UInt64 = 0
    reading: while true {
      switch reader.next() {
      case .end: break reading
      case .gap: break
      case .record(let found):
        recordCount += 1
        recordBytes += UInt64(found.byteCount)
      }
    }
    if recordCount > 0 {
      eventBytes &+= whole(
        Double(reader.scan.end.ordinal) * Double(recordBytes) / Double(recordCount))
    }
    output.write(
      "\(reader.lane.name): \(waiting) events wait for the receiver, in \(needed) of "
        + "\(reader.segmentCount) segments (\(needed * 100 / reader.segmentCount) %); "
        + "\(reader.scan.end.ordinal) ever, \(reader.scan.evicted.ordinal) of them before the last "
        + "that was evicted\n")
  }

  func conclude(now: Int64, to output: inout Output) {
    output.write("\(path): \(byteCount >> 20) MiB, epoch \(epoch), \(commits) commits\n")
    let written = (commits &+ blocks) &* blockByteCount
    if eventBytes > 0 {
      let tenths = whole(Double(written) / Double(eventBytes) * 10)
      output.write(
        "written: about \(written >> 10) KiB, \(tenths / 10).\(tenths % 10) bytes for each byte of "
          + "events\n")
    }
    let hours = (now &- creationTime) / Self.nanosecondsPerHour
    guard creationTime > 0, hours > 0 else {
      return output.write("age: below an hour, or unknown: too young to tell the flash's wear\n")
    }
    let perYear = Double(written) / Double(hours) * Double(Self.hoursPerYear)
    let rated = Double(Self.cardGigabytes * Self.eraseCycles) * 1e9
    let share = whole(perYear * Double(Self.controllerFactor) / rated * 1000)
    output.write(
      "age: \(hours / 24) days \(hours % 24) hours; "
        + "\(whole(perYear / 1e6)) MB a year at this rate, "
        + "\(share / 10).\(share % 10) % of what a card of \(Self.cardGigabytes) GB and "
        + "\(Self.eraseCycles) erase cycles is good for, if its controller writes "
        + "\(Self.controllerFactor) times as much\n")
  }
}

/// The whole part of a number that is not negative; one that a damaged file makes too large is
/// 10¹⁸.
private func whole(_ value: Double) -> UInt64 {
  value >= 0 && value < 1e18 ? UInt64(value) : 1_000_000_000_000_000_000
}
