import Linux
import Ring

/// Some of the gateway's tasks, by their numbers in the arena (0 to 63).
struct TaskSet: OptionSet {
  let rawValue: UInt64
  init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The one task with this number.
  init(_ number: Int) {
    precondition(number >= 0 && number < 64)
    rawValue = 1 << UInt64(number)
  }

  static var nobody: TaskSet { [] }
  static var everybody: TaskSet { TaskSet(rawValue: .max) }
}

/// Whole pages of the arena, and the tasks that may write and read them. The supervisor may always
/// do both.
struct ArenaArea {
  let region: ArenaRegion
  let writers: TaskSet
  /// Beside the writers.
  let readers: TaskSet
}

/// The plan of an arena whose parts are protected from each other: what the same tasks write, and
/// the same tasks read, is planned together and lies on pages of its own.
struct ArenaPages {
  private(set) var plan = ArenaPlan()
  private(set) var areas: [ArenaArea] = []
  private let pageByteCount: Int

  init(pageByteCount: Int = System.pageByteCount) {
    self.pageByteCount = pageByteCount
  }

  /// Sets pages aside for what `reserve` asks the plan for, which must be something.
  mutating func area<Blocks>(
    writers: TaskSet, readers: TaskSet, _ reserve: (inout ArenaPlan) -> Blocks
  ) -> Blocks {
    plan.beginPage(pageByteCount)
    let start = plan.byteCount
    let blocks = reserve(&plan)
    plan.beginPage(pageByteCount)
    precondition(plan.byteCount > start)
    areas.append(
      ArenaArea(
        region: ArenaRegion(offset: start, byteCount: plan.byteCount - start), writers: writers,
        readers: readers))
    return blocks
  }
}
