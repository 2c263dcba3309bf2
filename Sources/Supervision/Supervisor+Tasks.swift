import Linux
import Ring

// Starting tasks, and taking those that ended.
extension Supervisor {
  /// The task table, with the needs as places in it.
  static func table(_ declarations: [TaskDeclaration]) -> [SupervisedTask] {
    var tasks: [SupervisedTask] = []
    tasks.reserveCapacity(declarations.count)
    for declaration in declarations {
      var task = SupervisedTask(declaration)
      for need in declaration.needs {
        // Only a task further up can be needed, so that there is no circle.
        guard let place = tasks.firstIndex(where: { $0.declaration.title == need }) else {
          preconditionFailure("a task needs another one that is not above it in the table")
        }
        task.needs.append(place)
      }
      tasks.append(task)
    }
    return tasks
  }

  /// The place of a task that this one waits for before its first start.
  func unmetNeed(_ index: Int) -> Int? {
    guard tasks[index].generation == 0 else { return nil }
    for need in tasks[index].needs {
      switch tasks[need].health.state {
      case .healthy, .degraded, .failed: continue
      case .starting, .stalled: return need
      }
    }
    return nil
  }

  mutating func startDue(_ now: Int64) {
    for index in tasks.indices {
      guard case .waiting(let until) = tasks[index].state, until <= now else { continue }
      guard unmetNeed(index) == nil else { continue }
      guard budget.take(now: now) else { return }
      start(index, now)
    }
  }

  private mutating func start(_ index: Int, _ now: Int64) {
    let parent = ProcessID.current
    tasks[index].prepareStart(now: now)
    do {
      switch try forkProcess() {
      case .child:
        runChild(tasks[index].declaration, generation: tasks[index].generation, parent: parent)
      case .parent(let process):
        tasks[index].noteStart(process, now: now)
        tasks[index].declaration.slot?.processID = process.number
      }
    } catch {
      let pause = tasks[index].noteForkFailure(error.number, now: now)
      Log.error(
        "can't start \(tasks[index].declaration.title): fork: \(error.text); "
          + "next try in \(pause / 1_000_000) ms", key: UInt32(index))
    }
  }

  private func runChild(
    _ declaration: TaskDeclaration, generation: UInt32, parent: ProcessID
  ) -> Never {
    becomeChild(named: "weir:" + declaration.name.description, parent: parent)
    Log.beginTask(
      declaration.name, declaration.detail, generation: generation,
      keeper: declaration.log.map { LogKeeper($0) })
    declaration.installCrashHandler(generation: generation)
    declaration.scheduling.apply()
    declaration.rights?.apply(parent: parent, slot: declaration.slot)
    switch declaration.body {
    case .task(let body):
      body(TaskStart(generation: generation, slot: declaration.slot))
    case .program(let path, let arguments):
      let error = execute(path, arguments)
      Log.error("can't run \(path): \(error.text)")
      exitProcess(127)
    }
  }

  /// Takes every child that ended; those that are not ours are orphans that PID 1 inherits.
  mutating func reap() {
    // As many as there can be processes: a bound that ends the loop even if children end for ever.
    for _ in 0..<32_768 {
      guard let (process, end) = reapChild() else { return }
      for index in tasks.indices where tasks[index].state.process == process {
        takeCrash(of: index)
        noteEnd(index, end)
      }
    }
  }

  private mutating func noteEnd(_ index: Int, _ end: ProcessEnd) {
    tasks[index].declaration.slot?.processID = 0
    let isWanted =
      tasks[index].declaration.policy.isOnce || tasks[index].declaration.policy.isOnDemand
    let pause = tasks[index].noteEnd(end, now: Clock.boot(), random: nextRandom())
    if case .exited(0) = end, isWanted, pause == nil { return }
    let title = tasks[index].declaration.title
    guard let pause else {
      Log.error(
        "task \(title) \(Self.words(for: end)): the \(tasks[index].deathTotal)th time, too often; "
          + Self.words(for: tasks[index].declaration.policy.failure), key: UInt32(index))
      return
    }
    Log.warning(
      "task \(title) \(Self.words(for: end)); starting it again in "
        + "\(pause / 1_000_000) ms (start \(tasks[index].generation + 1))", key: UInt32(index))
  }

  private static func words(for end: ProcessEnd) -> String {
    switch end {
    case .exited(let status): "exited with status \(status)"
    case .killed(let signal): "was killed by \(Linux.Signal.name(signal))"
    }
  }

  private static func words(for failure: FailurePolicy) -> String {
    switch failure {
    case .runWithout: "the gateway runs on WITHOUT it until it is started anew"
    case .restartSystem: "the gateway can't go on without it"
    }
  }
}
