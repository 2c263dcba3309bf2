import Journal

extension Chain {
  /// Cuts the workload that just ended at every moment, and goes on from one of the images.
  mutating func cut(_ medium: [UInt8]) throws {
    var power = PowerCut(medium: medium)
    let last = disk.events.count
    let survivor = random.below(last + 1)
    var next: (image: [UInt8], recovered: Recovered, promise: Promise)?
    for moment in 0...last {
      if moment > 0 { power.note(disk.events[moment - 1]) }
      let promise = promise(at: moment)
      if isExhaustive {
        next =
          try exhaust(power, promise, at: moment, of: last, keeping: moment == survivor) ?? next
        continue
      }
      for kind in PowerCut.Kind.allCases {
        // With nothing in flight all of them are the same.
        if power.inFlight.isEmpty, kind != .nothingArrived { continue }
        let image = power.image(kind, random: &random)
        let recovered = try recover(image, promise, at: moment, of: last, kind: "\(kind)")
        if moment == survivor, next == nil || random.below(2) == 0 {
          next = (recovered.image, recovered.found, promise)
        }
        if mutant == .none, random.below(4) == 0 {
          try damage(image, promise, at: moment, of: last)
        }
      }
    }
    guard let next else { throw Violation("no image was made") }
    goOn(next.image, next.recovered, next.promise)
  }

  /// Recovers every image that the cut can leave: each sector in flight old, new or garbage.
  private mutating func exhaust(
    _ power: PowerCut, _ promise: Promise, at moment: Int, of last: Int, keeping: Bool
  ) throws -> (image: [UInt8], recovered: Recovered, promise: Promise)? {
    var count = 1
    for _ in 0..<power.sectorCount { count *= 3 }
    // 3⁸: the commits of a short life have no more sectors; a longer one is not enumerated.
    guard count <= 6561 else { throw Violation("\(power.sectorCount) sectors in flight") }
    let survivor = random.below(count)
    var next: (image: [UInt8], recovered: Recovered, promise: Promise)?
    for fates in 0..<count {
      let image = power.image(fates: fates)
      let recovered = try recover(image, promise, at: moment, of: last, kind: "fates \(fates)")
      if keeping, fates == survivor { next = (recovered.image, recovered.found, promise) }
    }
    return next
  }

  /// What was promised when so many things had happened to the disk.
  private func promise(at moment: Int) -> Promise {
    promises.last { $0.eventCount <= moment } ?? before
  }

  /// The life after the cut begins with what was found.
  private mutating func goOn(_ image: [UInt8], _ recovered: Recovered, _ promise: Promise) {
    var start = promise
    for lane in 0..<2 {
      lanes[lane].truncate(Int(recovered.ends[lane].ordinal))
      for index in lanes[lane].isRequired.indices { lanes[lane].isRequired[index] = false }
      for ordinal in recovered.found[lane] { lanes[lane].isRequired[ordinal] = true }
      start.durable[lane] = 0
      start.acknowledged[lane] = recovered.acknowledged[lane].ordinal
      start.evicted[lane] = recovered.evicted[lane].ordinal
      figures.eventCount += recovered.found[lane].count
    }
    start.eventCount = 0
    // The epoch that the recovery began.
    start.epoch = recovered.epoch
    before = start
    let contents = DiskContents(bytes: image, seed: random.next())
    contents.mutant = mutant
    contents.ledger = ledger
    disk = contents
    figures.lifeCount += 1
  }

  /// Which life it is, and how its journal is set.
  private var title: String {
    let faults = hasFaults ? ", with faults" : ""
    return "life \(figures.lifeCount) (alarms \(settings.alarmRetention), telemetry "
      + "\(settings.telemetryRetention)\(faults))"
  }

  /// Recovers an image: opens it, reads both lanes, and holds them against the promise; now and
  /// then power fails again in the middle of that. Returns the image that recovery left.
  private mutating func recover(
    _ image: [UInt8], _ promise: Promise, at moment: Int, of last: Int, kind: String
  ) throws -> (image: [UInt8], found: Recovered) {
    figures.cutCount += 1
    do {
      let first = try open(image, promise, isComplete: true)
      guard random.below(4) == 0 else { return (first.contents.bytes, first.recovered) }
      var power = PowerCut(medium: image)
      var result = (first.contents.bytes, first.recovered)
      for event in first.contents.events {
        power.note(event)
        figures.cutCount += 1
        figures.secondCutCount += 1
        let again = power.image(.garbage, random: &random)
        let second = try open(again, promise, isComplete: true)
        result = (second.contents.bytes, second.recovered)
      }
      return result
    } catch let violation as Violation {
      throw Violation(
        "\(title), cut \(moment) of \(last), \(kind): \(violation.text)")
    }
  }

