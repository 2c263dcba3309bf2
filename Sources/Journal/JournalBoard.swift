import Ring

/// What the journal's task shows the uplink: where the journal lies, and how far it is durable.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | the medium: `JournalMedium` |
/// | 64 | … | the marks up to which each lane is durable: `MarkBoard` |
@safe public struct JournalBoard: Sendable {
  /// How much memory it takes, in bytes.
  public static var byteCount: Int { 64 + MarkBoard.byteCount }

  private let block: ArenaBlock
  /// Up to here, and no further, a lane may be published.
  public let durable: MarkBoard

  /// Makes a board of no journal. Traps if the block is too small.
  public static func format(_ block: ArenaBlock) -> JournalBoard {
    block.formatWord(at: 0)
    return JournalBoard(
      block, MarkBoard.format(block.part(offset: 64, byteCount: MarkBoard.byteCount)))
  }

  private init(_ block: ArenaBlock, _ durable: MarkBoard) {
    self.block = block
    self.durable = durable
  }

  /// Where the journal lies; nonsense is no journal.
  public var medium: JournalMedium {
    get { JournalMedium(rawValue: block.word(at: 0).load()) ?? .none }
    nonmutating set { block.word(at: 0).store(newValue.rawValue) }
  }
}

/// Where a journal lies.
public enum JournalMedium: UInt64, BitwiseCopyable, Sendable {
  /// It is not open yet.
  case none = 0
  case file = 1
  /// In memory, because the file can't be used: what it holds does not survive the gateway.
  case memory = 2
}
