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
  for first in stride(from: 0, to: geometry.blocksPerSegment, by: 4) {
    let count = min(4, geometry.blocksPerSegment - first)
    var holdsBlock = false
    for index in first..<first + count {
      if memory.load(UInt32.self, at: index * size) == blockMagic.byteSwapped { holdsBlock = true }
    }
    guard holdsBlock else { continue }
    if count == 4 {
      let four = fourChecksums(memory.slice(first * size, 4 * size))
      for index in 0..<4 { sums[first + index] = four[index] }
    } else {
      for index in first..<first + count {
        sums[index] = blockChecksum(memory.slice(index * size, size))
      }
    }
  }
  return sums
}

/// Completes the first `count` of the blocks that lie one behind the other, of this size each.
func storeChecksums(_ blocks: Bytes, count: Int, blockByteCount size: Int) {
  var index = 0
  while index < count {
    if count - index > 1, (index + 4) * size <= blocks.count {
      let four = fourChecksums(blocks.slice(index * size, 4 * size))
      for place in 0..<min(4, count - index) {
        blocks.store(four[place], at: (index + place) * size + 4)
      }
      index += 4
    } else {
      blocks.store(blockChecksum(blocks.slice(index * size, size)), at: index * size + 4)
      index += 1
    }
  }
}

/// The checksums of four blocks, which take hardly longer than that of one.
private func fourChecksums(_ group: Bytes) -> InlineArray<4, UInt32> {
  let size = group.count / 4
  precondition(size * 4 == group.count && size > BlockHeader.checkedOffset)
  var sums = InlineArray<4, UInt32>(repeating: 0)
  // Safe: four blocks lie in the group, and their sums have room.
  unsafe withUnsafeMutableBytes(of: &sums) {
    let results = unsafe $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt32.self)
    unsafe weir_crc32c_four(
      group.base + BlockHeader.checkedOffset, size, size - BlockHeader.checkedOffset, results)
  }
  return sums
}
