import Linux
import Ring
import Supervision

/// How long the file system may take to grow.
private let growthNanosecondsMax: Int64 = 1_800_000_000_000

/// The card that the gateway was started from: its boot partition and its data partition.
public struct Card: Sendable {
  /// The label of the data partition's ext4 file system, set when the image is made.
  public static var dataLabel: String { "weir-data" }
  /// The boot partition is the first one of the same disk.
  static var bootNumber: Int32 { 1 }

  public let data: Partition

  /// Finds the card by the data partition's label; nil when it did not appear within `timeout`
  /// nanoseconds. Card controllers and USB need a while after their modules are loaded; between two
  /// looks `whileWaiting` is called.
  public static func find(timeout: Int64, whileWaiting: () -> Void) -> Card? {
    let deadline = Clock.boot() + timeout
    repeat {
      if let card = scan() { return card }
      whileWaiting()
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

  /// Grows the data partition to the end of the card, and mounts it on `folder`. Its file system is
  /// grown later, by `growthTask`: on a large card that takes longer than a start may.
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
    return mountOrSay(data.device, on: folder, type: "ext4")
  }

  /// The task that grows the mounted file system to the end of its partition while the gateway
  /// runs; nil when it fills it already. It ends when it is done, and is not started again.
  public func growthTask(on folder: String) -> TaskDeclaration? {
    guard needsGrowth() else { return nil }
    var declaration = TaskDeclaration(
      name: "grow", policy: .once, stopPhase: 0,
      body: .task { start in
        // One call of the kernel, half a minute for a card of 128 GB; slow cards take longer.
        start.slot?.beat(step: 1, now: Clock.boot(), within: growthNanosecondsMax)
        do throws(SystemError) {
          try growFileSystem(on: folder)
          exitProcess(0)
        } catch {
          Log.warning("the data file system stays as it is: \(data.device): \(error.text)")
          exitProcess(1)
        }
      })
    declaration.rights = .system(.systemResource)
    declaration.watch.stepLimitMax = growthNanosecondsMax
    return declaration
  }

  private func needsGrowth() -> Bool {
    do {
      return try growth() != nil
    } catch {
      Log.warning("the data file system stays as it is: \(data.device): \(error.text)")
      return false
    }
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

  /// The blocks that the file system can have, and their size, when it has fewer.
  private func growth() throws(SystemError) -> (blockCount: UInt64, blockSize: Int64)? {
    let partition = try FileDescriptor(opening: data.device, .readOnly)
    let size = try partition.deviceSize()
    let bytes = try partition.read(count: Ext4Superblock.byteCount, at: Ext4Superblock.offset)
    guard let superblock = Ext4Superblock(bytes) else { return nil }
    let blockCount = UInt64(size / superblock.blockSize)
    // A little less than the partition is no reason to write: mke2fs rounds down to whole groups.
    guard blockCount > superblock.blockCount + superblock.blockCount / 16 else { return nil }
    return (blockCount, superblock.blockSize)
  }

  private func growFileSystem(on folder: String) throws(SystemError) {
    guard let growth = try growth() else { return }
    let root = try FileDescriptor(opening: folder, [.readOnly, .directory])
    try root.resizeExt4(blockCount: growth.blockCount)
    let mebibytes = (Int64(growth.blockCount) * growth.blockSize) >> 20
    Log.notice("the data file system now has \(mebibytes) MiB")
  }
}
