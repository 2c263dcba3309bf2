import Boot
import Configuration
import Linux
import Supervision
import Uplink

/// The board's watchdog, opened as early as its driver is loaded, so that a start that hangs ends
/// too. The board says which one and how long it waits; `weir.watchdog=DEVICE` and
/// `weir.watchdog-timeout=SECONDS` on the kernel's command line win, and `weir.watchdog=none` does
/// without.
///
/// The board's file is read a second time with the configuration, which says what is wrong with it.
func openWatchdog(_ words: KernelCommandLine) -> HardwareWatchdog {
  let board = readBoard(path: ImagePath.board).board ?? Board()
  var path = board.watchdogDevice
  var place = "watchdog.device in \(ImagePath.board)"
  if let word = words.value(of: "weir.watchdog") {
    if word.utf8.elementsEqual("none".utf8) {
      Log.warning("weir.watchdog=none: a hang of the kernel or of the supervisor will last")
      return HardwareWatchdog()
    }
    path = word
    place = "weir.watchdog on the kernel's command line"
  }
  guard !path.isEmpty else {
    Log.warning("the board has no watchdog: 'watchdog' in \(ImagePath.board) names none")
    return HardwareWatchdog()
  }
  var timeout = board.watchdogSeconds
  if let word = words.value(of: "weir.watchdog-timeout") {
    if let number = seconds(word), number >= HardwareWatchdog.timeoutSecondsMin {
      timeout = Int32(number)
    } else {
      Log.warning("weir.watchdog-timeout=\(word): expected seconds, 5 to 86400; \(timeout) is used")
    }
  }
  // The epoch is on the card, which is not there yet: this drill is only one of the first boot's.
  if initDrills(words, epoch: 1).keepsWatchdogBusy { holdWatchdogForDrill(path) }
  return HardwareWatchdog(path: path, timeoutSeconds: timeout, place: place)
}

extension BootSession {
  /// What the broker is told of this boot.
  var notice: BootNotice {
    var notice = BootNotice(
      cause: report.cause.name, detail: report.detail,
      uptimeSeconds: report.previousUptimeSeconds, uncleanCount: report.record.uncleanCount,
      isSafe: report.record.isSafe)
    notice.lastCrash = lastCrashText ?? ""
    return notice
  }

  /// Waits, and feeds the watchdog meanwhile: at most a minute, so that nothing hangs here.
  func pause(seconds: Int) {
    for _ in 0..<min(seconds, 60) {
      watchdog.feed(Clock.boot())
      Futex.pause(nanoseconds: 1_000_000_000)
    }
  }

  /// Ends the system: writes how it ended, then all that is cached, and leaves the card as it must
  /// be left. It never returns.
  ///
  /// The watchdog is fed a last time at the beginning, and armed until the end: a card that hangs
  /// here, or a driver that does on the way down, must not leave a board that neither runs nor
  /// restarts. Before it is switched off it is stopped, as the very last step, or it would switch
  /// the board on again. For a restart it stays armed: a reset is what was asked for. That the
  /// driver may call such a restart a reset does not matter, for the history's word wins.
  func endSystem(_ ending: SupervisorEnding) -> Never {
    watchdog.feed(Clock.boot())
    Log.notice("all tasks have ended; writing the card")
    end(ending)
    System.synchronize()
    for folder in [ImagePath.state, ImagePath.boot] {
      do {
        try System.unmount(folder)
      } catch {
        Log.warning("can't unmount \(folder): \(error.text)")
      }
    }
    let error: SystemError
    switch ending {
    case .restart, .terminated, .failed: error = System.end(.restart)
    case .powerOff:
      watchdog.disarm()
      error = System.end(.powerOff)
    }
    // The kernel refused. PID 1 must not end, so it stays; a watchdog that is armed is the way out.
    Log.error("can't end the system: \(error.text)")
    while true { Futex.pause(nanoseconds: 3_600_000_000_000) }
  }

  private func end(_ ending: SupervisorEnding) {
    if let verdict { return end(.failed, note: verdict) }
    switch ending {
    case .restart, .terminated: end(.restarted)
    case .failed(let task): end(.failed, note: "task \(task) can't be brought back")
    case .powerOff: end(.poweredOff)
    }
  }
}

extension Configuration {
  /// What a safe boot runs with: nothing that touches a sensor or a line.
  mutating func leaveOutSources() {
    sensors = []
    lines = []
    channels = []
  }
}
