import Linux

/// Who watches the supervisor of a service: systemd, if it asks for signs of life, and the board's
/// watchdog, if that was asked for. Both are told under the same condition, by the supervisor's
/// loop and by nothing else.
public final class ServiceWatch {
  private let manager: ServiceManager?
  private var policy: FeedingPolicy?
  private var isReady = false
  private var isFailing = false
  private let watchdog: HardwareWatchdog

  public init(watchdog: HardwareWatchdog) {
    self.watchdog = watchdog
    do {
      manager = try ServiceManager()
    } catch {
      Log.warning("NOTIFY_SOCKET can't be used: \(error.call): \(error.text); is it systemd's?")
      manager = nil
    }
    policy = manager?.watchdogTimeout.map { FeedingPolicy(timeout: $0, now: Clock.boot()) }
  }

  /// The supervisor's hooks, with these two in them. A service that can't go on ends by itself, and
  /// its manager starts it again; only with the board's watchdog it waits for the reset.
  public func hooks(_ given: SupervisorHooks) -> SupervisorHooks {
    var hooks = given
    if watchdog.isArmed { hooks.feed = watchdog.feed }
    hooks.whileWell = whileWell
    return hooks
  }

  /// Once a turn of the supervisor's loop, while every critical task is well.
  private func whileWell(_ now: Int64) {
    if !isReady {
      isReady = true
      tell(.ready)
    }
    if policy?.isDue(now) == true { tell(.watchdog) }
  }

  /// An end that was asked for, and has happened: the board goes on without this program.
  public func stopped() {
    tell(.stopping)
    watchdog.disarm()
  }

  private func tell(_ message: ServiceManager.Message) {
    do throws(SystemError) {
      try manager?.tell(message)
      isFailing = false
    } catch {
      if !isFailing { Log.error("the service manager can't be told: \(error.text)") }
      isFailing = true
    }
  }
}
