import Linux
import Supervision
import Uplink

/// What the supervisor calls: the report, the crashes, and drills where there are any.
func makeHooks(_ drills: Drills, _ gateway: borrowing Gateway) -> SupervisorHooks {
  var hooks = SupervisorHooks(report: logStatus)
  let crashes = gateway.crashes
  let credentials = gateway.credentials
  hooks.crashed = crashes.note
  hooks.wantsKeeper = {
    // Both are asked: each tells its news once.
    let isWanted = crashes.wantsKeeper()
    return credentials?.wantsKeeper() == true || isWanted
  }
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
