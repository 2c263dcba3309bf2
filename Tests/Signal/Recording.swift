import CTrace
import Ring

@testable import Signal

/// Memory that this process shares with those that it forks.
@safe final class SharedMemory {
  let base: UnsafeMutableRawPointer
  private let byteCount: Int

  init(byteCount: Int) throws {
    guard let memory = unsafe trace_map(byteCount) else { throw RecordingError.noMemory }
    unsafe base = memory
    self.byteCount = byteCount
  }

  deinit { unsafe trace_unmap(base, byteCount) }
}

enum RecordingError: Error {
  case noMemory
  case failed
}

/// All contents that some memory had while a process worked on it: what it left, whenever it died.
@safe final class Recording {
  /// Three times what the longest step of these tests was seen to need.
  private static let countMax: UInt64 = 2000

  private let layout: Layout
  private let memory: SharedMemory
  private let log: SharedMemory
  private let header: UnsafeMutablePointer<trace_log>

  /// Runs `life` in a process of its own, over a copy of `begin`.
  init(of begin: Surroundings, life: (Surroundings) throws -> Void) throws {
    layout = begin.layout
    memory = try SharedMemory(byteCount: layout.byteCount)
    log = try SharedMemory(byteCount: trace_log_size(Self.countMax, layout.byteCount))
    // Safe: the log begins with its header; both memories are as large as is said, and outlive
    // their views.
    unsafe header = log.base.bindMemory(to: trace_log.self, capacity: 1)
    unsafe header.pointee = trace_log(
      count: 0, capacity: Self.countMax, size: UInt64(layout.byteCount))
    unsafe memory.base.copyMemory(from: begin.memory, byteCount: layout.byteCount)
    // All that the child will call is called here first, so that it finds no lock of the runtime
    // that another thread held when it was forked.
    try life(unsafe Surroundings(copying: begin.memory, layout))
    let shared = unsafe Surroundings(layout, memory: memory.base)
    let child = trace_fork()
    if child == 0 {
      guard unsafe trace_begin(memory.base, header) == 0 else { trace_exit(1) }
      do {
        try life(shared)
        trace_end()
        trace_exit(0)
      } catch {
        trace_exit(2)
      }
    }
    guard child > 0, unsafe trace_collect(child, memory.base, header) == 0 else {
      throw RecordingError.failed
    }
  }

  /// How many different contents there were, with the first and the last.
  var count: Int { unsafe Int(header.pointee.count) }

  /// A copy of one of them.
  func death(_ index: Int) throws -> Surroundings {
    guard index >= 0, index < count, let copy = unsafe trace_copy(header, UInt64(index)) else {
      throw RecordingError.failed
    }
    // Safe: the index was just checked.
    return unsafe Surroundings(copying: copy, layout)
  }
}

extension Surroundings {
  /// Whether the rings show at most what is committed: the guarantee that the neighbours have.
  func showsNothingEarly() throws -> Bool {
    let scratch = unsafe Surroundings(copying: memory, layout)
    let committer = Committer(try CommitCell(attaching: scratch.arena[layout.cell]))
    for index in 0..<layout.inputCount {
      if try input(index).tail.load() > committer.position(index) { return false }
    }
    return try output().head.load() <= committer.position(layout.inputCount)
  }
}
