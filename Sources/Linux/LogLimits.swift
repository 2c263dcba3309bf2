/// A place that logs: where it stands in the sources, and what tells it from others there.
struct LogSite: Sendable {
  let file: StaticString
  let line: UInt32
  /// For lines that say the same of different things, such as tasks: which one.
  let key: UInt32

  /// The same for the same place, in one process. Two places that share a number share their limit.
  var number: UInt64 {
    // Safe: only the number of the address is used; names of files are never single characters.
    let address = UInt64(unsafe UInt(bitPattern: file.utf8Start))
    return (address &+ UInt64(line) << 48) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(key)
  }
}

/// How often each place may log: `burst` lines at once, then one every `interval`. What is more is
/// counted, and the count told with the next line of the place, or when it has fallen silent.
///
/// Full means: the place that has been quiet for longest is forgotten, with its count.
struct LogLimits: Sendable {
  /// More places than any task has that log at about the same time.
  static let siteCountMax = 64
  static let burst: Int64 = 5
  /// ns: five lines in ten seconds.
  static let interval: Int64 = 2_000_000_000

  private struct Entry {
    var site: LogSite
    var number: UInt64
    var level: LogLevel
    /// When all of the burst can be had again, ns of CLOCK_BOOTTIME.
    var fullTime: Int64
    var suppressedCount: UInt64
  }

  private var entries = InlineArray<64, Entry?>(repeating: nil)
  /// How many lines were kept back that nobody was told of yet.
  private(set) var pendingCount: UInt64 = 0

  /// Whether the place may log at `now`: nil if not, or how many of its lines were kept back before
  /// this one.
  mutating func admit(_ site: LogSite, _ level: LogLevel, now: Int64) -> UInt64? {
    let number = site.number
    let index = place(of: number)
    guard var entry = entries[index], entry.number == number else {
      pendingCount -= entries[index]?.suppressedCount ?? 0
      entries[index] = Entry(
        site: site, number: number, level: level, fullTime: now + Self.interval,
        suppressedCount: 0)
      return 0
    }
    let fullTime = max(entry.fullTime, now)
    guard fullTime - now <= (Self.burst - 1) * Self.interval else {
      entry.suppressedCount += 1
      entry.level = level
      pendingCount += 1
      entries[index] = entry
      return nil
    }
    let count = entry.suppressedCount
    pendingCount -= count
    entry.suppressedCount = 0
    entry.fullTime = fullTime + Self.interval
    entries[index] = entry
    return count
  }

  /// A place that has fallen silent with lines that nobody was told of; they count as told.
  mutating func takeSilent(
    now: Int64
  ) -> (site: LogSite, level: LogLevel, suppressedCount: UInt64)? {
    if pendingCount == 0 { return nil }
    for index in 0..<Self.siteCountMax {
      guard let entry = entries[index], entry.suppressedCount > 0, entry.fullTime <= now else {
        continue
      }
      pendingCount -= entry.suppressedCount
      entries[index]?.suppressedCount = 0
      return (entry.site, entry.level, entry.suppressedCount)
    }
    return nil
  }

  /// Where the place is, or would go: a free entry, or the one that has been quiet for longest.
  private func place(of number: UInt64) -> Int {
    var oldest = 0
    var oldestTime = Int64.max
    for index in 0..<Self.siteCountMax {
      guard let entry = entries[index] else {
        if oldestTime > .min {
          oldest = index
          oldestTime = .min
        }
        continue
      }
      if entry.number == number { return index }
      if entry.fullTime < oldestTime {
        oldest = index
        oldestTime = entry.fullTime
      }
    }
    return oldest
  }
}
