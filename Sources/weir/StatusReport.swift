import Linux
import Ring
import Supervision

/// Says what every task of the gateway shows of itself: one line a task, with its counters that are
/// not zero, and the memory of all of them. Asked for with SIGHUP (`kill -HUP 1` on the board) or
/// periodically, and said at the end.
func logStatus(of tasks: [TaskDeclaration]) {
  let now = Clock.boot()
  let own = ProcessID.current.proportionalKibibytes ?? 0
  var memory = own
  var processCount = 1
  for task in tasks {
    guard let slot = task.slot else { continue }
    let process = slot.processID
    let kibibytes = process > 0 ? ProcessID(process).proportionalKibibytes ?? 0 : 0
    memory += kibibytes
    processCount += process > 0 ? 1 : 0
    Log.notice("\(task.title): \(status(slot, now: now)), memory \(kibibytes) KiB")
  }
  Log.notice("memory: \(memory) KiB PSS in \(processCount) processes, of which mine \(own) KiB")
}

private func status(_ slot: TaskSlot, now: Int64) -> String {
  let process = slot.processID
  var text = process == 0 ? "not running" : "process \(process)"
  text += ", start \(slot.generation)"
  if slot.beatTime > 0 { text += ", sign of life \((now - slot.beatTime) / 1_000_000) ms ago" }
  text += ", step \(slot.step), allocations \(slot.allocationCount)"
  for raw in 0..<UInt8(Counter.count) {
    guard let counter = Counter(rawValue: raw), slot[counter] > 0 else { continue }
    text += ", \(counter.name.description) \(slot[counter])"
  }
  return text
}
