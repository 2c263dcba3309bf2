/// A task's death, as its gateway tells of it: on the topic `crash`, by `weir crashes --json`, or
/// on its console. What the console leaves out is nil.
public struct CrashReport: Equatable, Sendable {
  public var device: String?
  public var epoch: UInt64?
  /// Counts the crashes of the gateway, over all boots.
  public var number: UInt64?
  /// Such as `sense@i2c-1`.
  public var task: String
  /// Which life of the task it was, from 1.
  public var start: UInt64
  /// Such as `SIGILL`.
  public var signal: String
  /// In words.
  public var reason: String
  /// Where it was, as the debug file counts.
  public var programCounter: UInt64
  /// Where that was called from: return addresses, the innermost first.
  public var callers: [UInt64] = []
  /// Seconds since 1970 UTC.
  public var time: Double?
  /// The code of what the task was doing.
  public var step: UInt64?
  /// Seconds that it had lived.
  public var uptime: Double?
  public var architecture: String?
  /// In 40 hexadecimal digits.
  public var buildID: String?

  public init(
    task: String, start: UInt64, signal: String, reason: String, programCounter: UInt64
  ) {
    self.task = task
    self.start = start
    self.signal = signal
    self.reason = reason
    self.programCounter = programCounter
  }
}

/// Finds the crashes in a text: messages of the topic `crash`, one a line, with or without the
/// topic before them (`mosquitto_sub -v`), what `weir crashes` prints, or a console's log. Lines
/// that are something else are passed over.
public func crashReports(in text: String) -> [CrashReport] {
  var reports: [CrashReport] = []
  for line in text.split(whereSeparator: \.isNewline) {
    if let report = messageReport(line) {
      reports.append(report)
    } else {
      takeConsoleLine(line, &reports)
    }
  }
  return reports
}

private func messageReport(_ line: Substring) -> CrashReport? {
  guard let brace = line.firstIndex(of: "{") else { return nil }
  do throws(DecodingFailure) {
    guard case .crash(let report)? = try decode(Array(line[brace...].utf8), receivedAt: 0).first
    else { return nil }
    return report
  } catch {
    return nil
  }
}

/// Reads a line as `crashLines` of the module Supervision writes it. The lines of one crash follow
/// each other, but other lines may come between them.
private func takeConsoleLine(_ line: Substring, _ reports: inout [CrashReport]) {
  guard let opening = line.firstMatch(of: #/crash ([^ ]+)#([0-9]+): /#),
    let start = UInt64(opening.2)
  else { return }
  let task = String(opening.1)
  let rest = line[opening.range.upperBound...]
  if let match = rest.prefixMatch(
    of: #/(SIG[A-Z]+|signal [0-9]+) \((.*?)\) at (0x[0-9a-f]+), step ([0-9]+).*, up ([0-9.]+) s/#)
  {
    guard let programCounter = address(match.3) else { return }
    var report = CrashReport(
      task: task, start: start, signal: String(match.1), reason: String(match.2),
      programCounter: programCounter)
    report.step = UInt64(match.4)
    report.uptime = Double(match.5)
    reports.append(report)
    return
  }
  guard let index = reports.lastIndex(where: { $0.task == task && $0.start == start }) else {
    return
  }
  if let match = rest.prefixMatch(of: #/build ([0-9a-f]{40})/#) {
    reports[index].buildID = String(match.1)
  } else if rest.hasPrefix("from ") {
    reports[index].callers += rest.split(separator: " ").dropFirst().compactMap { address($0) }
  }
}
