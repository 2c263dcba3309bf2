import Linux
import Ring

/// The members of a JSON object that tell of a crash, without the braces, and without what only the
/// sender knows (`device`, `version`, `t`):
///
/// | label | value | when |
/// | --- | --- | --- |
/// | `crash` | its number: counts the crashes of the gateway, from 0, over all boots | always |
/// | `epoch` | the boot | always |
/// | `task` | such as `sense@i2c-1` | always |
/// | `start` | which life of the task it was, from 1 | always |
/// | `signal` | such as `SIGILL` | always |
/// | `code` | the signal's code (sigaction(2)) | always |
/// | `reason` | in words | always |
/// | `pc` | where it was, hexadecimal | always |
/// | `from` | where that was called from, hexadecimal, the innermost first | always |
/// | `step` | the code of what it was doing | always |
/// | `uptime` | how long it had lived, in seconds | always |
/// | `arch` | `aarch64` or `x86_64` | always |
/// | `build` | the build id of the program: 40 hexadecimal digits | if it has one |
///
/// Addresses are as the debug file counts them.
public func crashMembers(_ entry: CrashEntry, architecture: String) -> [UInt8] {
  let record = entry.record
  var text = "\"crash\":\(entry.number),\"epoch\":\(entry.epoch),\"task\":"
  text += quotedTitle(entry)
  text += ",\"start\":\(record.generation),\"signal\":\"" + Linux.Signal.name(record.signal)
  text += "\",\"code\":\(record.code),\"reason\":\"" + crashReason(record)
  text += "\",\"pc\":\"" + hexadecimal(record.programCounter) + "\",\"from\":["
  for index in 0..<record.frameCount {
    text += (index > 0 ? ",\"" : "\"") + hexadecimal(record.frame(index)) + "\""
  }
  text += "],\"step\":\(record.step),\"uptime\":" + decimalSeconds(record.uptime)
  text += ",\"arch\":\"" + architecture + "\""
  if let build = buildID(record) { text += ",\"build\":\"" + build + "\"" }
  return Array(text.utf8)
}

/// The title as a JSON string. Titles are printable; what a damaged one holds that would have to be
/// escaped becomes `?`.
private func quotedTitle(_ entry: CrashEntry) -> String {
  var bytes: [UInt8] = [UInt8(ascii: "\"")]
  for index in 0..<entry.titleByteCount {
    let byte = entry.titleByte(index)
    let isPlain = byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    bytes.append(isPlain ? byte : UInt8(ascii: "?"))
  }
  return String(decoding: bytes, as: UTF8.self) + "\""
}
