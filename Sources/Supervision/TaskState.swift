import Linux
import Ring

/// Where a task is in its life.
///
/// | state | event | next |
/// | --- | --- | --- |
/// | waiting | its time has come, fork succeeds | running |
/// | waiting | its time has come, fork fails | waiting, as after a death |
/// | running | it ended | waiting |
/// | any | stop asked, not running | stopped |
/// | running | stop asked, it ended | stopped |
public enum TaskState: Equatable, Sendable {
  /// Started at `until`, ns of CLOCK_BOOTTIME.
  case waiting(until: Int64)
  case running(ProcessID, since: Int64)
  case stopped
}

/// What a report says of one task of this program.
public struct TaskStatus: Sendable {
  public let title: String
  /// Nil while it waits for its next start.
  public let process: ProcessID?
  /// Starts so far.
  public let generation: UInt32
  public let slot: TaskSlot?
}

/// A declared task and its life so far.
struct SupervisedTask {
  let declaration: TaskDeclaration
  var state: TaskState
  /// Starts so far; the child is told its own number.
  var generation: UInt32 = 0
  /// Deaths in a row, without a life longer than the policy's `forgivenAfter` between them.
  var deathCount: UInt32 = 0

  init(_ declaration: TaskDeclaration) {
    self.declaration = declaration
    state = .waiting(until: 0)
  }

  /// Notes a death at `now` and decides when the next start is. Returns the pause.
  mutating func noteDeath(now: Int64, random: UInt64) -> Int64 {
    switch state {
    case .running(_, let since):
      if now - since >= declaration.policy.forgivenAfter { deathCount = 0 }
    case .waiting, .stopped:
      break
    }
    deathCount &+= 1
    if deathCount == 0 { deathCount = .max }
    let pause = declaration.policy.pause(deathCount: deathCount, random: random)
    state = .waiting(until: now + pause)
    return pause
  }
}
