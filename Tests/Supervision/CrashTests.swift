// Invariants checked, in processes that really die:
// - each of the signals that end a task leaves a record with the signal, where it was, its step and
//   its life, and the process ends by that signal all the same;
// - a wild frame pointer, a wild stack pointer and a stack that has overflowed cost the backtrace,
//   not the record, and end the process as soon;
// - who is asked for a record by SIGQUIT answers at once, and writes no core file;
// - what the C handler writes is what Ring's table says.
//
// And of the file: what was written is read, in order; what is damaged is left out, and nothing
// else.

import CDrills
import CLinux
import Foundation
import Linux
import Ring
import Testing

@testable import Supervision

@Suite(.serialized) struct CrashTests {
  /// What is left of a child that ran `body`: its record, and the signal that ended it.
  private func crash(
    generation: UInt32 = 3, step: UInt64 = 5, _ body: () -> Void
  ) throws -> (record: CrashRecord?, signal: Int32, seconds: Double) {
    let mapping = try SharedMapping(byteCount: 8192)
    // Safe: the mapping outlives both views.
    let base = unsafe mapping.base
    let block = unsafe ArenaBlock(base: base, byteCount: 4096)
    let slot = CrashSlot.format(block)
    let stepWord = unsafe (base + 4096).bindMemory(to: UInt64.self, capacity: 1)
    unsafe stepWord.pointee = step
    // A test is a thread.
    let stackEnd = unsafe weir_stack_end()
    let start = Clock.monotonic()
    let child = weir_fork()
    precondition(child >= 0)
    if child == 0 {
      _ = weir_signal_reset()
      let result = unsafe weir_crash_install(
        base.assumingMemoryBound(to: UInt64.self), stepWord, UInt64(generation), stackEnd)
      guard result == 0 else { _exit(99) }
      body()
      withExtendedLifetime(mapping) {}
      _exit(98)
    }
    var status: Int32 = 0
    // Safe: the status outlives the call.
    let ended = unsafe waitpid(child, &status, 0)
    #expect(ended == child)
    let seconds = Double(Clock.monotonic() - start) / 1e9
    let signal = weir_signaled(status) != 0 ? weir_term_signal(status) : -weir_exit_status(status)
    // The kernel's flag for a core that was written (wait(2)).
    #expect(status & 0x80 == 0)
    let record = slot.record(ofGeneration: UInt64(generation))
    withExtendedLifetime(mapping) {}
    return (record, signal, seconds)
  }

  @Test func everySignalLeavesARecord() throws {
    for signal in [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT, SIGSYS, SIGQUIT] {
      let before = Clock.boot()
      let end = try crash { raise(signal) }
      let record = try #require(end.record, "signal \(signal)")
      #expect(end.signal == signal && record.signal == signal)
      #expect(record.step == 5 && record.generation == 3)
      #expect(record.programCounter != 0 && record.stackPointer != 0)
      #expect(record.address == 0, "a signal that was sent is about no address")
      #expect(record.time >= before && record.time <= Clock.boot())
      #expect(record.uptime >= 0 && record.uptime <= Clock.boot() - before)
      #expect(end.seconds < 1)
    }
  }

  @Test func aWildPointerIsNamed() throws {
    let end = try crash {
      // Deliberately wrong.
      unsafe UnsafeMutablePointer<UInt64>(bitPattern: 0x1238)?.pointee = 1
    }
    #expect(end.signal == SIGSEGV && end.record?.address == 0x1238)
    #expect(end.record?.isAboutAddress == true)
    #expect((end.record?.frameCount ?? 0) > 2)
  }

  @Test func aFailedCheckHasABacktrace() throws {
    let end = try crash { weir_crash_drill(0) }
    #expect(end.signal == SIGILL || end.signal == SIGTRAP)
    #expect((end.record?.frameCount ?? 0) > 2)
  }

  @Test func wildRegistersAndAFullStack() throws {
    for kind in 1...5 as ClosedRange<Int32> {
      let end = try crash { weir_crash_drill(kind) }
      let record = try #require(end.record, "kind \(kind)")
      #expect(end.signal > 0 && record.signal == end.signal, "kind \(kind)")
      #expect(record.programCounter != 0 && end.seconds < 2, "kind \(kind)")
    }
  }

