/// Makes the images that a power cut may leave of a disk: everything up to the last sync, and of
/// each write after it any part.
struct PowerCut {
  /// What is surely on the medium.
  private(set) var medium: [UInt8]
  /// What was written since, in order.
  private(set) var inFlight: [(offset: Int, bytes: [UInt8])] = []

  init(medium: [UInt8]) { self.medium = medium }

  /// The next thing that happened to the disk.
  mutating func note(_ event: DiskEvent) {
    switch event {
    case .write(let offset, let bytes): inFlight.append((offset, bytes))
    case .sync:
      for write in inFlight { apply(write, to: &medium) }
      inFlight.removeAll(keepingCapacity: true)
    case .failedSync(let seed):
      // The kernel has marked the pages as clean: what is not on the medium now never will be.
      var random = SplitMix(seed: seed)
      for write in inFlight { applySectors(write, to: &medium, random: &random, tearing: 2) }
      inFlight.removeAll(keepingCapacity: true)
    }
  }

  /// How many sectors are in flight.
  var sectorCount: Int {
    inFlight.reduce(0) { $0 + $1.bytes.count / sectorByteCount }
  }

  /// What the cut does to the writes in flight.
  enum Kind: CaseIterable {
    case nothingArrived
    case allArrived
    /// Some writes arrived, in any order, and others not.
    case someWrites
    /// Of each write some sectors arrived.
    case someSectors
    /// As above, and some sectors hold neither the old nor the new.
    case garbage
  }

  func image(_ kind: Kind, random: inout SplitMix) -> [UInt8] {
    var image = medium
    var order = Array(inFlight.indices)
    switch kind {
    case .nothingArrived: break
    case .allArrived:
      for write in inFlight { apply(write, to: &image) }
    case .someWrites:
      order.shuffle(using: &random)
      for index in order where random.below(2) == 0 { apply(inFlight[index], to: &image) }
    case .someSectors:
      order.shuffle(using: &random)
      for index in order {
        applySectors(inFlight[index], to: &image, random: &random, tearing: 2)
      }
    case .garbage:
      order.shuffle(using: &random)
      for index in order {
        applySectors(inFlight[index], to: &image, random: &random, tearing: 3)
      }
    }
    return image
  }

  /// The image in which the sectors in flight have these fates, one digit to the base 3 each: old,
  /// new, garbage. For enumerating them all.
  func image(fates: Int) -> [UInt8] {
    var image = medium
    var rest = fates
    for write in inFlight {
      for start in stride(from: 0, to: write.bytes.count, by: sectorByteCount) {
        let range = write.offset + start..<write.offset + start + sectorByteCount
        switch rest % 3 {
        case 0: break
        case 1: image.replaceSubrange(range, with: write.bytes[start..<start + sectorByteCount])
        default: for index in range { image[index] = 0xA5 }
        }
        rest /= 3
      }
    }
    return image
  }

  private func apply(_ write: (offset: Int, bytes: [UInt8]), to image: inout [UInt8]) {
    image.replaceSubrange(write.offset..<write.offset + write.bytes.count, with: write.bytes)
  }

  /// `tearing` 2: each sector is old or new; 3: or garbage.
  private func applySectors(
    _ write: (offset: Int, bytes: [UInt8]), to image: inout [UInt8], random: inout SplitMix,
    tearing: Int
  ) {
    for start in stride(from: 0, to: write.bytes.count, by: sectorByteCount) {
      let range = write.offset + start..<write.offset + start + sectorByteCount
      switch random.below(tearing) {
      case 0: break
      case 1: image.replaceSubrange(range, with: write.bytes[start..<start + sectorByteCount])
      default: garble(&image, range, random: &random)
      }
    }
  }

  private func garble(_ image: inout [UInt8], _ range: Range<Int>, random: inout SplitMix) {
    for start in stride(from: range.lowerBound, to: range.upperBound, by: 8) {
      var word = random.next()
      for index in start..<start + 8 {
        image[index] = UInt8(truncatingIfNeeded: word)
        word >>= 8
      }
    }
  }
}
