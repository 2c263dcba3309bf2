import Journal
import JournalFile
import Linux

/// What `weir journal` does with a file.
enum JournalAction {
  case list
  case dump
  case verify
  case stat

  init?(_ name: String) {
    switch name {
    case "list": self = .list
    case "dump": self = .dump
    case "verify": self = .verify
    case "stat": self = .stat
    default: return nil
    }
  }
}

extension Lane {
  static var all: [Lane] { [.alarms, .telemetry] }

  var name: String {
    switch self {
    case .alarms: "alarms"
    case .telemetry: "telemetry"
    }
  }
}

/// `weir journal list|dump|verify|stat FILE [--lane LANE] [--all] [--key FILE]...`: looks into a
/// journal, and changes nothing in it. `weir journal key FILE`: makes a key.
///
/// Returns the exit code: 0; 1 `verify` found that events are lost, FILE is sealed with a key that
/// was not given, or the output could not be written; 2 FILE is no journal that can be read; 64
/// used wrongly.
func journalCommand(_ arguments: [String]) -> Int32 {
  if arguments.first == "key" { return keyCommand(Array(arguments.dropFirst())) }
  guard let name = arguments.first, let action = JournalAction(name) else {
    return refuse("wants list, dump, verify, stat or key")
  }
  var path: String?
  var lanes = Lane.all
  var isAll = false
  var keyPaths: [String] = []
  var index = 1
  while index < arguments.count {
    let argument = arguments[index]
    index += 1
    if argument == "--all" {
      isAll = true
    } else if argument == "--lane" {
      let wanted = index < arguments.count ? arguments[index] : ""
      index += 1
      lanes = Lane.all.filter { $0.name == wanted }
      if lanes.isEmpty { return refuse("--lane wants alarms or telemetry, not '\(wanted)'") }
    } else if argument == "--key" {
      guard index < arguments.count else { return refuse("--key wants a FILE") }
      keyPaths.append(arguments[index])
      index += 1
    } else if argument.utf8.first == UInt8(ascii: "-") {
      return refuse("there is no option '\(argument)'")
    } else if path == nil {
      path = argument
    } else {
      return refuse("takes one FILE; '\(argument)' is a second one")
    }
  }
  guard let path else { return refuse("\(name) wants a FILE") }
  return look(action, path, lanes, isAll: isAll, keyPaths)
}

private func look(
  _ action: JournalAction, _ path: String, _ lanes: [Lane], isAll: Bool, _ keyPaths: [String]
) -> Int32 {
  do throws(SystemError) {
    var vault = try KeyVault()
    for keyPath in keyPaths {
      do throws(KeyFileError) {
        try vault.add(keyPath)
      } catch {
        writeStandardError("weir journal: \(error.text(keyPath))\n")
        return ExitStatus.failure
      }
    }
    var output = Output()
    do throws(JournalFileError) {
      let keys = vault.keys(seals: false)
      let status = try show(action, path, lanes, isAll: isAll, keys, &output)
      // The keys are used to the end.
      withExtendedLifetime(vault) {}
      return output.flush() ? status : ExitStatus.failure
    } catch {
      writeStandardError("weir journal: \(error.text(path))\n")
      if case .open(.locked) = error { return ExitStatus.failure }
      return ExitStatus.configuration
    }
  } catch {
    writeStandardError("weir journal: no memory for keys: \(error.text)\n")
    return ExitStatus.failure
  }
}

/// `weir journal key FILE`: makes a new key; one that is there is left alone.
private func keyCommand(_ arguments: [String]) -> Int32 {
  guard arguments.count == 1, let path = arguments.first, path.utf8.first != UInt8(ascii: "-")
  else { return refuse("key wants one FILE") }
  do throws(SystemError) {
    try makeKeyFile(path)
    var vault = try KeyVault()
    do throws(KeyFileError) {
      try vault.add(path)
    } catch {
      writeStandardError("weir journal: \(error.text(path))\n")
      return ExitStatus.failure
    }
    let number = vault.lastNumber.map { keyText($0) } ?? "?"
    let isWritten = writeStandardOutput(
      "\(path): the new key \(number); keep a copy elsewhere: nothing that is sealed with it can "
        + "be read without it\n")
    return isWritten ? ExitStatus.success : ExitStatus.failure
  } catch {
    let reason = error.number == .exists ? "is there already, and left alone" : error.text
    writeStandardError("weir journal: \(path): \(reason)\n")
    return ExitStatus.failure
  }
}

private func refuse(_ what: String) -> Int32 {
  usageError("weir journal: \(what); see `weir help journal`")
}

private func show(
  _ action: JournalAction, _ path: String, _ lanes: [Lane], isAll: Bool, _ keys: SealKeys?,
  _ output: inout Output
) throws(JournalFileError) -> Int32 {
  var health = JournalHealth(path: path)
  var wear = JournalWear(path: path)
  for lane in lanes {
    let file = try JournalFile.read(path)
    let memory = JournalMemory(
      byteCount: JournalReader<FileStorage>.memoryByteCount(file.geometry, lane))
    var reader: JournalReader<FileStorage>
    do throws(JournalOpenError) {
      reader = try JournalReader(file.take(), lane: lane, memory: memory.bytes, keys: keys)
    } catch {
      throw .open(error)
    }
    // Also what was acknowledged is wanted.
    if isAll, let key = reader.scan.unknownKey { throw .open(.locked(key)) }
    if isAll { reader.seek(Mark(ordinal: reader.oldest)) }
    switch action {
    case .list: listSegments(reader, to: &output)
    case .dump: dump(&reader, to: &output)
    case .verify: health.examine(&reader, to: &output)
    case .stat: wear.examine(&reader, to: &output)
    }
    withExtendedLifetime(memory) {}
  }
  switch action {
  case .list, .dump: return ExitStatus.success
  case .verify: return health.conclude(to: &output)
  case .stat:
    wear.conclude(now: Clock.real(), to: &output)
    return ExitStatus.success
  }
}

/// A line for each segment of a lane that holds something.
private func listSegments(
  _ reader: borrowing JournalReader<FileStorage>, to output: inout Output
) {
  let start = reader.scan.start.ordinal
  for index in 0..<reader.segmentCount {
    guard let segment = reader.segment(index) else { continue }
    let count = segment.ordinals.count
    let state = segment.ordinals.upperBound > start ? "needed" : "free"
    output.write(
      "\(reader.lane.name) \(index): segment \(segment.sequence), \(count) records"
        + (count == 0
          ? ""
          : ", ordinals \(segment.ordinals.lowerBound) to \(segment.ordinals.upperBound - 1), "
            + "up to \(segment.lastEpoch).\(segment.lastSequence)")
        + ", \(state)\n")
  }
}

/// Standard output, in large pieces.
struct Output {
  private var pending = ""
  private var hasFailed = false

  mutating func write(_ text: String) {
    pending += text
    if pending.utf8.count >= 1 << 16 { _ = flush() }
  }

  /// False if something could not be written.
  mutating func flush() -> Bool {
    if !hasFailed, !pending.isEmpty, !writeStandardOutput(pending) { hasFailed = true }
    pending = ""
    return !hasFailed
  }
}
