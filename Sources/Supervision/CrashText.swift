import Linux
import Ring

/// A record in words, as lines for the console; `weirctl symbolize` reads them, so its parser
/// (Desk/CrashLines.swift) goes with them:
///
/// ```
/// crash pipeline#1: SIGILL (a check of the program failed) at 0x4d65, step 1 (working), up 2.041 s
/// crash pipeline#1: build 9f0c…
/// crash pipeline#1: from 0x4d70a2 0x4d5b10 0x396200
/// ```
///
/// A line holds at most eight addresses, so that it fits into a line of a log ring.
public func crashLines(
  _ record: CrashRecord, of title: String, step: ((UInt64) -> StaticString?)?
) -> [String] {
  let opening = "crash \(title)#\(record.generation): "
  var first = opening + Linux.Signal.name(record.signal) + " (" + crashReason(record) + ") at "
  first += hexadecimal(record.programCounter)
  first += ", step \(record.step)"
  if let name = step?(record.step) { first += " (" + name.description + ")" }
  first += ", up " + decimalSeconds(record.uptime) + " s"
  var lines = [first]
  if let build = buildID(record) { lines.append(opening + "build " + build) }
  var index = 0
  while index < record.frameCount {
    var line = opening + "from"
    for place in index..<min(index + crashLineAddressCountMax, record.frameCount) {
      line += " " + hexadecimal(record.frame(place))
    }
    lines.append(line)
    index += crashLineAddressCountMax
  }
  return lines
}

private let crashLineAddressCountMax = 8

/// Why the task died, in words, with the address or the system call's name where there is one.
public func crashReason(_ record: CrashRecord) -> String {
  var text = Linux.Signal.reason(record.signal).description
  if record.signal == Linux.Signal.badSystemCall {
    text += ": " + CallFilter.name(of: Int32(truncatingIfNeeded: record.address))
  } else if record.isAboutAddress {
    text += ": " + hexadecimal(record.address)
  }
  return text
}

extension CrashRecord {
  /// Whether the address says more than the program counter does.
  public var isAboutAddress: Bool {
    // Sent signals have codes up to 0, and are about no address.
    code > 0 && (signal == Linux.Signal.segmentation || signal == Linux.Signal.bus)
  }
}

/// `0x4d6565`.
public func hexadecimal(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }

/// The build id in 40 hexadecimal digits; nil where the program had none.
public func buildID(_ record: CrashRecord) -> String? {
  guard record.hasBuildID else { return nil }
  var text = ""
  for index in 0..<CrashRecord.buildIDByteCount {
    let byte = record.buildIDByte(index)
    text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
  return text
}

/// `2.041`, of a time that is not negative.
public func decimalSeconds(_ nanoseconds: Int64) -> String {
  let milliseconds = nanoseconds / 1_000_000
  return "\(milliseconds / 1000).\(String(milliseconds % 1000 + 1000).dropFirst())"
}
