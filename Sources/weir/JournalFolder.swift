import Configuration
import Journal
import JournalFile
import Linux
import Uplink

/// The folder of the journal, which only the journal's task writes.
///
/// | file | content |
/// | --- | --- |
/// | `log` | the journal (module Journal) |
/// | `log.damaged-N` | one that could not be read, set aside |
/// | `boot-N` | what is known of boot N: its clock, and its channels (`BootFacts`) |
struct JournalFolder: Sendable {
  let path: String
  /// The folder, open, once `Gateway` has made it; -1 before.
  var descriptor: Int32 = -1

  /// In the folder of what must survive a restart.
  init(inState state: String) { path = state + "/journal" }

  var log: String { path + "/log" }

  func boot(_ epoch: UInt64) -> String { path + "/boot-\(epoch)" }

  /// The last epoch that the journal may know; nil where there is none that can be read.
  var lastEpoch: UInt64? {
    guard fileExists(log) else { return nil }
    do throws(JournalFileError) {
      return try JournalFile.lastEpoch(log)
    } catch {
      return nil
    }
  }
}

/// What must be known of a boot to send its events later, in its file: a line with the number of µs
/// that are to be added to its times for the time since 1970, or `-`; then for each channel a line
/// with its name, a tab, and its unit.
struct BootFacts: Sendable {
  /// So many boots are remembered: a journal that holds more has months without a broker.
  static let countMax: UInt64 = 256
  private static let byteCountMax = 1 << 18

  var channels: [ChannelSettings]
  var offset: Int64?

  var bytes: [UInt8] {
    var text = offset.map { "\($0 / 1000)\n" } ?? "-\n"
    for channel in channels { text += channel.name + "\t" + channel.unit + "\n" }
    return Array(text.utf8)
  }

  init(channels: [ChannelSettings], offset: Int64? = nil) {
    self.channels = channels
    self.offset = offset
  }

  /// Nil for a text that is damaged.
  init?(_ bytes: [UInt8]) {
    guard bytes.last == 0x0A else { return nil }
    let lines = bytes.dropLast().split(separator: 0x0A, omittingEmptySubsequences: false)
    guard let first = lines.first else { return nil }
    if !(first.count == 1 && first.first == UInt8(ascii: "-")) {
      let isNegative = first.first == UInt8(ascii: "-")
      let digits = Array(first.dropFirst(isNegative ? 1 : 0))
      // As many seconds as there can be in an Int64 of nanoseconds.
      guard let number = decimalNumber(digits, digitCountMax: 16),
        number < UInt64(Int64.max / 1000)
      else { return nil }
      offset = (isNegative ? -1000 : 1000) * Int64(number)
    }
    channels = []
    for line in lines.dropFirst() {
      let parts = line.split(separator: 0x09, omittingEmptySubsequences: false)
      guard parts.count == 2 else { return nil }
      channels.append(
        ChannelSettings(
          name: String(decoding: parts[0], as: UTF8.self),
          unit: String(decoding: parts[1], as: UTF8.self)))
    }
  }

  /// What the folder says of a boot; nil for nothing.
  static func read(_ folder: JournalFolder, epoch: UInt64) -> EpochFacts? {
    do {
      let bytes = try readFile("boot-\(epoch)", in: folder.descriptor, limit: byteCountMax)
      guard let facts = BootFacts(bytes) else { return nil }
      return EpochFacts(channels: facts.channels, offset: facts.offset)
    } catch {
      return nil
    }
  }
}

/// Keeps the facts of the present boot in their file: they are there before its first event is
/// durable, and again when the clock is set.
struct FactsKeeper {
  /// A clock that was moved by less than this is the same clock.
  private static let tolerance: Int64 = 500_000_000
  private static let pause: Int64 = 10_000_000_000

  /// Nil where events are kept in memory, and known to this boot alone.
  private let folder: JournalFolder?
  private let epoch: UInt64
  private var facts: BootFacts
  private var nextTime: Int64 = 0

  init(_ folder: JournalFolder?, _ facts: BootFacts, epoch: UInt64) {
    self.folder = folder
    self.epoch = epoch
    self.facts = facts
    guard let folder else { return }
    if let known = BootFacts.read(folder, epoch: epoch) {
      self.facts.offset = known.offset
    } else {
      write()
    }
    if epoch > BootFacts.countMax { removeFile(folder.boot(epoch - BootFacts.countMax)) }
  }

  /// Whether the clock says something else than the file. Asked in every turn.
  mutating func isDue(_ clock: ClockTrust, now: Int64) -> Bool {
    guard folder != nil, now >= nextTime else { return false }
    nextTime = now + 1_000_000_000
    guard let offset = clock.offset else { return false }
    guard let known = facts.offset else { return true }
    return (offset &- known).magnitude > Self.tolerance
  }

  mutating func keep(_ clock: ClockTrust, now: Int64) {
    facts.offset = clock.offset ?? facts.offset
    nextTime = now + Self.pause
    write()
  }

  private func write() {
    guard let folder else { return }
    do {
      try replaceFile(folder.boot(epoch), with: facts.bytes)
    } catch {
      Log.warning(
        "\(folder.boot(epoch)) can't be written: \(error.text); events that are sent after the "
          + "next start will have numbers for names and no time", key: 1)
    }
  }
}
