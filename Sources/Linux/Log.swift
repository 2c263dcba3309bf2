import CLinux

/// How much a line of the log matters. Lines below the threshold are not written.
public enum LogLevel: UInt8, Comparable, Sendable {
  case debug = 0
  case info = 1
  case notice = 2
  case warning = 3
  case error = 4

  public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }

  var text: StaticString {
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
/// A line is `seconds-since-boot level task: message`.
public enum Log {
  /// Set once, right after fork, before the first line: each task is a single thread.
  nonisolated(unsafe) public static var task: StaticString = "weir"
  nonisolated(unsafe) public static var taskDetail: String = ""
  nonisolated(unsafe) public static var threshold: LogLevel = .info

  public static func debug(_ message: @autoclosure () -> String) {
    if isOn(.debug) { write(.debug, message()) }
  }

  public static func info(_ message: @autoclosure () -> String) {
    if isOn(.info) { write(.info, message()) }
  }

  public static func notice(_ message: @autoclosure () -> String) {
    if isOn(.notice) { write(.notice, message()) }
  }

  public static func warning(_ message: @autoclosure () -> String) {
    if isOn(.warning) { write(.warning, message()) }
  }

  public static func error(_ message: @autoclosure () -> String) {
    if isOn(.error) { write(.error, message()) }
  }

  private static func isOn(_ level: LogLevel) -> Bool {
    // Safe: set once, before the first line, by the only thread.
    unsafe level >= threshold
  }

  // Never inlined: there are a hundred places that log, and none is in a hurry.
  @inline(never)
  private static func write(_ level: LogLevel, _ message: String) {
    let milliseconds = Clock.boot() / 1_000_000
    let fraction = String(milliseconds % 1000 + 1000).dropFirst()
    // Safe: as above.
    let name = unsafe task.description + (taskDetail.isEmpty ? "" : "@" + taskDetail)
    let line =
      "\(milliseconds / 1000).\(fraction) \(level.text.description) \(name): \(message)\n"
    writeStandardError(line)
  }
}

/// Writes text to standard error, at once and unbuffered; a failure has nobody to be told to.
public func writeStandardError(_ text: String) { writeText(text, to: 2) }

/// Writes text to standard output, at once and unbuffered. False when it could not all be written.
@discardableResult
public func writeStandardOutput(_ text: String) -> Bool { writeText(text, to: 1) }

@discardableResult
private func writeText(_ text: String, to number: Int32) -> Bool {
  var bytes = Array(text.utf8)
  var start = 0
  while start < bytes.count {
    let count = bytes.count
    let written = retrying {
      // Safe: the range lies inside the array, which outlives the call.
      unsafe bytes.withUnsafeMutableBytes {
        unsafe CLinux.write(number, $0.baseAddress.unsafelyUnwrapped + start, count - start)
      }
    }
    guard written > 0 else { return false }
    start += written
  }
  return true
}
