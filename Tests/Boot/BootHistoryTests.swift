// Invariants checked, over every sequence of three boots with every end that a boot can have, with
// and without the hardware's word, for every threshold of safe mode up to three:
// - an orderly end is reported as what it was, whatever the hardware says, and clears the count;
// - a watchdog is the cause only when the hardware or the supervisor says so;
// - safe mode begins after exactly as many unclean ends in a row as the policy says, never with the
//   policy 0, and always when it is forced; a boot that stayed up clears the count;
// - the supervisor's verdict counts although the boot had been stable, up to an hour;
// Of the file:
// - the record that is written is the one that is read, in every phase;
// - every single flipped bit, every cut and every byte more is damage, and no record;
// - a missing file is a first boot, a damaged one is said to be damaged;
// - no note can break the file.

import Foundation
import Linux
import Testing

@testable import Boot

/// How a boot ended, and what it was the last to write.
private struct End: Equatable {
  var phase: BootPhase
  var uptime: UInt64
  var isReset: Bool

  static let all: [End] = BootPhase.allCases.flatMap { phase in
    [false, true].flatMap { isReset in
      [10, 4000].map { End(phase: phase, uptime: $0, isReset: isReset) }
    }
  }

  var isOrderly: Bool { phase == .restarted || phase == .poweredOff }

  /// The count after this end, by the words of the policy.
  func count(after count: UInt64) -> UInt64 {
    switch phase {
    case .restarted, .poweredOff, .stable: 0
    case .started: count + 1
    case .failed, .gaveUp: uptime > 3600 ? 1 : count + 1
    }
  }

  var cause: BootCause {
    switch phase {
    case .restarted: .restart
    case .poweredOff: .powerOff
    case .failed: .failure
    case .gaveUp: .watchdog
    case .started, .stable: isReset ? .watchdog : .unknown
    }
  }
}

@Suite struct BootHistoryTests {
  @Test func everySequenceOfThreeBoots() throws {
    var checked = 0
    for after in 0...3 as ClosedRange<UInt64> {
      for isForced in [false, true] {
        let policy = SafeModePolicy(after: after, isForced: isForced)
        let first = BootHistory.begin(
          after: nil, problem: nil, epoch: 1, isReset: true, policy: policy)
        try check(first, .first, 0, policy)
        checked += try follow(first.record, count: 0, depth: 3, policy)
      }
    }
    #expect(checked == 8 * (24 + 24 * 24 + 24 * 24 * 24))
  }

  /// Every end of the boot, and all that can follow; returns how many were checked.
  private func follow(
    _ record: BootRecord, count: UInt64, depth: Int, _ policy: SafeModePolicy
  ) throws -> Int {
    if depth == 0 { return 0 }
    var checked = 0
    for end in End.all {
      let left = record.ended(end.phase, uptimeSeconds: end.uptime, note: "why")
      let report = BootHistory.begin(
        after: left, problem: nil, epoch: left.epoch + 1, isReset: end.isReset, policy: policy)
      let next = end.count(after: count)
      try check(report, end.cause, next, policy)
      guard report.detail == "why", report.previousEpoch == left.epoch,
        report.previousUptimeSeconds == end.uptime
      else { throw Difference(text: "\(report) does not tell of \(left)") }
      checked += 1
      checked += try follow(report.record, count: next, depth: depth - 1, policy)
    }
    return checked
  }

  private struct Difference: Error { var text: String }

  private func check(
    _ report: BootReport, _ cause: BootCause, _ count: UInt64, _ policy: SafeModePolicy
  ) throws {
    let isSafe = policy.isForced || policy.after > 0 && count >= policy.after
    guard report.cause == cause, report.record.uncleanCount == count,
      report.record.isSafe == isSafe, report.record.phase == .started
    else { throw Difference(text: "\(report): expected \(cause), \(count), \(isSafe)") }
  }

