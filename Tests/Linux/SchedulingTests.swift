// Invariants checked, in a child process each:
// - a priority and processors that the kernel grants are those that the process then has;
// - a child of a process with `resetsOnFork` is an ordinary one, and of another it is not;
// - processors that do not exist are named, and a list of nothing else is refused.

import Foundation
import Testing

@testable import Linux

@Suite(.serialized) struct SchedulingTests {
  /// Runs the body in a child; true when it returned true.
  private func inChild(_ body: () -> Bool) throws -> Bool {
    switch try forkProcess() {
    case .child:
      exitProcess(body() ? 0 : 1)
    case .parent(let process):
      var status: Int32 = 0
      // Safe: the kernel writes one integer, which outlives the call.
      while unsafe waitpid(process.number, &status, 0) < 0 {}
      return status == 0
    }
  }

  /// Whether this machine lets this user have a real-time priority.
  private var mayBeRealtime: Bool {
    get throws {
      try inChild {
        (try? Scheduling(realtimePriority: 3).becomeRealtime()) != nil
      }
    }
  }

  @Test func thePriorityIsTheOneThatWasAskedFor() throws {
    guard try mayBeRealtime else { return }
    let isRight = try inChild {
      guard (try? Scheduling(realtimePriority: 3).becomeRealtime()) != nil else { return false }
      let inherits = (try? inChild { Scheduling.currentRealtimePriority == 3 }) ?? false
      return Scheduling.currentRealtimePriority == 3 && inherits
    }
    #expect(isRight)
    let resets = try inChild {
      guard (try? Scheduling(realtimePriority: 4).becomeRealtime(resetsOnFork: true)) != nil else {
        return false
      }
      let isOrdinary = (try? inChild { Scheduling.currentRealtimePriority == 0 }) ?? false
      return Scheduling.currentRealtimePriority == 4 && isOrdinary
    }
    #expect(resets)
  }

  @Test func processorsAreBoundToAndMissingOnesAreNamed() throws {
    let isBound = try inChild {
      let wanted = Scheduling(cpus: [0, 1023])
      guard (try? wanted.bind()) != nil else { return false }
      return wanted.unusableCPUs == [1023] && Scheduling(cpus: [0]).unusableCPUs == []
    }
    #expect(isBound)
    let isRefused = try inChild {
      do throws(SystemError) {
        try Scheduling(cpus: [1023]).bind()
        return false
      } catch {
        return error.number.rawValue == EINVAL
      }
    }
    #expect(isRefused)
    #expect(Scheduling().isUsual && Scheduling.currentRealtimePriority == 0)
  }
}
