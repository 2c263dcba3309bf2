import Linux
import Ring

extension LogKeeper {
  /// Keeps a task's lines in its ring, which nobody else writes.
  public init(_ ring: LogRing) {
    self.init(
      keep: { entry in
        ring.append(
          level: entry.level.rawValue, time: entry.time, generation: entry.generation,
          suppressedCount: entry.suppressedCount, text: entry.text.span)
      },
      count: { ring.count(suppressed: $0, consoleDropped: $1) })
  }
}
