// Invariants checked, of a journal that is encrypted at rest:
// - no event's bytes lie in the file; with the key it holds what a journal in the clear holds, also
//   coded as differences, also thinned;
// - without the key, or with another one, neither writer nor reader opens it, and no byte of the
//   file changes; what the receiver has acknowledged needs no key;
// - keys can be changed, and sealing begun and ended, at each start;
// - a record that was forged, and whose checksum was made right, is a gap, and is counted;
// - flipped bits are damage as ever;
// - a key is taken from a file of 64 digits or 32 bytes that is its owner's alone, and from no
//   other;
// - the cipher is AES-256-GCM, by its published vector.

import CSeal
import Drivers
import Foundation
import Journal
import JournalFile
import Ring
import Testing

/// A key of a test, in memory that is never given back: a journal may use it to the end.
private final class TestKeys {
  private let memory: Memory
  let keys: SealKeys

  /// The first byte of each key; the first key seals.
  init(_ first: UInt8..., seals: Bool = true) {
    memory = Memory(first.flatMap { [$0] + [UInt8](repeating: 7, count: 31) })
    // Safe: it is never released.
    _ = unsafe Unmanaged.passRetained(memory)
    keys = SealKeys(memory.bytes.slice(0, first.count * 32), seals: seals)
  }

  var number: UInt64 { SealKeys.number(of: memory.bytes.slice(0, 32)) ?? 0 }
}