  /// Behind the filter that a task works in.
  @Test func aForbiddenSystemCallIsNamed() throws {
    let calls = try CallFilter.pipeline.compile()
    let end = try crash {
      do {
        try unsafe Privileges.watchRefusals(nil)
        try Privileges.forbidNew()
        try calls.apply()
      } catch {
        _exit(97)
      }
      _ = getpgid(0)
    }
    let record = try #require(end.record)
    #expect(end.signal == SIGSYS && record.signal == SIGSYS)
    #expect(crashReason(record).hasSuffix("no right to: getpgid"), "\(crashReason(record))")
  }

  @Test func noRecordOfASignalThatNobodyCanSee() throws {
    let end = try crash { raise(SIGKILL) }
    #expect(end.signal == SIGKILL && end.record == nil)
    let exited = try crash { _exit(7) }
    #expect(exited.signal == -7 && exited.record == nil)
  }

  @Test func wordsAndMembers() throws {
    let record = try #require(try crash { raise(SIGILL) }.record)
    let lines = crashLines(record, of: "sense@i2c-1", step: { $0 == 5 ? "reading" : nil })
    let at = hexadecimal(record.programCounter)
    #expect(
      lines[0].hasPrefix(
        "crash sense@i2c-1#3: SIGILL (a check of the program failed) at \(at), "
          + "step 5 (reading), up "))
    #expect(lines.allSatisfy { $0.utf8.count <= LogRing.textByteCountMax })
    let entry = CrashEntry(record, of: "a\"b", epoch: 9)
    let members = crashMembers(entry, architecture: "x86_64")
    let json = "{" + String(decoding: members, as: UTF8.self) + "}"
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    #expect(object["task"] as? String == "a?b" && object["epoch"] as? Int == 9)
    #expect((object["from"] as? [String])?.count == record.frameCount)
  }
}

@Suite struct CrashFileTests {
  private func entry(_ number: UInt64, epoch: UInt64 = 1) -> CrashEntry {
    var words = InlineArray<57, UInt64>(repeating: 0)
    for index in 0..<57 { words[index] = number &* 1000 + UInt64(index) }
    words[0] = number
    words[1] = epoch
    return CrashEntry(words: words)
  }

  private func file(_ body: (CrashFile) throws -> Void) throws {
    let path = NSTemporaryDirectory() + "weir-crashes-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(CrashFile(path))
  }

  @Test func whatIsWrittenIsRead() throws {
    try file { file in
      #expect(file.read().entries.isEmpty && file.read().problem == nil)
      let entries = (3..<19).map { entry($0) }
      try file.write(entries)
      let content = file.read()
      #expect(content.damageCount == 0 && content.problem == nil)
      #expect(content.entries.map(\.number) == Array(3..<19))
      #expect(content.entries[5].words[56] == entries[5].words[56])
    }
  }

  @Test func damageIsLeftOut() throws {
    try file { file in
      try file.write((0..<4).map { entry($0) })
      let whole = try #require(FileManager.default.contents(atPath: file.path))
      // Every byte, and every length.
      for offset in 0..<whole.count {
        var bytes = whole
        bytes[offset] ^= 0x40
        try bytes.write(to: URL(fileURLWithPath: file.path))
        let content = file.read()
        #expect(content.damageCount == 1 && content.entries.count == 3, "byte \(offset)")
      }
      for count in stride(from: 0, to: whole.count, by: 7) {
        try whole.prefix(count).write(to: URL(fileURLWithPath: file.path))
        let content = file.read()
        #expect(content.entries.count == count / 512, "\(count) bytes")
      }
    }
  }

  @Test func theHistoryGoesOnOverABoot() throws {
    try file { file in
      try file.write([entry(5, epoch: 3), entry(6, epoch: 4)])
      let mapping = try SharedMapping(byteCount: CrashLog.byteCount)
      // Safe: the mapping outlives the log.
      let block = unsafe ArenaBlock(base: mapping.base, byteCount: mapping.byteCount)
      let log = CrashLog.format(block)
      let history = CrashHistory(log, file: file, epoch: 5)
      #expect(log.firstToTell == 6 && !history.wantsKeeper())
      var words = InlineArray<46, UInt64>(repeating: 0)
      words[0] = 1
      history.note("uplink", CrashRecord(words: words))
      #expect(history.wantsKeeper() && !history.wantsKeeper())
      #expect(history.keep())
      #expect(file.read().entries.map(\.number) == [5, 6, 7])
      #expect(file.read().entries.last?.title == "uplink" && file.read().entries.last?.epoch == 5)
      withExtendedLifetime(mapping) {}
    }
  }
}
