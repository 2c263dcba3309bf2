import Linux

/// The supervisor's answer (`HealthReport` in Supervision), read back.
struct HealthTable {
  struct Row {
    var fields: [String]
    var title: String { fields[0] }
    var state: String { fields[1] }
    var reason: String { fields[2] }
    var process: String { fields[3] }
    var starts: String { fields[4] }
    var deaths: String { fields[5] }
    var milliseconds: String { fields[6] }
  }

  let overall: String
  let rows: [Row]

  /// Nil for anything that is not a whole answer of version 1.
  init?(_ bytes: [UInt8]) {
    guard String(validating: bytes, as: UTF8.self) != nil, bytes.last == 0x0a else { return nil }
    let lines = bytes.split(separator: 0x0a).map { Self.fields($0) }
    guard let head = lines.first, head.count == 4, head[0] == "weir-health", head[1] == "1",
      let count = decimalNumber(Array(head[3].utf8), digitCountMax: 6),
      UInt64(lines.count) == count + 1
    else { return nil }
    for line in lines.dropFirst() where line.count != 7 { return nil }
    overall = head[2]
    rows = lines.dropFirst().map { Row(fields: $0) }
  }

  private static func fields(_ line: ArraySlice<UInt8>) -> [String] {
    line.split(separator: 0x09, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  /// 0, 1 or 2, as a container's health check wants it.
  var exitStatus: Int32 {
    switch overall {
    case "healthy": 0
    case "starting", "degraded": 1
    default: 2
    }
  }

  /// A table for people.
  var text: String {
    var width = 4
    for row in rows { width = max(width, row.title.utf8.count) }
    var text = overall + "\n\n"
    text += Self.padded("TASK", width) + "  " + Self.padded("STATE", 9)
    text += "FOR        STARTS  DEATHS  REASON\n"
    for row in rows {
      var line = Self.padded(row.title, width) + "  " + Self.padded(row.state, 9)
      line += Self.padded(Self.age(row.milliseconds), 11) + Self.padded(row.starts, 8)
      line += Self.padded(row.deaths, 8) + row.reason
      while line.utf8.last == 0x20 { line.removeLast() }
      text += line + "\n"
    }
    return text
  }

  /// One line for programs.
  var json: String {
    var text = "{\"health\":\"\(overall)\",\"tasks\":["
    for (index, row) in rows.enumerated() {
      // Titles and reasons hold no quotes: they are this program's own words and checked names.
      text += (index == 0 ? "" : ",") + "{\"task\":\"\(row.title)\",\"state\":\"\(row.state)\","
      text += "\"reason\":\"\(row.reason)\",\"process\":\(row.process),\"starts\":\(row.starts),"
      text += "\"deaths\":\(row.deaths),\"milliseconds\":\(row.milliseconds)}"
    }
    return text + "]}\n"
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    var text = text
    var count = text.utf8.count
    while count < width {
      text += " "
      count += 1
    }
    return text
  }

  private static func age(_ milliseconds: String) -> String {
    guard let value = decimalNumber(Array(milliseconds.utf8), digitCountMax: 18) else { return "?" }
    let seconds = value / 1000
    if seconds < 120 { return "\(seconds) s" }
    return seconds < 7200 ? "\(seconds / 60) min" : "\(seconds / 3600) h"
  }
}
