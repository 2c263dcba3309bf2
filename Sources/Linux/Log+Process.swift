import Synchronization

/// One line, for whoever keeps it.
public struct LogEntry {
  public var level: LogLevel
  /// ns of CLOCK_BOOTTIME.
  public var time: Int64
  public var generation: UInt32
  /// How many lines of the same place were kept back before it.
  public var suppressedCount: UInt64
  /// UTF-8 on one line.
  public var text: [UInt8]
}

/// Where lines are kept beside the console: the task's ring in the arena. It must not block.
public struct LogKeeper {
  public var keep: (LogEntry) -> Void
  /// Counts lines that the limit kept back, and lines that the console did not take.
  public var count: (_ suppressed: UInt64, _ consoleDropped: UInt64) -> Void

  public init(
    keep: @escaping (LogEntry) -> Void, count: @escaping (UInt64, UInt64) -> Void
  ) {
    self.keep = keep
    self.count = count
  }
}

// What the process's log knows of itself. A task is a single thread; in tests, where there are
// many, the table and the console belong to whoever comes first, and the others do without.
extension Log {
  /// Set once, right after fork, before the first line: each task is a single thread.
  nonisolated(unsafe) public static var task: StaticString = "weir"
  nonisolated(unsafe) public static var taskDetail: String = ""
  nonisolated(unsafe) public static var generation: UInt32 = 0
  /// What is shown on the console.
  nonisolated(unsafe) public static var threshold: LogLevel = .info
  nonisolated(unsafe) private static var keeper: LogKeeper?
  /// Lines from before there was a keeper, which may well be why there will be trouble.
  nonisolated(unsafe) private static var earlyLines: [LogEntry] = []
  /// More are only on the console.
  static let earlyLineCountMax = 64

  nonisolated(unsafe) private static var warmLog: WarmLog?
  nonisolated(unsafe) private static var limits = LogLimits()
  nonisolated(unsafe) private static var console = LogConsole()
  private static let isTaken = Atomic<Bool>(false)

  /// From here on no line waits longer than this for the console, in ms.
  public static func limitWaiting(milliseconds: Int32) {
    precondition(milliseconds >= 0)
    // Safe: the only thread.
    unsafe console.open()
    unsafe console.patienceMilliseconds = milliseconds
  }

  /// Where lines are shown, beside standard error; -1 for nowhere.
  public static var consoleDescriptor: Int32 {
    // Safe: the only thread.
    unsafe console.descriptor
  }

  /// From here on lines are kept, those that came before there was a keeper first; nil for an end.
  public static func keep(with keeper: LogKeeper?) {
    // Safe: the only thread.
    unsafe self.keeper = keeper
    guard let keeper else { return }
    for line in unsafe earlyLines { keeper.keep(line) }
    unsafe earlyLines = []
  }

  /// From here on lines are kept for the next boot too, by this process and by those that it forks;
  /// nil for an end.
  public static func keep(warm log: WarmLog?) {
    // Safe: the only thread.
    unsafe warmLog = log
  }

  /// Begins the log of a task, in its process, before its first line. Nothing of the parent's is
  /// left but the console and the log for the next boot.
  public static func beginTask(
    _ name: StaticString, _ detail: String, generation: UInt32, keeper: LogKeeper?
  ) {
    // Safe: the child has one thread.
    unsafe task = name
    unsafe taskDetail = detail
    unsafe self.generation = generation
    unsafe self.keeper = keeper
    unsafe earlyLines = []
    unsafe limits = LogLimits()
    unsafe console.forgetDropped()
    limitWaiting(milliseconds: taskPatienceMilliseconds)
  }

  /// What a stalled console may cost a task, once.
  static let taskPatienceMilliseconds: Int32 = 50

  static func isOn(_ level: LogLevel) -> Bool {
    // Safe: both are set before the first line, by the only thread.
    unsafe level >= threshold || (level >= .info && keeper != nil)
  }

  // Never inlined: there are a hundred places that log, and none is in a hurry.
  @inline(never)
  static func write(_ level: LogLevel, _ message: String, _ site: LogSite?) {
    let hasState = !isTaken.exchange(true, ordering: .acquiring)
    defer { if hasState { isTaken.store(false, ordering: .releasing) } }
    let now = Clock.boot()
    var suppressedCount: UInt64 = 0
    if let site, hasState {
      // Safe: this thread has taken the state.
      guard let count = unsafe limits.admit(site, level, now: now) else {
        unsafe keeper?.count(1, 0)
        return
      }
      suppressedCount = count
    }
    put(
      LogEntry(
        level: level, time: now, generation: unsafe generation, suppressedCount: suppressedCount,
        text: onOneLine(message)), hasState: hasState)
  }

