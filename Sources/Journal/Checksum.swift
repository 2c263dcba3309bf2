import CLinux

/// The CRC32C of the bytes (RFC 3720, appendix B.4), by the processor's instruction where it has
/// one.
public func checksum(_ bytes: Bytes) -> UInt32 {
  // Safe: exactly this memory is read.
  unsafe weir_crc32c(0, bytes.base, bytes.count)
}

/// The checksum of a block, as its header has it.
func blockChecksum(_ block: Bytes) -> UInt32 {
  checksum(block.slice(BlockHeader.checkedOffset, block.count - BlockHeader.checkedOffset))
}

/// The checksums of the blocks of a segment that lies in memory, as their headers have them. Those
/// of a group of blocks that are none are left 0.
func blockChecksums(_ memory: Bytes, _ geometry: Geometry) -> InlineArray<64, UInt32> {
  var sums = InlineArray<64, UInt32>(repeating: 0)
  let size = geometry.blockByteCount
  // Four at a time cost hardly more than one.
  for first in stride(from: 0, to: geometry.blocksPerSegment, by: 4) {
    let count = min(4, geometry.blocksPerSegment - first)
    var holdsBlock = false
    for index in first..<first + count {
      if memory.load(UInt32.self, at: index * size) == blockMagic.byteSwapped { holdsBlock = true }
    }
    guard holdsBlock else { continue }
    if count == 4 {
      let group = memory.slice(first * size, 4 * size)
      var four = InlineArray<4, UInt32>(repeating: 0)
      // Safe: four blocks lie in the group, and their sums have room.
      unsafe withUnsafeMutableBytes(of: &four) {
        let results = unsafe $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt32.self)
        unsafe weir_crc32c_four(
          group.base + BlockHeader.checkedOffset, size, size - BlockHeader.checkedOffset, results)
      }
      for index in 0..<4 { sums[first + index] = four[index] }
    } else {
      for index in first..<first + count {
        sums[index] = blockChecksum(memory.slice(index * size, size))
      }
    }
  }
  return sums
}
