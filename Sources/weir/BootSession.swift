import Boot
import Linux
import Ring
import Supervision

/// What PID 1 keeps of this boot, and its hand on the board's watchdog. One for the whole life of
/// the system, made before the first task.
///
/// PID 1 itself writes the history only while there are no tasks: at the start and at the end.
/// Between them the keeper does.
final class BootSession {
  /// How long a boot must stay up to count as good: longer than a bad configuration takes to fail.
  static let stableSeconds: Int64 = 300

  let watchdog: HardwareWatchdog
  let report: BootReport
  /// Why this boot can't go on, when that is the supervisor's own judgement.
  var verdict: String?
  private let file: BootHistoryFile?
  /// Where crashes survive; nil without a card.
  let crashFile: CrashFile?
  /// The last one of the boot before.
  let lastCrash: CrashEntry?
  private let startTime: Int64
  private let stableNanoseconds: Int64
  /// When the boot counts as good; .max when that is written.
  private var stableTime: Int64
  /// What is to be in the file, for the keeper, which is forked from this process.
  private var record: BootRecord
  private var isKeeperWanted = false

  /// Decides what this boot is, and writes it down before anything else can fail. `file` is nil
  /// without a card.
  init(
    watchdog: HardwareWatchdog, file: BootHistoryFile?, crashFile: CrashFile?, epoch: UInt64,
    words: KernelCommandLine
  ) {
    self.watchdog = watchdog
    self.file = file
    self.crashFile = crashFile
    let last = file?.read() ?? (record: nil, problem: nil)
    Self.say(last.problem, file?.path ?? "")
    report = BootHistory.begin(
      after: last.record, problem: file == nil ? .damaged : last.problem, epoch: epoch,
      isReset: watchdog.hasReset, policy: Self.policy(words))
    let previous = report.previousEpoch
    lastCrash = crashFile?.read().entries.last { $0.epoch == previous }
    let stable = words.value(of: "weir.stable").flatMap { seconds($0) } ?? Self.stableSeconds
    stableNanoseconds = stable * 1_000_000_000
    startTime = Clock.boot()
    stableTime = startTime + stableNanoseconds
    record = report.record
    file?.write(record)
    say()
  }

  private static func policy(_ words: KernelCommandLine) -> SafeModePolicy {
    var policy = SafeModePolicy(isForced: words.has("weir.safe"))
    guard let text = words.value(of: "weir.safe-after") else { return policy }
    if let number = decimalNumber(Array(text.utf8), digitCountMax: 4) {
      policy.after = number
    } else {
      Log.warning("weir.safe-after=\(text): expected a number of boots, 0 for never; 3 is used")
    }
    return policy
  }

  private static func say(_ problem: BootHistoryProblem?, _ path: String) {
    switch problem {
    case nil: break
    case .damaged?:
      Log.warning(
        "the boot history \(path) is damaged: a new one begins; nothing else depends on it")
    case .unreadable(let text)?:
      Log.warning("the boot history can't be read: \(path): \(text); a new one begins")
    }
  }

  /// The cause in one line, and safe mode in one more.
  private func say() {
    var line = "boot \(report.record.epoch): \(report.cause.text.description)"
    if !report.detail.isEmpty { line += ": \(report.detail)" }
    if let uptime = report.previousUptimeSeconds { line += "; it was up for \(uptime) s or longer" }
    let count = report.record.uncleanCount
    if count > 0 { line += "; \(count) in a row did not stay up" }
    switch report.cause {
    case .first, .restart, .powerOff: Log.notice(line)
    case .watchdog, .failure, .unknown: Log.warning(line)
    }
    if let lastCrashText {
      Log.warning(
        "boot \(report.record.epoch): the last crash of that boot was \(lastCrashText) "
          + "(`weir crashes`)")
    }
    guard report.record.isSafe else { return }
    Log.error(
      "SAFE MODE: console, network and uplink run, sensors and lines do not. To leave it: mend "
        + "gateway.yaml on the card, stay up for \(stableNanoseconds / 1_000_000_000) s, then "
        + "restart or switch off and on (weir.safe, weir.safe-after= on the kernel's command line)")
  }

  /// The last crash of the boot before: `uplink#1: SIGTRAP (a check of the program failed)`.
  var lastCrashText: String? {
    guard let lastCrash else { return nil }
    let record = lastCrash.record
    return "\(lastCrash.title)#\(record.generation): \(Linux.Signal.name(record.signal)) "
      + "(\(crashReason(record)))"
  }

  /// The supervisor's hooks, with what this boot does in them.
  func hooks(_ given: SupervisorHooks) -> SupervisorHooks {
    var hooks = given
    if watchdog.isArmed { hooks.feed = watchdog.feed }
    hooks.whileWell = whileWell
    hooks.giveUp = giveUp
    let others = given.wantsKeeper
    hooks.wantsKeeper = {
      let isWanted = others?() == true
      return self.wantsKeeper() || isWanted
    }
    return hooks
  }

  /// Once a turn of the supervisor's loop, while every critical task is well.
  private func whileWell(_ now: Int64) {
    guard now >= stableTime else { return }
    stableTime = .max
    record = record.ended(.stable, uptimeSeconds: UInt64(now / 1_000_000_000))
    isKeeperWanted = true
  }

  /// A critical task can't be brought back: from here on nobody feeds, or where there is no
  /// watchdog the supervisor ends.
  private func giveUp(_ task: String, _ reason: String) {
    verdict = "task \(task): \(reason)"
    record = record.ended(
      .gaveUp, uptimeSeconds: UInt64(Clock.boot() / 1_000_000_000), note: verdict ?? "")
    isKeeperWanted = watchdog.isArmed
  }

  private func wantsKeeper() -> Bool {
    defer { isKeeperWanted = false }
    return isKeeperWanted
  }

  /// The keeper's step.
  func keep() -> Bool {
    guard let file else { return true }
    if let kept = file.read().record, kept.bytes.elementsEqual(record.bytes) { return true }
    guard file.write(record) else { return false }
    if record.phase == .stable { Log.info("this boot counts as good: it stayed up") }
    return true
  }

  /// Writes how the boot ended; there are no tasks any more.
  func end(_ phase: BootPhase, note: String = "") {
    let seconds = UInt64(Clock.boot() / 1_000_000_000)
    file?.write(record.ended(phase, uptimeSeconds: seconds, note: note))
  }
}
