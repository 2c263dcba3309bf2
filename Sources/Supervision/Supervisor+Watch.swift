import Linux
import Ring

// Watching signs of life, judging health, and what follows from both.
extension Supervisor {
  /// When the loop must look again.
  mutating func nextTime(after now: Int64) -> Int64 {
    var time = now + Self.sleepMillisecondsMax * 1_000_000
    for index in tasks.indices {
      if case .waiting(let until) = tasks[index].state, until <= now {
        // It waits for another one, or for the budget.
        time = min(time, now + Self.needPollNanoseconds)
      } else {
        time = min(time, tasks[index].nextTime(now: now))
      }
    }
    return time
  }

  /// Moves on those that missed a deadline: asked for a record, then killed.
  mutating func watch(_ now: Int64) {
    for index in tasks.indices {
      switch tasks[index].state {
      case .running(let process, let since):
        let deadline = tasks[index].deadline(now: now)
        guard deadline < now else { continue }
        if now - deadline < tasks[index].declaration.watch.mediumPatience,
          process.waitsUninterruptibly
        {
          tasks[index].recheckTime = now + SupervisedTask.recheckNanoseconds
          nameBusyMedium(index, deadline)
          continue
        }
        let step = tasks[index].declaration.slot?.step ?? 0
        Log.error(
          "task \(tasks[index].declaration.title) shows no sign of life: it missed its deadline in "
            + "step \(step); ending it", key: UInt32(index))
        send(Linux.Signal.quit, to: process, of: index)
        tasks[index].state = .asked(
          process, since: since, until: now + SupervisedTask.answerNanoseconds)
      case .asked(let process, let since, let until):
        guard until <= now else { continue }
        send(Linux.Signal.kill, to: process, of: index)
        tasks[index].state = .killing(process, since: since, from: now)
      case .killing:
        guard tasks[index].isHeld(now: now), !tasks[index].isHeldNamed else { continue }
        tasks[index].isHeldNamed = true
        Log.error(
          "task \(tasks[index].declaration.title) can't be killed: the kernel holds it, and its "
            + "successor has to wait for its end; only a restart of the board helps against this",
          key: UInt32(index))
      case .idle, .waiting, .failed, .stopped: continue
      }
    }
  }

  /// Says once of each deadline that a task waits for the medium.
  private mutating func nameBusyMedium(_ index: Int, _ deadline: Int64) {
    guard tasks[index].namedDeadline != deadline else { return }
    tasks[index].namedDeadline = deadline
    let declaration = tasks[index].declaration
    Log.warning(
      "task \(declaration.title) waits for its medium, which does not answer; it has "
        + "\(declaration.watch.mediumPatience / 1_000_000_000) s more; a card that does this often "
        + "should be replaced", key: UInt32(index))
  }

  /// Tells what tasks tried that they may not do: a fault of theirs, or somebody else's work.
  mutating func tellRefusals() {
    for index in tasks.indices {
      guard let slot = tasks[index].declaration.slot else { continue }
      let count = slot.refusalCount
      guard count != tasks[index].seenRefusalCount else { continue }
      let more = count &- tasks[index].seenRefusalCount
      tasks[index].seenRefusalCount = count
      let call = slot.lastRefusal.map { CallFilter.name(of: $0) } ?? "a system call"
      Log.error(
        "task \(tasks[index].declaration.title) tried what it may not do: \(call) was refused"
          + (more > 1 ? " (\(more) refusals)" : ""), key: UInt32(index))
    }
  }

  func send(_ signal: Int32, to process: ProcessID, of index: Int) {
    do {
      try sendSignal(signal, to: process)
    } catch {
      Log.error("can't signal \(tasks[index].declaration.title): kill: \(error.text)")
    }
  }

  mutating func updateHealth(_ now: Int64) {
    for index in tasks.indices {
      let need = unmetNeed(index)
      guard tasks[index].updateHealth(now: now, unmetNeed: need) else { continue }
      let health = tasks[index].health
      let reason = healthText(health) { tasks[$0].declaration.title }
      let text =
        "task \(tasks[index].declaration.title) is \(health.state.name.description)"
        + (reason.isEmpty ? "" : ": " + reason)
      switch health.state {
      case .starting, .healthy: Log.debug(text)
      case .degraded: Log.notice(text, key: UInt32(index))
      case .stalled, .failed: Log.warning(text, key: UInt32(index))
      }
    }
  }

  /// The task that makes going on useless: one that died too often and whose policy says so, or a
  /// critical one that was given up where no hardware resets the board.
  func endingFailure(_ hooks: SupervisorHooks) -> String? {
    if let givenUp, hooks.feed == nil { return givenUp.title }
    for task in tasks where task.state == .failed {
      if task.declaration.policy.failure == .restartSystem { return task.declaration.title }
    }
    return nil
  }

  /// Feeds the watchdog while every critical task is at work; otherwise, once it is clear that one
  /// will not come back, says so and leaves the rest to the hardware.
  mutating func feed(_ hooks: SupervisorHooks, _ now: Int64) {
    if givenUp == nil, let lost = lostCriticalTask(now) {
      givenUp = lost
      Log.error(
        "task \(lost.title) is critical and can't be brought back (\(lost.reason)): "
          + (hooks.feed == nil
            ? "there is no watchdog to reset the board, so the gateway ends"
            : "the watchdog will reset the board"))
      hooks.giveUp?(lost.title, lost.reason)
    }
    guard givenUp == nil else { return }
    hooks.feed?(now)
    hooks.whileWell?(now)
  }

  private func lostCriticalTask(_ now: Int64) -> (title: String, reason: String)? {
    for task in tasks where task.declaration.isCritical && task.state != .stopped {
      if task.isHeld(now: now) {
        return (task.declaration.title, healthText(task.health) { tasks[$0].declaration.title })
      }
      let last = max(task.soundTime, startTime)
      // A task that is failed by a policy to run without it is no longer waited for.
      if task.state != .failed, now - last > Self.absenceNanosecondsMax {
        return (task.declaration.title, "away for \((now - last) / 1_000_000_000) s")
      }
    }
    return nil
  }
}
