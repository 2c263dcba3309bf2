// Invariants checked, of the programs as a person at a shell uses them:
// - `weir journal` says what a journal holds, in JSON that any tool reads, and changes no byte of
//   it;
// - `verify` tells a journal that lost events from one that lost none by its exit status;
// - what is no journal, and what is no command, ends with one clear line and its status;
// - `weirctl torture` finds nothing in the journal, finds a mutant, and its replay finds it again.

import Drivers
import Foundation
import Journal
import JournalFile
import Ring
import Testing

@Suite(.timeLimit(.minutes(10))) struct JournalCommandTests {
  private let folder: Folder
  private var path: String { folder.file("journal") }

  init() throws { folder = try Folder() }

  /// Makes a journal of the smallest size with so many values, and one alarm before them.
  private func fill(_ count: UInt64) throws {
    let geometry = try #require(Geometry(byteCount: Geometry.byteCountMin))
    let file = try JournalFile.open(path, geometry: geometry)
    let memory = JournalMemory(byteCount: Journal<FileStorage>.memoryByteCount(geometry))
    let record = JournalMemory(byteCount: Event.recordByteCount)
    var journal = try Journal(
      file.take(), memory: memory.bytes, settings: JournalSettings(), epoch: .next(atLeast: 7))
    for sequence in 0...count {
      let event = Event(
        kind: sequence == 0 ? .alarmRaised : .value, channel: 3, time: 5, sequence: sequence,
        readingSequence: sequence, value: 0.5)
      event.store(in: record.bytes)
      if journal.append(record.bytes, sequence: sequence, lane: event.lane) == .commitFirst {
        try journal.commit()
        _ = journal.append(record.bytes, sequence: sequence, lane: event.lane)
      }
    }
    try journal.commit()
    try journal.commit()
    _ = journal.close()
    withExtendedLifetime(memory) {}
    withExtendedLifetime(record) {}
  }

  private func content() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

  private func lines(_ arguments: [String]) throws -> [[String: Any]] {
    let result = try weir(["journal", "dump", path] + arguments)
    #expect(result.ending == .exited(0))
    return try result.output.split(separator: "\n").map {
      let object = try JSONSerialization.jsonObject(with: Data($0.utf8))
      return try #require(object as? [String: Any])
    }
  }

  @Test func aWholeJournal() throws {
    try fill(200)
    let before = try content()
    let all = try lines([])
    #expect(all.count == 201)
    let alarm = try #require(all.first)
    #expect(alarm["kind"] as? String == "alarmRaised" && alarm["lane"] as? String == "alarms")
    #expect(alarm["epoch"] as? Int == 7 && alarm["channel"] as? Int == 3)
    #expect(alarm["value"] as? Double == 0.5)
    #expect(all.dropFirst().map { $0["seq"] as? Int } == (1...200).map { $0 })
    #expect(try lines(["--lane", "alarms"]).count == 1)

    let verified = try weir(["journal", "verify", path])
    #expect(verified.ending == .exited(0), "\(verified.output)")
    #expect(verified.output.contains("telemetry: 200 records"))
    let listed = try weir(["journal", "list", path])
    #expect(listed.output.contains("telemetry 0: segment 1, 200 records, ordinals 0 to 199"))
    let stat = try weir(["journal", "stat", path])
    #expect(stat.output.contains("telemetry: 200 events wait for the receiver, in 1 of 12"))
    #expect(stat.output.contains("0 MiB, epoch 7") || stat.output.contains("1 MiB, epoch 7"))
    #expect(try content() == before)
  }

  @Test func gapsAreSaid() throws {
    try fill(20_000)
    let all = try lines(["--lane", "telemetry"])
    let gap = try #require(all.first)
    #expect(gap["gap"] as? String == "evicted" && gap["after_epoch"] as? Int == 0)
    let count = try #require(gap["count"] as? Int)
    #expect(gap["seq"] as? Int == count && count > 1000)
    #expect(all.count - 1 == 20_000 - count)
    // What the policy let go is no damage.
    #expect(try weir(["journal", "verify", path]).ending == .exited(0))

    var bytes = try content()
    let place = bytes.count - 5 * 4096
    bytes[place + 200] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
    let verified = try weir(["journal", "verify", path])
    #expect(verified.ending == .exited(1), "\(verified.output)")
    #expect(verified.output.contains(" 1 damaged"))
    #expect(verified.output.contains(" damaged: behind 7."))
    #expect(try lines([]).contains { $0["gap"] as? String == "damaged" })
  }

  @Test func whatIsNoJournal() throws {
    try folder.write("no journal", to: "journal")
    for action in ["list", "dump", "verify", "stat"] {
      for file in [path, folder.path, folder.file("nothing")] {
        let result = try weir(["journal", action, file])
        #expect(result.ending == .exited(2))
        #expect(result.output.hasPrefix("weir journal: \(file): "), "\(result.output)")
        #expect(result.output.filter { $0 == "\n" }.count == 1)
      }
    }
  }

  @Test func usage() throws {
    for arguments in [
      [], ["fly"], ["list"], ["list", "a", "b"], ["dump", "--lane"], ["dump", "--lane", "x", "a"],
      ["stat", "--fast", "a"],
    ] {
      #expect(try weir(["journal"] + arguments).ending == .exited(64), "\(arguments)")
    }
    #expect(try weir(["journal", "--help"]).ending == .exited(0))
  }

  @Test func tortureFindsWhatIsWrongAndNothingElse() throws {
    let good = try weirctl(["torture", "--cuts", "1000", "--jobs", "2"])
    #expect(good.ending == .exited(0), "\(good.output)")
    #expect(good.output.contains("nothing durable was lost"))
    let bad = try weirctl(["torture", "--cuts", "100000", "--mutant", "dropsSync"])
    #expect(bad.ending == .exited(1))
    let replay = try #require(bad.output.components(separatedBy: "replay: weirctl ").last)
    let words = replay.split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init)
    let again = try weirctl(words)
    #expect(again.ending == .exited(1))
    let failure = try #require(bad.output.split(separator: "\n").first { $0.contains("FAILED") })
    #expect(again.output.contains(failure))
    #expect(try weirctl(["torture", "--cuts", "0"]).ending == .exited(64))
  }

  /// Runs the desk's program, which was built beside these tests.
  private func weirctl(_ arguments: [String]) throws -> (ending: Ending, output: String) {
    let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let path = tests.deletingLastPathComponent().appendingPathComponent("weirctl").path
    let program = try Program(path, arguments, outputPath: folder.file("output-\(UUID())"))
    return (try program.wait(seconds: 60), program.output)
  }
}
