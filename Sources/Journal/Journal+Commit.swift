extension Journal where S: ~Copyable {
  /// Makes durable all that was appended, and all that was acknowledged. When it throws, all of it
  /// stays pending, and may or may not be on the medium.
  ///
  /// What the medium refuses (EIO) is written again at once, to another segment: the one that
  /// failed is retired. If that fails too, the next commit writes all of it again, to the same
  /// place, and so on: at most one segment is given up until a commit succeeds, so that a medium
  /// that is ill for a minute does not cost what it holds.
  public mutating func commit() throws(JournalError) {
    guard isDirty else { return }
    for attempt in 0..<2 {
      let places = [lanes[0].place, lanes[1].place] as InlineArray<2, LaneWriter.Place>
      commitNumber += 1
      do throws(JournalError) {
        try write()
        finish()
        return
      } catch {
        counts.commitFailures += 1
        let isLast = attempt > 0 || isFailing || !error.isOfTheMedium
        for index in 0..<Lane.count where lanes[index].isDirty {
          if isLast { lanes[index].undo(places[index]) } else { lanes[index].retire() }
        }
        if isLast {
          isFailing = isFailing || error.isOfTheMedium
          if case .full = error {
            for index in 0..<Lane.count {
              lanes[index].forgive()
              makeRoom(index)
            }
          }
          throw error
        }
      }
    }
  }

  /// Where a commit has no place but over events that the receiver has, and the medium does not say
  /// yet that he has them: says it in both copies of the superblock. A cut behind this point finds
  /// the receiver's place there, whatever becomes of the events.
  private mutating func saveAcknowledged() throws(JournalError) {
    var isNeeded = false
    for index in 0..<Lane.count where lanes[index].isDirty && lanes[index].overwritesAcknowledged {
      superblock[acknowledged: lanes[index].lane] = lanes[index].acknowledged
      isNeeded = true
    }
    guard isNeeded else { return }
    do throws(StorageError) {
      for _ in 0..<2 { try superblock.write(&storage, scratch: scratch) }
    } catch {
      throw .storage(error)
    }
    for index in 0..<Lane.count {
      lanes[index].noteSaved(superblock[acknowledged: lanes[index].lane])
    }
  }

  private mutating func write() throws(JournalError) {
    try saveAcknowledged()
    for index in 0..<Lane.count where lanes[index].isDirty {
      guard let runs = lanes[index].prepare(commit: commitNumber) else {
        throw .full(lanes[index].lane)
      }
      for place in 0..<runs.count {
        guard let run = runs[place] else { break }
        let bytes = try sealed(lanes[index].bytes(run))
        do throws(StorageError) {
          try storage.write(bytes, at: run.offset)
        } catch {
          throw .storage(error)
        }
        counts.blocksWritten += UInt64(run.blockCount)
      }
    }
    do throws(StorageError) {
      try storage.synchronize()
    } catch {
      // Whatever the kernel calls it: nothing is known of what was written.
      _ = error
      throw .storage(.failed)
    }
  }

  /// What is written of the blocks: themselves, or what seals them, which lies in the scratch until
  /// the next call. In the lane's memory they stay open, because the last one grows.
  private mutating func sealed(_ blocks: Bytes) throws(JournalError) -> Bytes {
    guard BlockCipher.seals(cipher) else { return blocks }
    let size = geometry.blockByteCount
    for offset in stride(from: 0, to: blocks.count, by: size) {
      let isSealed = cipher?.seal(blocks.slice(offset, size), into: scratch.slice(offset, size))
      guard isSealed == true else { throw .cipher }
    }
    return scratch.slice(0, blocks.count)
  }

  private mutating func finish() {
    isFailing = false
    counts.commits += 1
    for index in 0..<Lane.count where lanes[index].isDirty {
      lanes[index].finish()
      makeRoom(index)
    }
    counts.segmentsRetired = lanes[0].retiredCount + lanes[1].retiredCount
  }

  /// Keeps one segment free ahead of the one that is written: what the next commit says of it is
  /// durable before anything is written there.
  mutating func makeRoom(_ index: Int) {
    guard let segment = lanes[index].segmentToEvict else { return }
    let from = max(lanes[index].acknowledged.ordinal, lanes[index].evicted.ordinal)
    counts.evicted += lanes[index].evict(segment)
    if settings.retention(lanes[index].lane) == .thin { thin(index, segment: segment, from: from) }
  }
}

extension JournalError {
  /// Whether another place on the medium may do better.
  var isOfTheMedium: Bool {
    switch self {
    case .storage(.failed): true
    case .storage, .full, .cipher: false
    }
  }
}
