/// Which pair of certificate and key the broker has accepted in the place of the configured one, as
/// the uplink shows it to the supervisor: one word in the arena.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | the digest of the pair; 0 for none |
@safe public struct AcceptedPair: Sendable {
  /// How much memory it takes, in bytes.
  public static var byteCount: Int { lineByteCount }

  private let block: ArenaBlock

  /// Makes a word that shows none. Traps if the block is too small or not on a line.
  public static func format(_ block: ArenaBlock) -> AcceptedPair {
    precondition(block.byteCount >= Self.byteCount && block.isOnLine)
    block.formatWord(at: 0)
    return AcceptedPair(block)
  }

  private init(_ block: ArenaBlock) { self.block = block }

  public var digest: UInt64 {
    get { block.word(at: 0).load() }
    nonmutating set { block.word(at: 0).store(newValue) }
  }
}
