import Boot
import Linux
import Supervision

/// What `weir.drill=` on the kernel's command line asks of the boot with that number: the command
/// line stays the same when a drill has ended a boot, so each boot has its own list.
func initDrills(_ words: KernelCommandLine, epoch: UInt64) -> Drills {
  guard let text = words.value(of: "weir.drill"), epoch > 0 else { return Drills() }
  let lists = text.utf8.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
  guard epoch <= UInt64(lists.count) else { return Drills() }
  do {
    return try Drills(String(decoding: Array(lists[Int(epoch) - 1]), as: UTF8.self))
  } catch {
    switch error {
    case .message(let message): Log.error("weir.drill: \(message)")
    }
    return Drills()
  }
}

/// Before PID 1 opens the watchdog: a child takes it, and feeds it for ever. Returns when it has
/// it, or can't have it.
func holdWatchdogForDrill(_ path: String) {
  Log.warning("drill: busy")
  let parent = ProcessID.current
  do {
    let taken = try EventCounter()
    guard case .child = try forkProcess() else {
      var items = [PollItem(taken.descriptor.number)]
      _ = try poll(&items, timeoutMilliseconds: 5000)
      return
    }
    becomeChild(named: "weir:holder", parent: parent)
    let watchdog = HardwareWatchdog(path: path, timeoutSeconds: 15, place: "a drill")
    taken.signal()
    while true {
      watchdog.feed(Clock.boot())
      Futex.pause(nanoseconds: 1_000_000_000)
    }
  } catch {
    Log.error("drill: \(error.call): \(error.text)")
  }
}
