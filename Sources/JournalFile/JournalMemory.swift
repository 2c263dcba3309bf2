import Journal
import Linux

/// Zeroed memory for a journal or a reader, taken once, at start, and given back at the end of its
/// life. What of it was never used takes no memory.
@safe public struct JournalMemory: ~Copyable {
  public let bytes: Bytes
  private let mapping: PrivateMapping

  /// `byteCount` is above 0. Traps when there is no memory, as every allocation does.
  public init(byteCount: Int) {
    precondition(byteCount > 0)
    do throws(SystemError) {
      mapping = try PrivateMapping(byteCount: byteCount)
    } catch {
      preconditionFailure("no memory for a journal")
    }
    // Safe: the mapping is at least as large, and lives as long as this value.
    unsafe bytes = Bytes(base: mapping.base, count: byteCount)
  }

  /// Gives the pages of a part back: its content is of no more use, and it is zero now. Traps on
  /// what is no part.
  public func forget(_ part: Bytes) {
    // Safe: only the numbers of the addresses are used.
    mapping.forget(
      offset: unsafe Int(bitPattern: part.base) - Int(bitPattern: mapping.base),
      byteCount: part.count)
  }
}