  @Test func safeModeIsLeftByABootThatStayedUp() {
    let policy = SafeModePolicy(after: 3)
    var record = BootRecord(epoch: 3, uncleanCount: 2)
    record =
      BootHistory.begin(
        after: record, problem: nil, epoch: 4, isReset: true, policy: policy
      ).record
    #expect(record.isSafe && record.uncleanCount == 3)
    // Switched off too early: still safe. After a while: an ordinary boot.
    #expect(
      BootHistory.begin(after: record, problem: nil, epoch: 5, isReset: false, policy: policy)
        .record.isSafe)
    let stable = record.ended(.stable, uptimeSeconds: 300)
    let next = BootHistory.begin(
      after: stable, problem: nil, epoch: 5, isReset: false, policy: policy)
    #expect(!next.record.isSafe && next.record.uncleanCount == 0)
  }

  @Test func damageIsNoFirstBoot() {
    for isReset in [false, true] {
      let report = BootHistory.begin(
        after: nil, problem: .damaged, epoch: 7, isReset: isReset, policy: SafeModePolicy())
      #expect(report.cause == (isReset ? .watchdog : .unknown))
      #expect(report.record.uncleanCount == 0 && !report.record.isSafe)
    }
  }
}

@Suite struct BootRecordTests {
  private let record = BootRecord(
    epoch: 17, phase: .gaveUp, uncleanCount: 2, isSafe: true, uptimeSeconds: 318,
    note: "critical task uplink stalled in step 2")

  @Test func theFileIsAsDocumented() {
    #expect(
      String(decoding: record.bytes, as: UTF8.self) == """
        weir-boots 1
        epoch 17
        phase gave-up
        unclean 2
        safe 1
        uptime 318
        note critical task uplink stalled in step 2
        crc 052a1b58

        """)
    // The check value of CRC-32 in every catalogue.
    #expect(checksum(Array("123456789".utf8)) == 0xcbf4_3926)
  }

  @Test func everyPhaseIsReadAsItWasWritten() throws {
    for phase in BootPhase.allCases {
      for isSafe in [false, true] {
        let record = BootRecord(epoch: 3, phase: phase, uncleanCount: 1, isSafe: isSafe)
        #expect(try #require(BootRecord(record.bytes)) == record)
      }
    }
  }

  @Test func everyFlippedBitIsDamage() {
    let bytes = record.bytes
    for index in bytes.indices {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[index] ^= 1 << UInt8(bit)
        #expect(BootRecord(damaged) == nil, "bit \(bit) of byte \(index)")
      }
    }
  }

  @Test func everyCutAndEveryByteMoreIsDamage() {
    let bytes = record.bytes
    for count in 0..<bytes.count { #expect(BootRecord(Array(bytes[0..<count])) == nil) }
    for more in 0...UInt8.max { #expect(BootRecord(bytes + [more]) == nil) }
    #expect(BootRecord([UInt8](repeating: 0, count: 4096)) == nil)
  }

  @Test func noNoteBreaksTheFile() throws {
    let notes = [
      "", "two\nlines\r\0", String(repeating: "long ", count: 100), "crc 00000000\n", "ümläut",
      String(repeating: "\u{1F300}", count: 40),
    ]
    for note in notes {
      let record = BootRecord(epoch: 999_999_999_999_999_999, phase: .failed, note: note)
      #expect(record.bytes.count <= BootRecord.fileByteCountMax)
      #expect(try #require(BootRecord(record.bytes)) == record)
      #expect(record.note.utf8.count <= BootRecord.noteByteCountMax)
    }
  }

  @Test func theFileIsReplacedAndRead() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("weir-boots-\(ProcessInfo.processInfo.processIdentifier)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = BootHistoryFile(folder.path + "/boots")
    #expect(file.read().record == nil && file.read().problem == nil)
    #expect(file.write(record))
    #expect(file.read().record == record)
    try Data("weir-boots 2\n".utf8).write(to: URL(fileURLWithPath: file.path))
    #expect(file.read().problem == .damaged)
    try Data(repeating: 0x20, count: 100_000).write(to: URL(fileURLWithPath: file.path))
    #expect(file.read().problem == .damaged)
    // A folder in its place can't be read, and can't be written; neither ends anything.
    try FileManager.default.removeItem(atPath: file.path)
    try FileManager.default.createDirectory(atPath: file.path, withIntermediateDirectories: true)
    guard case .unreadable? = file.read().problem else {
      Issue.record("a folder was read: \(file.read())")
      return
    }
    #expect(!file.write(record))
  }
}
