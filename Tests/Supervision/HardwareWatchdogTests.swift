// Invariants checked:
// - a loop that sleeps as long as it may, and is late by as much again, still feeds within the
//   timeout; a busy loop feeds at most nine times a timeout; a clock that went back does not stop
//   it;
// - a device that is absent, is no watchdog, can't be opened or would block is an error that names
//   which, and everything that is asked of it afterwards does nothing;
// - where this machine has a watchdog (softdog), a second open finds it busy.

import Foundation
import Linux
import Testing

@testable import Supervision

@Suite struct FeedingPolicyTests {
  private let second: Int64 = 1_000_000_000

  @Test func theSlowestLoopFeedsInTime() {
    for timeout in [1, 2, 5, 15, 60] as [Int64] {
      var policy = FeedingPolicy(timeout: timeout * second, now: 100)
      var (now, fed, longest): (Int64, Int64, Int64) = (100, 100, 0)
      for _ in 0..<1000 {
        now += policy.sleepMax
        guard policy.isDue(now) else { continue }
        longest = max(longest, now - fed)
        fed = now
      }
      #expect(longest == timeout * second / 4)
      // Late by as much as it slept, it has still half of the timeout left.
      #expect(2 * longest <= timeout * second / 2)
    }
  }

  @Test func aBusyLoopFeedsSeldom() {
    var policy = FeedingPolicy(timeout: 15 * second, now: 0)
    var fedCount = 0
    var longest: Int64 = 0
    var fed: Int64 = 0
    for millisecond in 1...15_000 as ClosedRange<Int64> {
      let now = millisecond * 1_000_000
      guard policy.isDue(now) else { continue }
      fedCount += 1
      longest = max(longest, now - fed)
      fed = now
    }
    #expect(fedCount <= 9)
    #expect(longest <= 15 * second / 4)
  }

  @Test func aClockThatWentBackFeedsAtOnce() {
    var policy = FeedingPolicy(timeout: 15 * second, now: 1000 * second)
    let due = [10, 11, 12].map { policy.isDue($0 * second) }
    #expect(due == [true, false, true])
  }
}

@Suite struct WatchdogDeviceTests {
  private func failure(_ path: String) -> WatchdogFailure? {
    do throws(WatchdogFailure) {
      let device = try WatchdogDevice(opening: path, timeoutSeconds: 15)
      try? device.disarm()
      return nil
    } catch {
      return error
    }
  }

  @Test func whatIsNoWatchdogIsRefused() throws {
    guard case .absent? = failure("/dev/watchdog-that-is-not-there") else {
      Issue.record("it was there")
      return
    }
    for path in ["/dev/null", "/dev"] {
      guard case .refused? = failure(path) else {
        Issue.record("\(path) was a watchdog")
        return
      }
    }
    // A pipe that nobody reads must not hold the start.
    let pipe = FileManager.default.temporaryDirectory.path + "/weir-pipe-\(getpid())"
    // Safe: the text outlives the calls.
    let made = unsafe mkfifo(pipe, 0o600)
    #expect(made == 0)
    defer { _ = unsafe unlink(pipe) }
    #expect(failure(pipe) != nil)
  }

  @Test func withoutADeviceNothingIsDone() {
    let watchdog = HardwareWatchdog(
      path: "/dev/watchdog-that-is-not-there", timeoutSeconds: 15, place: "a test")
    #expect(!watchdog.isArmed && !watchdog.hasReset)
    for now in [0, 1, Int64.max] { watchdog.feed(now) }
    #expect(watchdog.sleepMax > 1_000_000_000)
    watchdog.leaveToParent()
    watchdog.disarm()
  }

  @Test(
    .enabled(
      if: FileManager.default.isWritableFile(atPath: "/dev/watchdog"),
      "this machine has no watchdog"))
  func aSecondOpenFindsItBusy() throws {
    let first = try WatchdogDevice(opening: "/dev/watchdog", timeoutSeconds: 30)
    guard case .busy? = failure("/dev/watchdog") else {
      Issue.record("it was opened twice")
      return
    }
    try first.feed()
    try first.disarm()
  }
}
