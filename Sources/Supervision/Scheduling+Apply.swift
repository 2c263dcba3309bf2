import Linux

/// What a real-time priority needs.
private let realtimeRemedy =
  "run as root, or let the service have it: LimitRTPRIO=99, or "
  + "AmbientCapabilities=CAP_SYS_NICE"

extension Scheduling {
  /// Called in the child, before it gives up its rights. What the kernel refuses is said once, and
  /// the task runs on as an ordinary one: late readings are better than none.
  func apply() {
    if isUsual { return }
    do throws(SystemError) {
      try bind()
      let unusable = unusableCPUs
      if !unusable.isEmpty {
        Log.warning(
          "sensing.cpus names processors that this task can't use (\(text(unusable))); it runs on "
            + "the others; correct the list")
      }
    } catch {
      Log.warning(
        "can't bind to the processors \(text(cpus)) of sensing.cpus: \(error.text); it runs on "
          + "all; name processors that the board has, from 0 on")
    }
    do throws(SystemError) {
      try becomeRealtime()
    } catch {
      Log.warning(
        "can't have the real-time priority \(realtimePriority) of sensing.realtime: \(error.text); "
          + "it runs without; " + realtimeRemedy)
    }
  }

  /// Called in the supervisor, when its tasks have real-time priorities up to this one: it must
  /// stand above them, because a task that spins would keep it from ever noticing.
  ///
  /// False when the kernel refuses: then the tasks must have none either.
  public func standAbove() -> Bool {
    guard realtimePriority > 0 else { return true }
    precondition(realtimePriority < 99)
    do throws(SystemError) {
      try Scheduling(realtimePriority: realtimePriority + 1).becomeRealtime(resetsOnFork: true)
      return true
    } catch {
      Log.warning(
        "can't stand above tasks of the real-time priority \(realtimePriority): \(error.text); "
          + "they run without one; " + realtimeRemedy)
      return false
    }
  }

  private func text(_ cpus: [UInt16]) -> String {
    var text = ""
    for cpu in cpus { text += text.isEmpty ? "\(cpu)" : ", \(cpu)" }
    return text
  }
}
