// Invariants checked:
// - partition names are split as the kernel joins them, and siblings are named the same way;
// - a partition grows only to the end of the disk, only when it is the last one, and never shrinks;
// - a file system's superblock is recognised by its magic, whatever else the sector holds;
// - addresses are four bytes and a prefix of at most 32, or refused.

import Testing

@testable import Boot

@Suite struct PartitionTests {
  @Test(
    arguments: [
      ("mmcblk0p2", "mmcblk0", 2, "mmcblk0p1"), ("vda2", "vda", 2, "vda1"),
      ("nvme0n1p12", "nvme0n1", 12, "nvme0n1p1"), ("sda1", "sda", 1, "sda1"),
    ] as [(String, String, Int32, String)])
  func namesAreSplit(name: String, disk: String, number: Int32, first: String) throws {
    let partition = try #require(Partition(name: name))
    #expect(partition.disk == disk)
    #expect(partition.number == number)
    #expect(partition.sibling(1) == first)
  }

  @Test(arguments: ["", "7", "vda", "sda0"])
  func whatIsNoPartitionIsRefused(name: String) {
    #expect(Partition(name: name) == nil)
  }
}

@Suite struct PartitionTableTests {
  /// A table with partitions of (first sector, sector count).
  private func table(_ partitions: [(Int, Int)]) throws -> PartitionTable {
    var bytes = [UInt8](repeating: 0, count: 512)
    bytes[510] = 0x55
    bytes[511] = 0xaa
    for (index, partition) in partitions.enumerated() {
      let entry = 446 + 16 * index
      bytes[entry + 4] = 0x83
      for byte in 0..<4 {
        bytes[entry + 8 + byte] = UInt8(truncatingIfNeeded: partition.0 >> (8 * byte))
        bytes[entry + 12 + byte] = UInt8(truncatingIfNeeded: partition.1 >> (8 * byte))
      }
    }
    return try #require(PartitionTable(bytes))
  }

  @Test func theLastPartitionGrowsToTheEndOfTheDisk() throws {
    var table = try table([(2048, 8192), (16_384, 8192)])
    let grown1 = table.grow(2, diskSectorCount: 1_000_000)
    #expect(grown1)
    #expect(table.sectorCount(2) == 1_000_000 / 8192 * 8192 - 16_384)
    #expect(table.firstSector(2) == 16_384)
    #expect(table.sectorCount(1) == 8192)
    let grown2 = table.grow(2, diskSectorCount: 1_000_000)
    #expect(!grown2)
  }

  @Test func nothingElseGrows() throws {
    var table = try table([(2048, 8192), (16_384, 8192)])
    let before = table.bytes
    let grown3 = table.grow(1, diskSectorCount: 1_000_000)
    #expect(!grown3)
    let grown4 = table.grow(3, diskSectorCount: 1_000_000)
    #expect(!grown4)
    let grown5 = table.grow(2, diskSectorCount: 20_000)
    #expect(!grown5)
    #expect(table.bytes == before)
  }

  @Test func aCardBeyondTwoTebibytesIsUsedUpToThem() throws {
    var table = try table([(8192, 8192)])
    let grown6 = table.grow(1, diskSectorCount: 1 << 40)
    #expect(grown6)
    #expect(table.firstSector(1) + table.sectorCount(1) <= Int64(UInt32.max))
  }

  @Test func aSectorWithoutTheMarkIsNoTable() {
    #expect(PartitionTable([UInt8](repeating: 0, count: 512)) == nil)
    #expect(PartitionTable([]) == nil)
  }
}

@Suite struct SuperblockTests {
  @Test func labelAndSizeAreRead() throws {
    var bytes = [UInt8](repeating: 0, count: 1024)
    bytes[0x38] = 0x53
    bytes[0x39] = 0xef
    bytes[0x18] = 2
    bytes[0x04] = 0x10
    bytes.replaceSubrange(0x78..<0x81, with: Array("weir-data".utf8))
    let superblock = try #require(Ext4Superblock(bytes))
    #expect(superblock.label == "weir-data")
    #expect(superblock.blockSize == 4096)
    #expect(superblock.blockCount == 16)
  }

  @Test func damageIsNoSuperblock() {
    var bytes = [UInt8](repeating: 0xff, count: 1024)
    #expect(Ext4Superblock(bytes) == nil)
    bytes[0x38] = 0x53
    bytes[0x39] = 0xef
    #expect(Ext4Superblock(bytes) == nil)
    #expect(Ext4Superblock([]) == nil)
  }
}

@Suite struct AddressTests {
  @Test func addressesAreRead() {
    #expect(AddressRange("192.0.2.7/24")?.address == 0xc000_0207)
    #expect(AddressRange("192.0.2.7/24")?.prefixLength == 24)
    #expect(AddressRange("10.0.0.1")?.prefixLength == 32)
    #expect(AddressRange("0.0.0.0/0")?.prefixLength == 0)
  }

  @Test(arguments: [
    "", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.4/33", "1.2.3.4/", "1..2.3", "a.b.c.d",
    "1.2.3.4/2/4", "99999999999.1.1.1",
  ])
  func everythingElseIsRefused(text: String) {
    #expect(AddressRange(text) == nil)
  }
}

@Suite struct KernelCommandLineTests {
  @Test func wordsAndValuesAreFound() {
    let line = KernelCommandLine(
      text: Array("console=ttyAMA0 weir.shell weir.config=/a weir.config=/b\n".utf8))
    #expect(line.has("weir.shell"))
    #expect(!line.has("weir.config"))
    #expect(line.value(of: "weir.config") == "/b")
    #expect(line.value(of: "weir.hook") == nil)
  }
}
