/// How much a line of the log matters. Lines below the threshold are not written.
public enum LogLevel: UInt8, Comparable, Sendable {
  case debug = 0
  case info = 1
  case notice = 2
  case warning = 3
  case error = 4

  public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }

  public var text: StaticString {
    switch self {
    case .debug: "debug"
    case .info: "info"
    case .notice: "notice"
    case .warning: "warning"
    case .error: "error"
    }
  }
}

/// The process's log: one line a message, in one write(2) to standard error, so that lines of
/// several processes never mix and none is lost in a buffer when the process dies.
///
/// A line is `seconds-since-boot level task#generation: message`; the supervisor has no generation.
/// From `info` on lines are kept too (`keeper`), whatever is shown.
///
/// Every place in the sources that logs has a limit of its own, five lines in ten seconds
/// (`LogLimits`); what was kept back is counted and told: "(suppressed 120 like this)". A place
/// that says the same of several things gives each a `key`.
public enum Log {
  /// The functions log at one level each. `file` and `line` are never given: they are the place.
  public static func debug(_ message: @autoclosure () -> String) {
    // Whoever asks for everything gets everything.
    if isOn(.debug) { write(.debug, message(), nil) }
  }

  public static func info(
    _ message: @autoclosure () -> String, key: UInt32 = 0, file: StaticString = #fileID,
    line: UInt32 = #line
  ) {
    if isOn(.info) { write(.info, message(), LogSite(file: file, line: line, key: key)) }
  }

  public static func notice(
    _ message: @autoclosure () -> String, key: UInt32 = 0, file: StaticString = #fileID,
    line: UInt32 = #line
  ) {
    if isOn(.notice) { write(.notice, message(), LogSite(file: file, line: line, key: key)) }
  }

  public static func warning(
    _ message: @autoclosure () -> String, key: UInt32 = 0, file: StaticString = #fileID,
    line: UInt32 = #line
  ) {
    if isOn(.warning) { write(.warning, message(), LogSite(file: file, line: line, key: key)) }
  }

  public static func error(
    _ message: @autoclosure () -> String, key: UInt32 = 0, file: StaticString = #fileID,
    line: UInt32 = #line
  ) {
    if isOn(.error) { write(.error, message(), LogSite(file: file, line: line, key: key)) }
  }

  /// Without a limit: for what was asked for, such as a report, and is bounded by its nature.
  public static func always(_ level: LogLevel, _ message: @autoclosure () -> String) {
    if isOn(level) { write(level, message(), nil) }
  }
}
