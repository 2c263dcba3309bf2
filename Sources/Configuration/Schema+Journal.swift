import JournalFile
import Linux

extension Schema {
  private static let journalKeys = [
    "size", "alarm_share", "full", "alarms_full", "commit", "delta", "encryption",
  ]
  private static let sizeMin: Int64 = 1 << 20
  private static let sizeMax: Int64 = 16 << 30

  /// Reads `journal:`; a wrong value leaves the default, the others stand.
  mutating func readJournal(_ node: Int) {
    guard let fields = reader.fields(node, "journal", keys: Self.journalKeys) else { return }
    var journal = JournalConfiguration()
    if let node = fields.value("size") {
      journal.byteCount =
        reader.size(node, "'size'", in: Self.sizeMin...Self.sizeMax)
        ?? journal.byteCount
    }
    if let node = fields.value("alarm_share"),
      let value = reader.integer(node, "'alarm_share'", in: 1...90)
    {
      journal.alarmShare = UInt8(value)
    }
    journal.full = readFull(fields, "full", journal.full)
    journal.alarmsFull = readFull(fields, "alarms_full", journal.alarmsFull)
    if let node = fields.value("commit") {
      journal.commitDelay =
        reader.duration(node, "'commit'", in: 0...60 * second) ?? journal.commitDelay
    }
    if let node = fields.value("delta"),
      let index = reader.word(node, "'delta'", of: ["true", "false"])
    {
      journal.isDelta = index == 0
    }
    if let node = fields.value("encryption") { journal.encryption = readEncryption(node) }
    configuration.journal = journal
  }

  /// An error leaves encryption broken, not off.
  private mutating func readEncryption(_ node: Int) -> EncryptionSettings {
    var encryption = EncryptionSettings()
    let before = reader.errorCount
    if let fields = reader.fields(node, "journal.encryption", keys: ["key", "old_keys"]) {
      if let node = fields.value("key") { encryption.key = readKey(node, "'key'") }
      let example = "[/etc/weir/journal-1.key]"
      if let node = fields.value("old_keys"),
        let items = reader.items(
          node, "'old_keys'", example: example, limit: EncryptionSettings.oldKeyCountMax)
      {
        encryption.oldKeys = items.compactMap { readKey($0, "an entry of 'old_keys'") }
      }
      if encryption == EncryptionSettings(), reader.errorCount == before {
        reader.error(
          node,
          "'journal.encryption' has neither 'key:' nor 'old_keys:'; expected a key; write for "
            + "example 'key: /etc/weir/journal.key'")
      }
    }
    encryption.isBroken = reader.errorCount > before
    return encryption
  }

  private mutating func readKey(_ node: Int, _ what: String) -> KeySource? {
    let scheme = "credential:"
    if let text = reader.tree.text(node), text.begins(with: scheme) {
      let name = text.after(scheme.utf8.count)
      guard isName(name), !name.isSame(as: "."), !name.isSame(as: "..") else {
        reader.refuse(
          node, what, expected: "the name of a credential: 1 to 64 of A-Z a-z 0-9 - _ .",
          remedy: "write for example credential:journal-key")
        return nil
      }
      return .credential(name)
    }
    guard let path = reader.path(node, what, example: "/etc/weir/journal.key") else { return nil }
    examineKey(path, node)
    return .file(path)
  }

  /// A file that can't be read is only warned of, because the configuration may be checked on
  /// another machine than the gateway, or by another user.
  private mutating func examineKey(_ path: String, _ node: Int) {
    do throws(SystemError) {
      var vault = try KeyVault()
      do throws(KeyFileError) {
        try vault.add(path)
      } catch {
        guard case .system(let error) = error else {
          reader.error(node, "a key is not usable; expected a file with a key; \(error.text(path))")
          return
        }
        reader.warning(
          node,
          "\(quoted(path)) cannot be read: \(error.text); expected the journal's key; without it "
            + "the gateway keeps events in memory only; put it there on the gateway")
      }
    } catch {
      // No memory for one page: others will say so.
    }
  }

  private mutating func readFull(
    _ fields: Fields, _ key: String, _ usual: JournalFull
  ) -> JournalFull {
    let words = ["drop_oldest", "stop", "thin"]
    guard let node = fields.value(key), let index = reader.word(node, "'\(key)'", of: words),
      let full = JournalFull(rawValue: UInt8(index))
    else { return usual }
    return full
  }
}

extension Reader {
  /// A size with its unit, such as `64 MB`: a whole number of `kB`, `MB`, `GB` (of 1000) or `KiB`,
  /// `MiB`, `GiB` (of 1024). A size of less than a twentieth below the smallest becomes that: who
  /// writes 1 MB means 1 MiB.
  mutating func size(_ node: Int, _ what: String, in range: ClosedRange<Int64>) -> Int64? {
    let expected = "a size from \(sizeText(range.lowerBound)) to \(sizeText(range.upperBound))"
    let bytes = Array((tree.text(node) ?? "").utf8)
    let digits = bytes.prefix { isDigit($0) }
    let written = String(decoding: bytes[digits.count...].drop { $0 == 0x20 }, as: UTF8.self)
    // The prefix kilo is a small letter, and few care.
    let unit = written.isSame(as: "KB") ? "kB" : written
    let usual = range.upperBound < 1 << 20 ? "kB" : "MB"
    guard let number = parseInteger(String(decoding: digits, as: UTF8.self)), number >= 0 else {
      refuse(node, what, expected: expected, remedy: "write for example 64 \(usual)")
      return nil
    }
    guard let scale = sizeUnits.first(where: { $0.name.isSame(as: unit) })?.byteCount else {
      let units = list(sizeUnits.map { $0.name })
      refuse(
        node, what, expected: "\(expected), with its unit: \(units)",
        remedy: "write for example \(unit.isEmpty ? number : 64) \(usual)")
      return nil
    }
    let (value, isTooLarge) = number.multipliedReportingOverflow(by: scale)
    guard !isTooLarge, value <= range.upperBound, value >= range.lowerBound / 20 * 19 else {
      refuse(node, what, expected: expected, remedy: "choose a value in that range")
      return nil
    }
    return max(value, range.lowerBound)
  }
}

/// In the largest unit of 1024 that leaves a whole number; of 1000 for less than a MiB. The least
/// size is told as people write it.
private func sizeText(_ byteCount: Int64) -> String {
  if byteCount == 1 << 20 { return "1 MB" }
  for unit in sizeUnits.reversed() where byteCount >= unit.byteCount {
    if byteCount % unit.byteCount == 0 { return "\(byteCount / unit.byteCount) \(unit.name)" }
  }
  return "\(byteCount) bytes"
}

private let sizeUnits: [(name: String, byteCount: Int64)] = [
  ("kB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000),
  ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30),
]
