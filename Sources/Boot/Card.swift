import Linux

/// The card that the gateway was started from: its boot partition and its data partition.
public struct Card: Sendable {
  /// The label of the data partition's ext4 file system, set when the image is made.
  public static var dataLabel: String { "weir-data" }
  /// The boot partition is the first one of the same disk.
  static var bootNumber: Int32 { 1 }

  public let data: Partition

  /// Finds the card by the data partition's label; nil when it did not appear within `timeout`
  /// nanoseconds. Card controllers and USB need a while after their modules are loaded.
  public static func find(timeout: Int64) -> Card? {
    let deadline = Clock.boot() + timeout
    repeat {
      if let card = scan() { return card }
      Futex.pause(nanoseconds: 20_000_000)
    } while Clock.boot() < deadline
    return nil
  }

  private static func scan() -> Card? {
    let names: [String]
    do {
      names = try System.list("/sys/class/block")
    } catch {
      return nil
    }
    for name in names {
      guard fileExists("/sys/class/block/" + name + "/partition"),
        let partition = Partition(name: name), let superblock = superblock(of: partition),
        superblock.label == dataLabel
      else { continue }
      return Card(data: partition)
    }
    return nil
  }

  private static func superblock(of partition: Partition) -> Ext4Superblock? {
    do {
      let file = try FileDescriptor(opening: partition.device, .readOnly)
      return Ext4Superblock(
        try file.read(count: Ext4Superblock.byteCount, at: Ext4Superblock.offset))
    } catch {
      // Too small for a superblock, or gone again: not the one that is looked for.
      return nil
    }
  }

  /// Mounts the boot partition read-only on `folder`.
  public func mountBoot(on folder: String) -> Bool {
    mountOrSay(
      "/dev/" + data.sibling(Self.bootNumber), on: folder, type: "vfat", readOnly: true)
  }

  /// Grows the data partition to the end of the card, mounts it on `folder`, and grows its file
  /// system to the end of the partition.
  ///
  /// After a cut before the table's sector is written nothing happened; after it, but before the
  /// file system was grown, the next boot finds the partition larger than the file system, and
  /// grows it.
  public func mountData(on folder: String) -> Bool {
    do {
      try growPartition()
    } catch {
      Log.warning("the data partition stays as it is: \(data.diskDevice): \(error.text)")
    }
    guard mountOrSay(data.device, on: folder, type: "ext4") else { return false }
    do {
      try growFileSystem(on: folder)
    } catch {
      Log.warning("the data file system stays as it is: \(data.device): \(error.text)")
    }
    return true
  }

  private func growPartition() throws(SystemError) {
    let disk = try FileDescriptor(opening: data.diskDevice, .readWrite)
    let sector = try disk.read(count: PartitionTable.byteCount, at: 0)
    guard data.number <= 4, var table = PartitionTable(sector) else { return }
    let size = try disk.deviceSize()
    guard table.grow(data.number, diskSectorCount: size / PartitionTable.sectorSize) else {
      return
    }
    try disk.write(table.bytes, at: 0)
    try disk.synchronize()
    let byteCount = table.sectorCount(data.number) * PartitionTable.sectorSize
    try disk.resizePartition(
      data.number, start: table.firstSector(data.number) * PartitionTable.sectorSize,
      byteCount: byteCount)
    Log.notice("boot: the data partition now has \(byteCount >> 20) MiB")
  }

  private func growFileSystem(on folder: String) throws(SystemError) {
    let partition = try FileDescriptor(opening: data.device, .readOnly)
    let size = try partition.deviceSize()
    let bytes = try partition.read(count: Ext4Superblock.byteCount, at: Ext4Superblock.offset)
    guard let superblock = Ext4Superblock(bytes) else { return }
    let blockCount = UInt64(size / superblock.blockSize)
    // A little less than the partition is no reason to write: mke2fs rounds down to whole groups.
    guard blockCount > superblock.blockCount + superblock.blockCount / 16 else { return }
    let root = try FileDescriptor(opening: folder, [.readOnly, .directory])
    try root.resizeExt4(blockCount: blockCount)
    Log.notice("boot: the data file system now has \(size >> 20) MiB")
  }
}
