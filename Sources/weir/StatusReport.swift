import Linux
import Ring
import Supervision

/// Says what every task of this program shows of itself: one line a task, with its counters that
/// are not zero, and the memory of all of them. Asked for with SIGHUP (`kill -HUP 1` on the board)
/// or periodically, and said at the end.
func logStatus(_ tasks: [TaskStatus]) {
  let now = Clock.boot()
  let own = ProcessID.current.proportionalKibibytes ?? 0
  var memory = own
  var processCount = 1
  // Other programs show nothing of themselves.
  for task in tasks where task.slot != nil {
    let kibibytes = task.process?.proportionalKibibytes ?? 0
    memory += kibibytes
    processCount += task.process == nil ? 0 : 1
    Log.always(
      .notice,
      "\(task.title): \(status(task, of: tasks, now: now)), memory \(kibibytes) KiB")
  }
  Log.always(
    .notice, "memory: \(memory) KiB PSS in \(processCount) processes, of which mine \(own) KiB")
}

private func status(_ task: TaskStatus, of tasks: [TaskStatus], now: Int64) -> String {
  var text = "not running"
  if let process = task.process { text = "process \(process.number)" }
  text += ", start \(task.generation), \(task.health.state.name.description)"
  let reason = healthText(task.health) { tasks[$0].title }
  if !reason.isEmpty { text += " (" + reason + ")" }
  guard let slot = task.slot else { return text }
  if slot.beatTime > 0 { text += ", sign of life \((now - slot.beatTime) / 1_000_000) ms ago" }
  text += ", step \(slot.step), allocations \(slot.allocationCount)"
  for raw in 0..<UInt8(Counter.count) {
    guard let counter = Counter(rawValue: raw), slot[counter] > 0 else { continue }
    text += ", \(counter.name.description) \(slot[counter])"
  }
  if let log = task.log {
    if log.suppressedCount > 0 { text += ", log-suppressed \(log.suppressedCount)" }
    if log.consoleDroppedCount > 0 { text += ", console-dropped \(log.consoleDroppedCount)" }
  }
  return text
}
