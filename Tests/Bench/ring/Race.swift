import CLinux
import Linux
import Ring
import Rivals
import Synchronization

/// Starts two processes at the same moment, each on a processor of its own, and takes the time
/// until both are done.
@safe struct Race {
  /// A word of shared memory.
  private let base: UnsafeMutableRawPointer

  static var byteCount: Int { 4 * lineByteCount }

  init(_ block: ArenaBlock) {
    unsafe base = block.base
    for index in 0..<4 { unsafe word(index).initialize(to: Atomic(0)) }
  }

  /// 0: the other one is ready. 1: it is done. 2: its result. 3: how often it was preempted.
  private func word(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (base + index * lineByteCount).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  struct Result {
    /// Until both were done, in ns.
    var nanoseconds: Int64
    /// What the other one returned: how many elements were wrong.
    var wrongCount: UInt64
    /// How often one of them was put aside for another process of this machine.
    var preemptionCount: UInt64
  }

  /// Runs `mine` here and `theirs` in a child.
  func run(mine: () -> Void, theirs: () -> UInt64) -> Result {
    for index in 0..<4 { unsafe word(index).pointee.store(0, ordering: .releasing) }
    let child = weir_fork()
    precondition(child >= 0, "fork failed")
    if child == 0 {
      _ = bench_pin(1)
      let before = bench_preemptions()
      unsafe word(0).pointee.store(1, ordering: .releasing)
      let result = theirs()
      unsafe word(2).pointee.store(result, ordering: .relaxed)
      unsafe word(3).pointee.store(bench_preemptions() - before, ordering: .relaxed)
      unsafe word(1).pointee.store(1, ordering: .releasing)
      bench_exit(0)
    }
    while unsafe word(0).pointee.load(ordering: .acquiring) == 0 { usleep(20) }
    _ = bench_pin(0)
    let before = bench_preemptions()
    let start = Clock.monotonic()
    mine()
    while unsafe word(1).pointee.load(ordering: .acquiring) == 0 { bench_pause() }
    let end = Clock.monotonic()
    let theirPreemptions = unsafe word(3).pointee.load(ordering: .relaxed)
    let preemptions = bench_preemptions() - before + theirPreemptions
    bench_unpin()
    var status: Int32 = 0
    let ended = unsafe waitpid(child, &status, 0)
    precondition(ended == child && weir_exited(status) != 0 && weir_exit_status(status) == 0)
    return Result(
      nanoseconds: end - start, wrongCount: unsafe word(2).pointee.load(ordering: .relaxed),
      preemptionCount: preemptions)
  }

  /// Runs both in children to which the kernel forbids every system call, once they are ready.
  /// Returns whether both came to their end.
  func runWithoutSystemCalls(_ one: () -> Void, _ other: () -> UInt64) -> Bool {
    for index in 0..<4 { unsafe word(index).pointee.store(0, ordering: .releasing) }
    let first = weir_fork()
    if first == 0 {
      if bench_pin(0) == 0, bench_forbid_system_calls() == 0 {
        one()
        bench_exit(0)
      }
      _exit(1)
    }
    let second = weir_fork()
    if second == 0 {
      if bench_pin(1) == 0, bench_forbid_system_calls() == 0 {
        bench_exit(other() == 0 ? 0 : 2)
      }
      _exit(1)
    }
    precondition(first > 0 && second > 0, "fork failed")
    var isClean = true
    for _ in 0..<2 {
      var status: Int32 = 0
      let ended = unsafe waitpid(-1, &status, 0)
      let isGood = weir_exited(status) != 0 && weir_exit_status(status) == 0
      if !isGood && isClean {
        isClean = false
        // The one that is left would wait for the dead one for ever.
        kill(ended == first ? second : first, SIGKILL)
      }
    }
    return isClean
  }
}
