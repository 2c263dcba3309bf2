/// A crash in words for people: a line for what happened, then one for each function.
///
/// ```
/// pipeline#1 of plant7, boot 3: SIGILL (a check of the program failed), step 2, up 2.041 s
///   0 0x4d6565 Swift runtime failure: precondition failure
///              weir.trapForDrill() at Sources/weir/DrillKind.swift:139:3
///   1 0x4d70a2 weir.ArmedDrill.strike() at Sources/weir/DrillKind.swift:76:17
/// ```
///
/// Files below `folder` are named from there.
public func crashTrace(
  _ report: CrashReport, _ frames: [SymbolizedFrame], folder: String
) -> [String] {
  var first = "\(report.task)#\(report.start)"
  if let device = report.device { first += " of \(device)" }
  if let epoch = report.epoch { first += ", boot \(epoch)" }
  first += ": \(report.signal) (\(report.reason))"
  if let step = report.step { first += ", step \(step)" }
  if let uptime = report.uptime { first += ", up \(uptime) s" }
  var lines = [first]
  var index = -1
  var last: UInt64?
  for frame in frames {
    let address = "0x" + String(frame.address, radix: 16)
    var line = String(repeating: " ", count: 5 + address.count)
    // Two calls from the same place are two frames, but not what was inlined there.
    if frame.address != last {
      index += 1
      line = (index < 10 ? "  " : " ") + "\(index) " + address + " "
    }
    last = frame.address
    line += frame.function
    if !frame.file.isEmpty {
      let prefix = folder.hasSuffix("/") ? folder : folder + "/"
      let file = frame.file.hasPrefix(prefix) ? frame.file.dropFirst(prefix.count) : frame.file[...]
      line += " at \(file):\(frame.line):\(frame.column)"
    }
    lines.append(line)
  }
  return lines
}
