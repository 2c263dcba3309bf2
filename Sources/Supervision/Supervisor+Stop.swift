import Linux

// Stopping all tasks in order.
extension Supervisor {
  /// Stops the tasks phase by phase: SIGTERM, then SIGKILL for those that take too long.
  ///
  /// The watchdog is fed meanwhile, for the deadlines bound it: a task that does not end is no
  /// reason to reset a board that is ending in order.
  mutating func stopAll(_ hooks: SupervisorHooks) {
    var phases: [UInt8] = []
    for task in tasks where !phases.contains(task.declaration.stopPhase) {
      phases.append(task.declaration.stopPhase)
    }
    phases.sort()
    for index in tasks.indices where tasks[index].state.process == nil {
      tasks[index].state = .stopped
    }
    for phase in phases {
      signalPhase(phase, Linux.Signal.terminate)
      waitForPhase(phase, hooks)
      signalPhase(phase, Linux.Signal.kill)
      waitForPhase(phase, hooks)
    }
    tellCrashes(hooks)
  }

  private func signalPhase(_ phase: UInt8, _ signal: Int32) {
    for index in tasks.indices where tasks[index].declaration.stopPhase == phase {
      guard let process = tasks[index].state.process else { continue }
      send(signal, to: process, of: index)
    }
  }

  private mutating func waitForPhase(_ phase: UInt8, _ hooks: SupervisorHooks) {
    let deadline = Clock.boot() + Self.stopNanosecondsMax
    while isRunning(phase), Clock.boot() < deadline {
      if givenUp == nil { hooks.feed?(Clock.boot()) }
      sleep(until: min(deadline, Clock.boot() + 100_000_000), now: Clock.boot())
      _ = takeSignals()
      tellCrashes(hooks)
      for _ in 0..<32_768 {
        guard let (process, _) = reapChild() else { break }
        for index in tasks.indices where tasks[index].state.process == process {
          takeCrash(of: index)
          tasks[index].state = .stopped
        }
      }
    }
  }

  private func isRunning(_ phase: UInt8) -> Bool {
    for task in tasks where task.declaration.stopPhase == phase {
      if task.state.process != nil { return true }
    }
    return false
  }
}