  /// Tells what was kept back or not shown and has nobody left to tell it. Called by every task's
  /// loop, at least once a second; costs nothing when there is nothing to tell.
  public static func catchUp() {
    // Safe: looked at by the only thread of a task.
    guard unsafe limits.pendingCount > 0 || console.droppedCount > 0 else { return }
    guard !isTaken.exchange(true, ordering: .acquiring) else { return }
    defer { isTaken.store(false, ordering: .releasing) }
    let now = Clock.boot()
    for _ in 0..<LogLimits.siteCountMax {
      // Safe: this thread has taken the state.
      guard let (site, level, count) = unsafe limits.takeSilent(now: now) else { break }
      let text = "\(site.file.description):\(site.line): suppressed \(count) lines like the last"
      put(
        LogEntry(
          level: level, time: now, generation: unsafe generation, suppressedCount: 0,
          text: onOneLine(text)), hasState: true)
    }
    tellDropped(now)
  }

  private static func put(_ entry: LogEntry, hasState: Bool) {
    // Safe: set before the first line, by the only thread.
    if let keeper = unsafe keeper {
      if entry.level >= .info { keeper.keep(entry) }
    } else if hasState, entry.level >= .info, unsafe earlyLines.count < earlyLineCountMax {
      unsafe earlyLines.append(entry)
    }
    // Safe: set by PID 1 before it has tasks.
    if entry.level >= .info, let warm = unsafe warmLog {
      warm.append(entry.level, line(entry).dropLast())
    }
    guard unsafe entry.level >= threshold else { return }
    guard hasState else {
      var other = LogConsole()
      _ = other.show(line(entry))
      return
    }
    if tellDropped(entry.time) { show(line(entry)) } else { noteDropped() }
  }

  /// Whether nothing is left to tell.
  @discardableResult
  private static func tellDropped(_ now: Int64) -> Bool {
    // Safe: this thread has taken the state.
    let count = unsafe console.droppedCount
    if count == 0 { return true }
    let text = "console-dropped: \(count) lines could not be shown here"
    let notice = LogEntry(
      level: .warning, time: now, generation: unsafe generation, suppressedCount: 0,
      text: Array(text.utf8))
    return unsafe console.tell(line(notice))
  }

  private static func show(_ line: [UInt8]) {
    // Safe: as above.
    if unsafe !console.show(line) { unsafe keeper?.count(0, 1) }
  }

  private static func noteDropped() {
    // Safe: as above.
    unsafe console.noteDropped()
    unsafe keeper?.count(0, 1)
  }

  /// Control characters, which could be taken for other lines or move a cursor, become spaces.
  private static func onOneLine(_ message: String) -> [UInt8] {
    var bytes = Array(message.utf8)
    for index in bytes.indices where bytes[index] < 0x20 || bytes[index] == 0x7F {
      bytes[index] = UInt8(ascii: " ")
    }
    return bytes
  }

  private static func line(_ entry: LogEntry) -> [UInt8] {
    let milliseconds = entry.time / 1_000_000
    let fraction = String(milliseconds % 1000 + 1000).dropFirst()
    // Safe: set once, before the first line, by the only thread.
    var name = unsafe task.description + (taskDetail.isEmpty ? "" : "@" + taskDetail)
    if entry.generation > 0 { name += "#\(entry.generation)" }
    var bytes = Array(
      "\(milliseconds / 1000).\(fraction) \(entry.level.text.description) \(name): ".utf8)
    bytes += entry.text
    if entry.suppressedCount > 0 {
      bytes += Array(" (suppressed \(entry.suppressedCount) like this)".utf8)
    }
    if bytes.count >= LogConsole.lineByteCountMax {
      bytes.removeLast(bytes.count - LogConsole.lineByteCountMax)
      // Not in the middle of a character.
      while let last = bytes.last, last & 0xC0 == 0x80 { bytes.removeLast() }
      if let last = bytes.last, last >= 0xC0 { bytes.removeLast() }
    }
    bytes.append(UInt8(ascii: "\n"))
    return bytes
  }
}
