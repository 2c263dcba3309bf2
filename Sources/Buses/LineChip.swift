import Linux
import Ring
import Sensors

/// Which edges of a line are wanted.
public enum LineEdges: UInt8, Sendable {
  case none
  case rising
  case falling
  case both
}

public enum LineBias: UInt8, Sendable {
  case asIs
  case none
  case up
  case down
}

/// How a GPIO line is asked for.
public struct LineRequest: Sendable {
  public var offset: UInt32
  public var edges: LineEdges
  public var bias: LineBias
  public var isActiveLow: Bool
  /// 0 for none.
  public var debounceMicroseconds: UInt32

  public init(
    offset: UInt32, edges: LineEdges, bias: LineBias = .asIs, isActiveLow: Bool = false,
    debounceMicroseconds: UInt32 = 0
  ) {
    self.offset = offset
    self.edges = edges
    self.bias = bias
    self.isActiveLow = isActiveLow
    self.debounceMicroseconds = debounceMicroseconds
  }
}

/// Why a line is not ours.
public enum LineFault: Error, Equatable, Sendable {
  /// No chip has the label.
  case chipAbsent
  /// The chip has only so many lines.
  case lineAbsent(lineCount: Int)
  /// Somebody else has it.
  case busy(consumer: String)
  /// The kernel refused, with its number.
  case refused(Errno)

  /// What a reading says of it.
  public var quality: Quality {
    switch self {
    case .chipAbsent, .lineAbsent: .absent
    case .busy, .refused: .busFault
    }
  }
}

/// A GPIO chip with the lines that one sense task reads, in a fixed order: "line" below is a
/// position in it. It allocates when lines are acquired, never when they are read.
public protocol LineChip: ~Copyable {
  /// Tries to get hold of the lines that are not held.
  mutating func acquire(now: Int64)
  /// Why a line is not held; nil when it is.
  func fault(_ line: Int) -> LineFault?
  /// Whether a held line is active.
  mutating func level(_ line: Int, now: Int64) throws(SystemError) -> Bool
  /// Reads up to 64 edges that happened until `now`, without waiting; they are then at
  /// `event(0 ..< count)`. A line that fails is no longer held.
  mutating func readEvents(now: Int64) -> Int
  func event(_ index: Int) -> LineEvent
  /// The descriptors that become readable when there are edges, none for a simulated chip.
  func appendPollItems(to items: inout [PollItem])
  /// When the next edge is known to happen; `.max` for a real chip.
  func nextEventTime() -> Int64
}

/// The most edges that are read at once.
public let lineEventCountMax = 64
