import Linux

/// When a watchdog is fed: a timeout has room for a feeding that comes late and one that fails.
///
/// `feed` is asked for once a turn of the supervisor's loop, which sleeps at most `sleepMax`. An
/// eighth of the timeout lies between feedings at least, so that a busy loop does not spend its
/// time on them; a loop that turns as slowly as it may feeds every quarter.
struct FeedingPolicy: Equatable, Sendable {
  /// In nanoseconds.
  let timeout: Int64
  private(set) var fedTime: Int64

  /// The device was opened, or fed, at `now`.
  init(timeout: Int64, now: Int64) {
    precondition(timeout > 0)
    self.timeout = timeout
    fedTime = now
  }

  var sleepMax: Int64 { timeout / 4 }

  /// Whether to feed at `now`, which is noted. A clock that went back feeds at once.
  mutating func isDue(_ now: Int64) -> Bool {
    if now >= fedTime, now - fedTime < timeout / 8 { return false }
    fedTime = now
    return true
  }
}

/// The board's watchdog in the supervisor's hand: opened at the start, fed by the supervisor's loop
/// and by nothing else, and stopped only by an orderly end.
///
/// What happens to the board when its program does nothing more:
///
/// | what hangs or dies | what follows |
/// | --- | --- |
/// | the supervisor, or the kernel | nobody feeds: the hardware resets the board |
/// | a critical task that can't be brought back | the supervisor feeds no more: the same |
/// | the start, before the supervisor's loop | the same: it is opened first |
/// | the end: a task, or the file system | the same: it is armed until the last step |
///
/// Without a device everything here does nothing, and the gateway runs on.
public final class HardwareWatchdog {
  /// The shortest timeout that the supervisor's loop, which sleeps a second, can serve.
  public static var timeoutSecondsMin: Int32 { 5 }

  private var device: WatchdogDevice?
  private var policy: FeedingPolicy
  /// Whether the last feeding failed.
  private var isFailing = false
  /// Whether the hardware made the last reset, as far as its driver can tell; many can't.
  public let hasReset: Bool

  /// Nobody's watchdog: feeding it does nothing.
  public init() {
    device = nil
    policy = FeedingPolicy(timeout: .max, now: 0)
    hasReset = false
  }

  /// Opens the device, which starts it. One that can't be had is said, with what to do about it;
  /// `place` is where it was named.
  public init(path: String, timeoutSeconds: Int32, place: String) {
    do throws(WatchdogFailure) {
      let opened = try WatchdogDevice(opening: path, timeoutSeconds: timeoutSeconds)
      policy = FeedingPolicy(
        timeout: Int64(opened.timeoutSeconds) * 1_000_000_000, now: Clock.boot())
      hasReset = opened.bootStatus.contains(.cardReset)
      Self.sayOpened(opened, path, wanted: timeoutSeconds, place)
      device = consume opened
      if policy.timeout < Int64(Self.timeoutSecondsMin) * 1_000_000_000 {
        Log.warning("\(path) is not used: the supervisor can't feed it that often")
        disarm()
      }
    } catch {
      policy = FeedingPolicy(timeout: .max, now: 0)
      hasReset = false
      device = nil
      Log.warning("no watchdog \(path) (\(place)): \(error.text); \(Self.remedy(error))")
    }
  }

  private static func sayOpened(
    _ device: borrowing WatchdogDevice, _ path: String, wanted: Int32, _ place: String
  ) {
    let seconds = device.timeoutSeconds
    Log.info("the watchdog \(path) (\(device.identity)) resets the board after \(seconds) s")
    if seconds < wanted {
      Log.notice("\(path) allows no more than \(seconds) s; \(place) asks for \(wanted) s")
    }
    if !device.options.contains(.magicClose) {
      Log.warning(
        "\(path) stops when its program dies: its driver (\(device.identity)) has no magic close")
    }
  }

  private static func remedy(_ failure: WatchdogFailure) -> String {
    let cost = "a hang of the kernel or of the supervisor will last until somebody switches it off"
    return switch failure {
    case .absent: "\(cost): add its driver to 'modules' in board.yaml, or name another device"
    case .busy:
      "another program has it and feeds it: stop that one, or name another device; \(cost)"
    case .refused: "\(cost): name a watchdog device that this program may open"
    }
  }

  /// Whether there is one.
  public var isArmed: Bool { device != nil }

  /// The longest sleep between two feedings, in nanoseconds.
  public var sleepMax: Int64 { policy.sleepMax }

  /// Begins the timeout anew at `now`, ns of CLOCK_BOOTTIME. Call it only when everything that must
  /// be well is well; more often than it is needed costs nothing.
  public func feed(_ now: Int64) {
    guard device != nil, policy.isDue(now) else { return }
    do throws(SystemError) {
      try device?.feed()
      if isFailing { Log.notice("the watchdog is fed again") }
      isFailing = false
    } catch {
      if !isFailing { Log.error("the watchdog can't be fed: \(error.call): \(error.text)") }
      isFailing = true
    }
  }

  /// Stops it: the last step of an orderly end, when nothing is left that could hang.
  public func disarm() {
    guard let stopped = device.take() else { return }
    do throws(SystemError) {
      try stopped.disarm()
    } catch {
      Log.error("the watchdog can't be stopped and will reset the board: \(error.text)")
    }
  }

  /// In a child, which inherited the descriptor: only the supervisor feeds, and only it stops.
  public func leaveToParent() { device = nil }
}
