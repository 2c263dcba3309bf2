import Linux
import Ring

/// The crashes that this gateway knows of: those of earlier boots from the file, and its own. The
/// supervisor has it; the keeper, which is forked from the supervisor, writes the file.
public final class CrashHistory {
  private let log: CrashLog
  private let file: CrashFile?
  private let epoch: UInt64
  private var isKeeperWanted = false
  private var isKept = true

  /// Reads what was kept, and says what of it can't be used. `file` is nil where nothing survives.
  public init(_ log: CrashLog, file: CrashFile?, epoch: UInt64) {
    self.log = log
    self.file = file
    self.epoch = epoch
    guard let file else { return }
    let content = file.read()
    // Of those of the boot before nobody knows whether the broker got them.
    for entry in content.entries { log.restore(entry, isTold: entry.epoch &+ 1 != epoch) }
    if let problem = content.problem {
      Log.warning("the crashes of earlier boots can't be read: \(file.path): \(problem)")
    } else if content.damageCount > 0 {
      Log.warning(
        "\(file.path) is damaged: \(content.damageCount) of its crashes are left out; nothing else "
          + "depends on them")
    }
  }

  /// A task of this boot left a record.
  public func note(_ title: String, _ record: CrashRecord) {
    log.append(CrashEntry(record, of: title, epoch: epoch))
    isKeeperWanted = file != nil
    isKept = file == nil
  }

  /// Whether there is something to write since the last call.
  public func wantsKeeper() -> Bool {
    defer { isKeeperWanted = false }
    return isKeeperWanted
  }

  /// The keeper's step: writes the file, unless it says all that already.
  public func keep() -> Bool {
    guard let file, !isKept else { return true }
    let entries = entries()
    let kept = file.read()
    if kept.damageCount == 0, kept.entries.count == entries.count,
      kept.entries.last?.number == entries.last?.number
    {
      return true
    }
    do {
      try file.write(entries)
      return true
    } catch {
      Log.warning(
        "the crashes are not kept over a restart: \(file.path): \(error.call): \(error.text)")
      return false
    }
  }

  private func entries() -> [CrashEntry] {
    var entries: [CrashEntry] = []
    for number in log.first..<log.end { if let entry = log[number] { entries.append(entry) } }
    return entries
  }
}
