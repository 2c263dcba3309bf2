/// The classic partition table in a disk's first sector (MBR).
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 446 + 16 (n−1) | 16 | entry of partition n, 1 to 4 |
/// | … + 4 | 1 | type, 0 for none |
/// | … + 8 | 4 | first sector |
/// | … + 12 | 4 | count of sectors |
/// | 510 | 2 | 0x55 0xAA |
struct PartitionTable: Sendable {
  static var byteCount: Int { 512 }
  static var sectorSize: Int64 { 512 }
  /// Partitions end on a multiple of this many sectors: 4 MiB, the erase block of common cards.
  static var alignmentSectorCount: Int64 { 8192 }

  private(set) var bytes: [UInt8]

  /// Nil when the sector holds no such table.
  init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.byteCount, bytes[510] == 0x55, bytes[511] == 0xaa else { return nil }
    self.bytes = bytes
  }

  private func entry(_ number: Int32) -> Int {
    precondition(number >= 1 && number <= 4)
    return 446 + 16 * Int(number - 1)
  }

  func firstSector(_ number: Int32) -> Int64 {
    Int64(littleEndian(bytes, at: entry(number) + 8))
  }

  func sectorCount(_ number: Int32) -> Int64 {
    Int64(littleEndian(bytes, at: entry(number) + 12))
  }

  func isUsed(_ number: Int32) -> Bool { bytes[entry(number) + 4] != 0 }

  /// Lets the partition reach to the end of the disk. False, and nothing changed, when it does
  /// already, or when another partition lies behind it.
  mutating func grow(_ number: Int32, diskSectorCount: Int64) -> Bool {
    let start = firstSector(number)
    for other in 1...4 as ClosedRange<Int32> where other != number && isUsed(other) {
      if firstSector(other) > start { return false }
    }
    // The table counts sectors in 32 bits: 2 TiB.
    let end = min(diskSectorCount, Int64(UInt32.max))
    let alignedEnd = end / Self.alignmentSectorCount * Self.alignmentSectorCount
    let count = alignedEnd - start
    guard isUsed(number), start > 0, count > sectorCount(number) else { return false }
    let offset = entry(number) + 12
    for byte in 0..<4 { bytes[offset + byte] = UInt8(truncatingIfNeeded: count >> (8 * byte)) }
    return true
  }
}