  /// Damages an image in ways that no power cut does: it must open all the same, and what is
  /// missing must be a gap.
  private mutating func damage(
    _ image: [UInt8], _ promise: Promise, at moment: Int, of last: Int
  ) throws {
    figures.cutCount += 1
    figures.damageCount += 1
    var image = image
    var faults = DiskFaults()
    let block = tortureBlockByteCount
    let first = Int(Geometry.dataOffset)
    let count = (image.count - first) / block
    let place = first + random.below(count) * block
    var way = Damage.allCases[random.below(Damage.allCases.count)]
    // The last copy of the superblock is what nothing can replace.
    if way == .superblock, !hasTwoSuperblocks(image) { way = .flippedBits }
    if keys != nil, way != .superblock, random.below(4) == 0 { forge(&image, place) }
    switch way {
    case .flippedBits:
      for _ in 0..<(1 + random.below(3)) {
        image[first + random.below(image.count - first)] ^= 1 << UInt8(random.below(8))
      }
    case .missing: for index in place..<place + block { image[index] = 0 }
    case .duplicated:
      let other = first + random.below(count) * block
      image.replaceSubrange(place..<place + block, with: image[other..<other + block])
    case .garbage: for index in place..<place + block { image[index] = UInt8(random.below(256)) }
    case .unreadable: faults.unreadable = place..<place + block
    case .superblock:
      image[random.below(2) * 4096 + random.below(512)] ^= 1 << UInt8(random.below(8))
    }
    do {
      _ = try open(image, promise, isComplete: way == .superblock, faults: faults)
    } catch let violation as Violation {
      throw Violation("\(title), cut \(moment) of \(last), damage \(way): \(violation.text)")
    }
  }

  /// Changes a record, or what its key is made of, in a sealed block, and makes the checksum right:
  /// only the seal tells.
  private mutating func forge(_ image: inout [UInt8], _ place: Int) {
    let bit = UInt8(1) << UInt8(random.below(8))
    let target = 152 + random.below(80)
    unsafe image.withUnsafeMutableBytes {
      // Safe: a block that lies in the image.
      let base = unsafe $0.baseAddress.unsafelyUnwrapped + place
      let block = unsafe Bytes(base: base, count: tortureBlockByteCount)
      // A record must be there, or else nothing that counts is changed.
      guard isSealed(block), block.load(UInt32.self, at: 12) >= 24,
        block.load(UInt32.self, at: 4) == checksum(block.slice(8, block.count - 8))
      else { return }
      block[target] ^= bit
      block.store(checksum(block.slice(8, block.count - 8)), at: 4)
    }
  }

  /// What the medium does by itself.
  private enum Damage: CaseIterable {
    case flippedBits
    /// A block is blank, as if it had never been written.
    case missing
    /// A block lies in the place of another one too.
    case duplicated
    case garbage
    /// A block can't be read.
    case unreadable
    /// A bit of one copy of the superblock.
    case superblock
  }

  private func hasTwoSuperblocks(_ image: [UInt8]) -> Bool {
    unsafe image.withUnsafeBytes { all in
      for copy in 0..<2 {
        // Safe: the image is larger than both copies, and is only read.
        let base = unsafe UnsafeMutableRawPointer(
          mutating: unsafe all.baseAddress.unsafelyUnwrapped + copy * 4096)
        let bytes = unsafe Bytes(base: base, count: 512)
        if bytes.load(UInt32.self, at: 12) != checksum(bytes.slice(16, 496)) { return false }
      }
      return true
    }
  }

  private mutating func open(
    _ image: [UInt8], _ promise: Promise, isComplete: Bool, faults: DiskFaults = DiskFaults()
  ) throws -> (contents: DiskContents, recovered: Recovered) {
    let contents = DiskContents(bytes: image, seed: 0)
    contents.faults = faults
    if mutant == .skipsChecksum { contents.mutant = mutant }
    var recovered = Recovered()
    do throws(JournalOpenError) {
      let journal = try Journal(
        SimulatedDisk(contents: contents), memory: memory.journal, settings: settings, keys: keys,
        epoch: .next(atLeast: 0))
      guard journal.epoch > promise.epoch else { throw JournalOpenError.epoch }
      recovered.epoch = journal.epoch
    } catch {
      throw Violation("the journal does not open: \(error)")
    }
    for index in 0..<2 {
      do {
        var reader = try JournalReader(
          SimulatedDisk(contents: contents), lane: laneOf(index), memory: memory.reader, keys: keys)
        try lanes[index].check(
          &reader, laneOf(index), promise, isComplete: isComplete, into: &recovered)
      } catch let error as JournalOpenError {
        throw Violation("\(laneOf(index)) does not open: \(error)")
      }
    }
    figures.gapCount += recovered.gapCount
    return (contents, recovered)
  }
}