@Suite struct SealTests {
  private func content(_ folder: JournalFolder) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: folder.path))
  }

  private func fill(
    _ folder: JournalFolder, _ count: UInt64, _ keys: TestKeys?, isDelta: Bool = false
  ) throws {
    var settings = JournalSettings()
    settings.isDelta = isDelta
    var journal = try folder.open(settings, keys: keys?.keys)
    for sequence in 0..<count {
      try journal.put(valueBytes(sequence, value: 1234.5678), sequence: sequence)
      if sequence % 7 == 0 { try journal.commit() }
    }
    try journal.commit()
  }

  private func sequences(_ folder: JournalFolder, _ keys: TestKeys?) throws -> [UInt64] {
    try folder.items(.telemetry, keys: keys?.keys).map { item in
      if case .event(_, let sequence, let bytes) = item,
        bytes == valueBytes(sequence, value: 1234.5678)
      {
        sequence
      } else {
        UInt64.max
      }
    }
  }

  @Test func theCipherIsAES256GCM() throws {
    // D. McGrew and J. Viega, The Galois/Counter Mode of Operation, test case 14.
    let text: [UInt8] = [
      0xCE, 0xA7, 0x40, 0x3D, 0x4D, 0x60, 0x6B, 0x6E, 0x07, 0x4E, 0xC5, 0xD3, 0xBA, 0xF3, 0x9D,
      0x18,
    ]
    let tag: [UInt8] = [
      0xD0, 0xD1, 0xC8, 0xA7, 0x99, 0x99, 0x6B, 0xF0, 0x26, 0x5B, 0x98, 0xB5, 0xD4, 0x8A, 0xB9,
      0x19,
    ]
    let zeroes = [UInt8](repeating: 0, count: 32)
    var output = [UInt8](repeating: 0, count: 16)
    var made = output
    // Safe, in all: the arrays have the sizes that are said, and outlive the calls.
    let new = unsafe weir_seal_new(1)
    let seal = try unsafe #require(new)
    defer { unsafe weir_seal_free(seal) }
    let isSet = unsafe weir_seal_set_key(seal, zeroes)
    let isMade = unsafe weir_seal_seal(seal, zeroes, zeroes, 0, zeroes, &output, 16, &made)
    #expect(isSet == 0 && isMade == 0)
    #expect(output == text && made == tag)
  }

  @Test(arguments: [false, true]) func noEventLiesInTheFile(isDelta: Bool) throws {
    let key = TestKeys(1)
    let needle = Data(valueBytes(0, value: 1234.5678)[24..<32])
    let plain = try JournalFolder()
    try fill(plain, 200, nil)
    #expect(try content(plain).range(of: needle) != nil)
    let folder = try JournalFolder()
    try fill(folder, 200, key, isDelta: isDelta)
    #expect(try content(folder).range(of: needle) == nil)
    #expect(try sequences(folder, key) == Array(0..<200))
    let reader = try folder.reader(.telemetry, keys: key.keys)
    holds(reader.scan.sealedBlockCount > 1)
  }

  @Test func withoutTheKeyNothingIsTouched() throws {
    let folder = try JournalFolder()
    let key = TestKeys(1)
    try fill(folder, 200, key)
    let before = try content(folder)
    for other in [nil, TestKeys(2), TestKeys(2, 3)] as [TestKeys?] {
      #expect(throws: JournalOpenError.locked(key.number)) {
        _ = try folder.open(keys: other?.keys)
      }
      #expect(throws: JournalOpenError.locked(key.number)) {
        _ = try folder.reader(.telemetry, keys: other?.keys)
      }
    }
    #expect(try content(folder) == before)
    #expect(JournalOpenError.locked(key.number).text.contains(keyText(key.number)))
    #expect(try sequences(folder, key) == Array(0..<200))
  }

  @Test func whatWasAcknowledgedNeedsNoKey() throws {
    let folder = try JournalFolder()
    let key = TestKeys(1)
    try fill(folder, 20, key)
    do {
      var journal = try folder.open(keys: key.keys)
      journal.acknowledge(journal.durable(.telemetry), lane: .telemetry)
      try journal.commit()
    }
    let other = TestKeys(2)
    do {
      var journal = try folder.open(keys: other.keys)
      try journal.put(valueBytes(5, value: 1234.5678), sequence: 5)
      try journal.commit()
    }
    #expect(try sequences(folder, other) == [5])
  }

  @Test func keysChangeAndSealingBeginsAndEnds() throws {
    let folder = try JournalFolder()
    try fill(folder, 10, nil)
    try fill(folder, 10, TestKeys(1))
    try fill(folder, 10, TestKeys(2, 1))
    try fill(folder, 10, TestKeys(2, 1, seals: false))
    let all = try sequences(folder, TestKeys(1, 2))
    #expect(all == (0..<4).flatMap { _ in Array(UInt64(0)..<10) })
    #expect(throws: JournalOpenError.locked(TestKeys(2).number)) {
      _ = try folder.items(.telemetry, keys: TestKeys(1).keys)
    }
  }

  @Test func windowsOfASealedJournal() throws {
    let folder = try JournalFolder()
    let key = TestKeys(1)
    var settings = JournalSettings()
    settings.telemetryRetention = .thin
    var journal = try folder.open(settings, keys: key.keys)
    for sequence in UInt64(0)..<3000 {
      try journal.put(valueBytes(sequence, channel: UInt16(sequence % 3)), sequence: sequence)
      if sequence % 20 == 0 { try journal.commit() }
    }
    try journal.commit()
    var readings = [UInt64](repeating: 0, count: 3)
    for item in try folder.items(.telemetry, keys: key.keys) {
      switch item {
      case .gap(let gap): #expect(gap.reason == .evicted)
      case .window(let count, let channel): readings[Int(channel)] += UInt64(count)
      case .event(_, let sequence, _): readings[Int(sequence % 3)] += 1
      }
    }
    #expect(readings == [1000, 1000, 1000])
  }

  @Test(arguments: [false, true]) func whatWasChangedIsAGap(isForged: Bool) throws {
    let folder = try JournalFolder()
    let key = TestKeys(1)
    var journal = try folder.open(keys: key.keys)
    for sequence in UInt64(0)..<40 {
      try journal.put(valueBytes(sequence, value: 1234.5678), sequence: sequence)
    }
    try journal.commit()
    _ = journal.close()
    var bytes = try content(folder)
    // The first block of telemetry, behind the four segments of alarms.
    let start = 8192 + 4 * 8 * 1024
    bytes[start + 300] ^= 1
    if isForged {
      let block = Memory(Array(bytes[start..<start + 1024]))
      block.bytes.store(checksum(block.bytes.slice(8, 1016)), at: 4)
      bytes.replaceSubrange(start..<start + 1024, with: block.array(1024))
    }
    try bytes.write(to: URL(fileURLWithPath: folder.path))
    var reader = try folder.reader(.telemetry, keys: key.keys)
    let items = rest(of: &reader)
    guard case .gap(let gap)? = items.first else {
      Issue.record("\(items)")
      return
    }
    #expect(gap.reason == .damaged && gap.count > 5)
    #expect(items.count == 1 + 40 - Int(gap.count))
    same(reader.refusedBlockCount > 0, isForged)
    same(reader.scan.damagedBlockCount, isForged ? 0 : 1)
  }

  @Test func aKeyIsOfItsFile() throws {
    let folder = try Folder()
    let path = folder.file("key")
    try makeKeyFile(path)
    #expect(throws: (any Error).self) { try makeKeyFile(path) }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.utf8.count == 65 && text.hasSuffix("\n"))
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    func problem(_ content: Data, mode: Int = 0o600) throws -> String? {
      try content.write(to: URL(fileURLWithPath: path))
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
      var vault = try KeyVault()
      do throws(KeyFileError) {
        try vault.add(path)
        return vault.lastNumber == nil ? "no number" : nil
      } catch {
        return error.text(path)
      }
    }
    let digits = Data(text.utf8.dropLast())
    let raw = Data((0..<32).map { UInt8($0) })
    for good in [digits, digits + Data([10]), digits + Data([13, 10]), raw] {
      #expect(try problem(good) == nil)
    }
    let long = digits + Data([10, 10, 10])
    for bad in [Data(), raw + Data([10]), digits.dropLast(), digits + Data("0".utf8), long] {
      #expect(try problem(Data(bad))?.contains("holds no key") == true, "\(bad.count)")
    }
    #expect(try problem(Data("g".utf8) + digits.dropFirst())?.contains("holds no key") == true)
    #expect(try problem(Data(count: 32))?.contains("zeroes only") == true)
    for mode in [0o640, 0o604, 0o620] {
      #expect(try problem(digits, mode: mode)?.contains("chmod 600") == true)
    }
  }
}
