import Linux

/// A partition of a disk, as the kernel names it.
public struct Partition: Equatable, Sendable {
  /// Such as `mmcblk0p2`.
  public let name: String
  /// Such as `mmcblk0`.
  public let disk: String
  /// From 1.
  public let number: Int32

  /// Splits the kernel's name: digits at the end, and a `p` before them where the disk's own name
  /// ends in a digit (linux block/partitions/core.c).
  public init?(name: String) {
    let bytes = Array(name.utf8)
    var end = bytes.count
    var number: Int32 = 0
    var power: Int32 = 1
    while end > 0, bytes.count - end < 3, bytes[end - 1] >= 0x30, bytes[end - 1] <= 0x39 {
      number += Int32(bytes[end - 1] - 0x30) * power
      power *= 10
      end -= 1
    }
    guard end > 0, end < bytes.count, number > 0 else { return nil }
    let isDigitBeforeP =
      end >= 2 && bytes[end - 1] == UInt8(ascii: "p") && bytes[end - 2] >= 0x30
      && bytes[end - 2] <= 0x39
    self.name = name
    disk = String(decoding: bytes[0..<(isDigitBeforeP ? end - 1 : end)], as: UTF8.self)
    self.number = number
  }

  /// Another partition of the same disk.
  public func sibling(_ number: Int32) -> String {
    let last = disk.utf8.last ?? 0
    return disk + (last >= 0x30 && last <= 0x39 ? "p" : "") + "\(number)"
  }

  public var device: String { "/dev/" + name }
  public var diskDevice: String { "/dev/" + disk }
}

/// What Weir needs of an ext4 superblock (Linux Documentation/filesystems/ext4/super.rst).
///
/// | offset in the superblock | size | field |
/// | ---: | ---: | --- |
/// | 0x04 | 4 | blocks, low half |
/// | 0x18 | 4 | log2(block size) − 10 |
/// | 0x38 | 2 | magic 0xEF53 |
/// | 0x78 | 16 | label, padded with 0 |
/// | 0x150 | 4 | blocks, high half (with the 64bit feature, 0x80 of 0x60) |
struct Ext4Superblock: Sendable {
  let blockCount: UInt64
  let blockSize: Int64
  let label: String

  static var offset: Int64 { 1024 }
  static var byteCount: Int { 1024 }

  init?(_ bytes: [UInt8]) {
    guard bytes.count >= Self.byteCount, bytes[0x38] == 0x53, bytes[0x39] == 0xef else {
      return nil
    }
    let shift = littleEndian(bytes, at: 0x18)
    guard shift <= 6 else { return nil }
    blockSize = 1024 << Int64(shift)
    let has64 = littleEndian(bytes, at: 0x60) & 0x80 != 0
    blockCount =
      UInt64(littleEndian(bytes, at: 0x04))
      | (has64 ? UInt64(littleEndian(bytes, at: 0x150)) << 32 : 0)
    label = String(decoding: bytes[0x78..<0x88].prefix { $0 != 0 }, as: UTF8.self)
  }
}

/// A 32-bit number, least significant byte first.
func littleEndian(_ bytes: [UInt8], at offset: Int) -> UInt32 {
  UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8 | UInt32(bytes[offset + 2]) << 16
    | UInt32(bytes[offset + 3]) << 24
}
