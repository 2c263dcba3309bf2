import Configuration
import Linux
import Supervision
import Uplink

/// 2025-01-01 UTC, in ns since 1970: a clock that says less is wrong.
private let plausibleTimeMin: Int64 = 1_735_689_600_000_000_000

/// How long a line may wait for the console while nothing is supervised yet: errors of the
/// configuration are worth that.
let startPatienceMilliseconds: Int32 = 1000

/// `weir run CONFIG`: the gateway as a service, or on a desk.
func runCommand(_ arguments: [String]) -> Int32 {
  let asked: RunArguments
  do {
    asked = try RunArguments(arguments)
  } catch {
    switch error {
    case .message(let text): return usageError("weir run: \(text); see `weir help run`")
    }
  }
  // Safe: the only thread, before the first line of log.
  unsafe Log.task = "supervisor"
  unsafe Log.threshold = asked.threshold
  Log.limitWaiting(milliseconds: startPatienceMilliseconds)
  let loaded = loadOrSay(asked.configuration, board: asked.board)
  guard !loaded.configuration.channels.isEmpty else {
    Log.error("\(asked.configuration): there is nothing to run: no sensor and no line is left")
    return ExitStatus.configuration
  }
  let state = StateFolder(asked.state ?? loaded.configuration.stateFolder)
  var configuration = loaded.configuration
  configuration.stateFolder = state.path
  guard state.lock() else {
    Log.error("another gateway uses \(state.path): stop it, or give this one its own with --state")
    return ExitStatus.system
  }
  do {
    var configuration = loaded.configuration
    configuration.stateFolder = state.path
    // A desk and a Raspberry Pi OS look after their clock themselves.
    let gateway = try Gateway(
      configuration, board: loaded.board, epoch: state.beginEpoch(),
      clock: ClockTrust(lowerBound: plausibleTimeMin, isPlausibleEnough: true),
      crashes: state.crashes, drills: asked.drills)
    var supervisor = try Supervisor(
      gateway.tasks, isInit: false, reportPeriod: asked.reportSeconds * 1_000_000_000,
      listener: healthListener(in: state.path))
    Log.limitWaiting(milliseconds: 0)
    let watch = ServiceWatch(watchdog: asked.openWatchdog())
    let ending = supervisor.run(watch.hooks(makeHooks(asked.drills, gateway)))
    // What the keeper had no time for.
    _ = gateway.crashes.keep()
    _ = gateway.credentials?.keep()
    // The tasks' arena must stay mapped as long as there are tasks.
    withExtendedLifetime(gateway) {}
    if case .failed(let task) = ending {
      Log.error("ended, because \(task) can't be brought back")
      return ExitStatus.software
    }
    watch.stopped()
  } catch {
    Log.error("the gateway can't begin: \(error.call): \(error.text)")
    return ExitStatus.system
  }
  Log.notice("stopped as asked")
  return ExitStatus.success
}
