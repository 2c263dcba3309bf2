import Linux
import Supervision

/// The folder of what must survive a restart.
///
/// | file | content |
/// | --- | --- |
/// | `epoch` | the last boot epoch that was begun: decimal digits and a line end |
/// | `boots` | what became of the last boot (`BootRecord`); only of PID 1 |
/// | `crashes` | what tasks left when they died (`CrashFile`) |
/// | `last-time` | a time that has passed: seconds since 1970, decimal digits and a line end |
/// | `credentials/pair.pem` | the certificate and key that took the configured ones' place (`KeptPair`) |
/// | `journal` | a folder: the journal (`JournalFolder`) |
/// | `lock` | empty; locked by the supervisor that uses the folder |
struct StateFolder {
  let path: String

  init(_ path: String) {
    self.path = path
    System.makeFolder(path)
  }

  /// Where crashes survive.
  var crashes: CrashFile { CrashFile(path + "/crashes") }

  /// Takes the folder for this process, until it ends. False when another gateway has it; a folder
  /// that can't be written is said, and not fought over.
  func lock() -> Bool {
    do {
      let file = try FileDescriptor(opening: path + "/lock", [.writeOnly, .create])
      let isLocked = try file.lockExclusively()
      // The lock lives as long as the descriptor: as long as the process and its children.
      _ = file.release()
      return isLocked
    } catch {
      Log.warning("can't lock \(path): \(error.text); another gateway may run beside this one")
      return true
    }
  }

  var journal: JournalFolder { JournalFolder(inState: path) }

  /// Begins a new epoch: one more than the last one, of the file and of the journal, durable before
  /// it is used, so that epochs only grow, also when power fails here. Without a usable file the
  /// seconds since 1970 stand in: larger than any count, and never before a later number once the
  /// clock is right.
  func beginEpoch() -> UInt64 {
    var last: UInt64 = 0
    do {
      guard
        let number = decimalNumber(try readFile(path + "/epoch", limit: 64), digitCountMax: 18)
      else {
        return timeEpoch("\(path)/epoch is damaged")
      }
      last = number
    } catch {
      guard error.number == .notFound else { return timeEpoch("\(path)/epoch: \(error.text)") }
    }
    last = max(last, journal.lastEpoch ?? 0)
    do {
      try replaceFile(path + "/epoch", with: Array("\(last + 1)\n".utf8))
      return last + 1
    } catch {
      return timeEpoch("\(path)/epoch can't be written: \(error.text)")
    }
  }

  private func timeEpoch(_ reason: String) -> UInt64 {
    let epoch = max(UInt64(max(1, Clock.real() / 1_000_000_000)), (journal.lastEpoch ?? 0) + 1)
    Log.warning("\(reason); the boot epoch is taken from the clock: \(epoch)")
    do {
      try replaceFile(path + "/epoch", with: Array("\(epoch)\n".utf8))
    } catch {
      Log.warning("the boot epoch is not kept: \(path): \(error.text)")
    }
    return epoch
  }
}
