import Ring

/// How far each lane has come, as one process shows it to another: for each lane one mark, which
/// the reader gets whole, or not at all. One process writes; killed at any instruction it leaves
/// the mark of before, or the new one.
///
/// | offset | size | of a lane, which begins at 64 × its number |
/// | ---: | ---: | --- |
/// | 0 | 8 | how often it was written: after *n* times, copy *n* mod 2 is the one that holds |
/// | 8 | 24 | copy 0: ordinal, epoch, sequence |
/// | 32 | 24 | copy 1 |
@safe public struct MarkBoard: Sendable {
  /// How much memory a board takes, in bytes.
  public static var byteCount: Int { Lane.count * 64 }

  private let block: ArenaBlock

  /// Makes a board on which no lane has come anywhere. Traps if the block is too small.
  public static func format(_ block: ArenaBlock) -> MarkBoard {
    for index in 0..<(byteCount / 8) { block.formatWord(at: index * 8) }
    return MarkBoard(block)
  }

  private init(_ block: ArenaBlock) { self.block = block }

  private func word(_ lane: Lane, _ index: Int) -> PositionWord {
    block.word(at: Int(lane.rawValue) * 64 + index * 8)
  }

  /// The mark of the lane; nil when its writer was faster than a thousand attempts to read it,
  /// which is a writer that has run wild.
  public subscript(lane: Lane) -> Mark? {
    for _ in 0..<1000 {
      let count = word(lane, 0).load()
      let first = 1 + Int(count & 1) * 3
      let mark = Mark(
        ordinal: word(lane, first).load(), epoch: word(lane, first + 1).load(),
        sequence: word(lane, first + 2).load())
      // The copy is written again only by the next but one; until then the count has moved.
      if word(lane, 0).load() == count { return mark }
    }
    return nil
  }

  /// Shows a new mark.
  public func show(_ mark: Mark, of lane: Lane) {
    let next = word(lane, 0).load() &+ 1
    let first = 1 + Int(next & 1) * 3
    word(lane, first).store(mark.ordinal)
    word(lane, first + 1).store(mark.epoch)
    word(lane, first + 2).store(mark.sequence)
    word(lane, 0).store(next)
  }
}
