import Linux

/// What ended the boot before this one.
public enum BootCause: UInt8, CaseIterable, Sendable {
  /// There was none: the card is new.
  case first = 0
  /// An orderly restart, or an orderly end before it was switched off.
  case restart = 1
  case powerOff = 2
  /// The hardware's watchdog, by its own word or because the supervisor had stopped feeding it.
  case watchdog = 3
  /// The supervisor restarted the board, because a critical task could not be brought back.
  case failure = 4
  /// Nobody can tell: power was lost, the kernel panicked, or a reset whose cause the hardware does
  /// not keep.
  case unknown = 5

  /// The word in messages.
  public var name: StaticString {
    switch self {
    case .first: "first"
    case .restart: "restart"
    case .powerOff: "power-off"
    case .watchdog: "watchdog"
    case .failure: "failure"
    case .unknown: "unknown"
    }
  }

  /// What happened, for people.
  public var text: StaticString {
    switch self {
    case .first: "this is the card's first boot"
    case .restart: "the last boot ended with a restart"
    case .powerOff: "the last boot ended to be switched off"
    case .watchdog: "the watchdog ended the last boot"
    case .failure: "the supervisor ended the last boot"
    case .unknown: "the last boot ended without a word: power, a kernel panic, or a reset"
    }
  }
}

/// When a board starts in safe mode.
///
/// An unclean end counts when the boot had not stayed up (`BootPhase.stable`), and the supervisor's
/// own verdict always does, up to an hour: a critical task that is given up only after minutes must
/// not make the board restart for ever either. After `after` such ends in a row the next boot is a
/// safe one: console, network and uplink run, sensors do not. A safe boot that stayed up clears the
/// count, and so does an orderly end; the boot after it is an ordinary one.
public struct SafeModePolicy: Equatable, Sendable {
  /// A verdict after more than this begins a new count.
  static var verdictSecondsMax: UInt64 { 3600 }
  /// 0 for never.
  public var after: UInt64
  /// Asked for on the kernel's command line.
  public var isForced: Bool

  public init(after: UInt64 = 3, isForced: Bool = false) {
    self.after = after
    self.isForced = isForced
  }

  func isSafe(uncleanCount: UInt64) -> Bool {
    isForced || after > 0 && uncleanCount >= after
  }
}

/// What is known of the boot before, and what follows for this one.
public struct BootReport: Equatable, Sendable {
  public var cause: BootCause
  /// The supervisor's own words, if it had any.
  public var detail: String
  /// Of the boot before; nil when there is none that is known.
  public var previousEpoch: UInt64?
  /// How long it was up at least, in seconds; nil when nothing is known.
  public var previousUptimeSeconds: UInt64?
  /// The record of this boot: what is written before anything else can fail.
  public var record: BootRecord
}

/// Why the history could not be used.
public enum BootHistoryProblem: Equatable, Sendable {
  case damaged
  case unreadable(String)
}

/// The history of a card's boots: what the last one left, and what this one will leave.
///
/// | the record before | hardware says reset | cause | unclean in a row |
/// | --- | --- | --- | --- |
/// | none | – | first | 0 |
/// | damaged | yes / no | watchdog / unknown | 0 |
/// | restarted | – | restart | 0 |
/// | powered-off | – | power-off | 0 |
/// | failed | – | failure | one more |
/// | gave-up | – | watchdog | one more |
/// | started | yes / no | watchdog / unknown | one more |
/// | stable | yes / no | watchdog / unknown | 0 |
///
/// What the record says of an orderly end wins over the hardware: many boards restart by their
/// watchdog, and its driver then calls every restart a reset.
public enum BootHistory {
  /// Decides what this boot is. `isReset` is the hardware's word.
  public static func begin(
    after previous: BootRecord?, problem: BootHistoryProblem?, epoch: UInt64, isReset: Bool,
    policy: SafeModePolicy
  ) -> BootReport {
    var count: UInt64 = 0
    let cause: BootCause
    switch previous?.phase {
    case nil: cause = problem == nil ? .first : isReset ? .watchdog : .unknown
    case .restarted?: cause = .restart
    case .poweredOff?: cause = .powerOff
    case .failed?:
      cause = .failure
      count = afterVerdict(previous)
    case .gaveUp?:
      cause = .watchdog
      count = afterVerdict(previous)
    case .started?:
      cause = isReset ? .watchdog : .unknown
      count = (previous?.uncleanCount ?? 0) + 1
    case .stable?: cause = isReset ? .watchdog : .unknown
    }
    let uptime = previous?.uptimeSeconds ?? 0
    return BootReport(
      cause: cause, detail: previous?.note ?? "", previousEpoch: previous?.epoch,
      previousUptimeSeconds: uptime > 0 ? uptime : nil,
      record: BootRecord(
        epoch: epoch, uncleanCount: count, isSafe: policy.isSafe(uncleanCount: count)))
  }

  private static func afterVerdict(_ previous: BootRecord?) -> UInt64 {
    guard let previous, previous.uptimeSeconds <= SafeModePolicy.verdictSecondsMax else { return 1 }
    return previous.uncleanCount + 1
  }
}

/// The file of the history.
public struct BootHistoryFile: Sendable {
  public let path: String

  public init(_ path: String) { self.path = path }

  /// The last record; nil when there is none, or none that can be used.
  public func read() -> (record: BootRecord?, problem: BootHistoryProblem?) {
    do {
      let bytes = try readFile(path, limit: BootRecord.fileByteCountMax)
      guard let record = BootRecord(bytes) else { return (nil, .damaged) }
      return (record, nil)
    } catch {
      switch error.number {
      case .notFound: return (nil, nil)
      case .tooBig: return (nil, .damaged)
      default: return (nil, .unreadable(error.text))
      }
    }
  }

  /// Replaces the record, and says so when that fails: then the next boot knows less of this one.
  @discardableResult
  public func write(_ record: BootRecord) -> Bool {
    do {
      try replaceFile(path, with: record.bytes)
      return true
    } catch {
      Log.warning(
        "the boot history is not kept: \(path): \(error.call): \(error.text); "
          + "the next start can't tell what ended this one")
      return false
    }
  }
}
