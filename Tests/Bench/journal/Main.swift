// Weir's journal beside SQLite, LMDB and the disk itself: events of 32 bytes, durable in batches of
// 1, 16 and 256. In each round every contender has a turn with each batch size, in an order that is
// drawn anew; the numbers are medians over the rounds.

import BenchTable
import CLinux
import Linux
import Stores

@main
struct JournalBench {
  static var batches: [Int] { [1, 16, 256] }
  /// In one round: enough for a tenth of a second where a commit takes 0.1 ms.
  static var commitCount: Int { 1000 }

  static func main() {
    var rounds: Int32 = 11
    // Safe: the arguments are those of main, and their count is asked for first.
    if weir_argument_count() > 1 { rounds = unsafe atoi(weir_argument(1)) }
    guard rounds >= 1, rounds <= 1000 else { fail("the number of rounds is from 1 to 1000", 2) }
    var parent = "/var/tmp"
    if weir_argument_count() > 2 { parent = unsafe String(cString: weir_argument(2)) }
    var template = Array((parent + "/weir-bench-XXXXXX").utf8) + [0]
    // Safe: the array ends in 0, outlives the call, and keeps its length.
    let isMade = unsafe template.withUnsafeMutableBytes { bytes in
      unsafe store_make_folder(
        bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self)) == 0
    }
    guard isMade else { fail("no folder can be made in \(parent)", 1) }
    let folder = String(decoding: template.dropLast(), as: UTF8.self)
    var failure: String?
    do throws(BenchFailure) {
      try run(folder: folder, rounds: Int(rounds))
    } catch {
      if case .failed(let reason) = error { failure = reason }
    }
    // Safe: the path is used only during the call.
    unsafe folder.withCString { unsafe store_remove_folder($0) }
    if let failure { fail(failure, 1) }
  }

  private static func fail(_ reason: String, _ status: Int32) -> Never {
    writeStandardError("bench-journal: \(reason)\n")
    exit(status)
  }

  private static func run(folder: String, rounds: Int) throws(BenchFailure) {
    let contest = try Contest(folder: folder)
    var results = [Results](repeating: Results(), count: Contender.all.count * batches.count)
    var random = UInt64(bitPattern: Clock.real()) | 1
    for round in 0..<rounds {
      if isatty(2) == 1 { writeStandardError("\r\u{1B}[Kround \(round + 1) of \(rounds)") }
      for (place, batch) in batches.enumerated() {
        var order = Contender.all
        for index in 1..<order.count {
          // xorshift64.
          random ^= random << 13
          random ^= random >> 7
          random ^= random << 17
          order.swapAt(index, Int(random % UInt64(index + 1)))
        }
        for contender in order {
          let one = try contest.measure(contender, batch: batch, commitCount: commitCount)
          results[contender.rawValue * batches.count + place].add(one)
        }
      }
    }
    if isatty(2) == 1 { writeStandardError("\r\u{1B}[K") }
    report(results, rounds: rounds)
  }
}

/// The measurements of one contender with one batch size.
struct Results {
  var speed = Samples()
  var cpu = Samples()
  var bytes = Samples()

  mutating func add(_ one: Measurement) {
    speed.add(one.eventsPerSecond)
    cpu.add(one.cpuNanosecondsPerEvent)
    bytes.add(one.bytesPerByte)
  }
}
