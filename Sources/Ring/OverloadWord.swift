/// How overloaded the gateway is, as the sense tasks read it: one word in the arena, which the
/// pipeline writes. It mirrors the level that the pipeline has committed, so it is right again soon
/// after a restart, and it lies on a line of its own, because every deadline reads it.
///
/// | offset | size | field | written by |
/// | ---: | ---: | --- | --- |
/// | 0 | 8 | the level, 0 to 3 | the pipeline |
@safe public struct OverloadWord: Sendable {
  /// The highest level.
  public static var levelMax: UInt8 { 3 }

  /// How much memory it takes, in bytes.
  public static var byteCount: Int { lineByteCount }

  private let block: ArenaBlock

  /// Makes a word of level 0. Traps if the block is too small or not on a line.
  public static func format(_ block: ArenaBlock) -> OverloadWord {
    let word = OverloadWord(block)
    block.formatWord(at: 0)
    return word
  }

  /// The word that was formatted there. Traps if the block is too small or not on a line.
  public init(_ block: ArenaBlock) {
    precondition(block.byteCount >= Self.byteCount && block.isOnLine)
    self.block = block
  }

  /// The level, at most `levelMax`, whatever a damaged pipeline has written.
  public var level: UInt8 {
    get { UInt8(min(block.word(at: 0).loadRelaxed(), UInt64(Self.levelMax))) }
    nonmutating set { block.word(at: 0).storeRelaxed(UInt64(newValue)) }
  }
}
