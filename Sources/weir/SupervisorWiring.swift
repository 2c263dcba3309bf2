import Linux
import Supervision

/// What the supervisor calls: the report, the crashes, and drills where there are any.
func makeHooks(_ drills: Drills, _ crashes: CrashHistory) -> SupervisorHooks {
  var hooks = SupervisorHooks(report: logStatus)
  hooks.crashed = crashes.note
  hooks.wantsKeeper = crashes.wantsKeeper
  var list = drills.ofSupervisor
  if !list.isEmpty {
    hooks.turn = { now, tasks in
      for index in list.indices { list[index].turn(now, tasks) }
    }
  }
  return hooks
}

/// The socket in the state folder by which `weir health` asks.
func healthSocket(in folder: String) -> String { folder + "/health.sock" }

/// Listens there; without it the gateway runs all the same.
func healthListener(in folder: String) -> LocalListener? {
  do {
    return try LocalListener(healthSocket(in: folder))
  } catch {
    Log.warning(
      "`weir health` will not work: \(healthSocket(in: folder)): \(error.text)")
    return nil
  }
}
