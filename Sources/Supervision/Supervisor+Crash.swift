import Linux
import Ring

// What tasks leave of themselves when they die.
extension TaskDeclaration {
  /// In the child, before it gives up any right: from here on its death leaves a record.
  func installCrashHandler(generation: UInt32) {
    guard let crash else { return }
    do {
      // Safe: both blocks are of the arena, which this process keeps mapped until its end.
      let step = unsafe slot.map { unsafe UnsafeRawPointer($0.stepPointer) }
      try unsafe CrashHandler.install(
        record: crash.handlerBlock.base, step: step, generation: generation)
    } catch {
      Log.warning("a crash will leave no record: \(error.call): \(error.text)")
    }
  }
}

extension Supervisor {
  /// Copies the record of a task that has just ended, if it left one.
  mutating func takeCrash(of index: Int) {
    let task = tasks[index]
    guard let record = task.declaration.crash?.record(ofGeneration: UInt64(task.generation)) else {
      return
    }
    newCrashes.append((index, record))
  }

  /// Says the records that were taken since, and hands them on.
  mutating func tellCrashes(_ hooks: SupervisorHooks) {
    for (index, record) in newCrashes {
      let declaration = tasks[index].declaration
      for line in crashLines(record, of: declaration.title, step: declaration.stepName) {
        // A task that always dies is bounded by its restart policy.
        Log.always(.error, line)
      }
      hooks.crashed?(declaration.title, record)
    }
    newCrashes.removeAll(keepingCapacity: true)
  }
}
