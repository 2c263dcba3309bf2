// Invariants checked, with the real code in processes that really die:
// - a pipeline killed (SIGKILL) at random moments, again and again: every number arrives once, in
//   order, with the right count and sum; the same with a source that is killed;
// - a pipeline that dies after any one of its machine instructions: what the neighbours can see at
//   that moment is right, and its successor completes the work as if nothing had been.

import CLinux
import Glibc
import Linux
import Seeds
import Testing

@testable import Ring

@Suite(.serialized, .disabled(if: isThreadSanitized)) struct DeathTests {
  /// A child that runs `body` and ends, whatever else this process is.
  func spawn(_ body: () -> Void) -> pid_t {
    let child = weir_fork()
    precondition(child >= 0)
    if child == 0 {
      body()
      _exit(0)
    }
    return child
  }

  func killAndWait(_ child: pid_t) {
    kill(child, SIGKILL)
    var status: Int32 = 0
    // Safe: the status outlives the call.
    let ended = unsafe waitpid(child, &status, 0)
    #expect(ended == child)
  }

  @Test func killedAtRandomMoments() throws {
    let seed = testSeed("killedAtRandomMoments")
    var random = SeededRandom(seed: seed)
    let mapping = try SharedMapping(byteCount: Relay.byteCount)
    // Safe: the mapping outlives the relay.
    let relay = Relay(formatting: unsafe Arena(base: mapping.base, byteCount: mapping.byteCount))
    // The generic code is looked up here, where no other thread holds a lock of the runtime while
    // it is needed in a child.
    relay.runSource(total: 2) {}
    relay.runPipeline(total: 2)
    let endless = UInt64.max
    var source = spawn { relay.runSource(total: endless) { sched_yield() } }
    var pipeline = spawn { relay.runPipeline(total: endless, idle: { sched_yield() }) }
    defer {
      killAndWait(source)
      killAndWait(pipeline)
    }
    var sink = Consumer(relay.output)
    var received: UInt64 = 0
    var killCount = 0
    let deadline = Clock.monotonic() + 60_000_000_000
    while killCount < 300 || received < 5_000 {
      let pause = Clock.monotonic() + Int64(random.next() % 300_000)
      while Clock.monotonic() < pause {
        guard let output = sink.pop() else {
          sched_yield()
          continue
        }
        if output != Relay.expected(received) {
          Issue.record("\(output) in place of \(Relay.expected(received))")
          return
        }
        received += 1
      }
      if Clock.monotonic() > deadline {
        Issue.record("\(received) numbers and \(killCount) kills in a minute")
        return
      }
      killCount += 1
      if random.next() % 4 == 0 {
        killAndWait(source)
        source = spawn { relay.runSource(total: endless) { sched_yield() } }
      } else {
        killAndWait(pipeline)
        pipeline = spawn { relay.runPipeline(total: endless, idle: { sched_yield() }) }
      }
    }
    print("\(received) numbers, \(killCount) kills, \(relay.cell.commitCount) commits")
  }

  @Test(.enabled(if: canTrace)) func killedAfterEveryInstruction() throws {
    let total: UInt64 = 7
    let mapping = try SharedMapping(byteCount: Relay.byteCount)
    // Safe: the mapping outlives the relay.
    let arena = unsafe Arena(base: mapping.base, byteCount: mapping.byteCount)
    let copy = Memory(byteCount: Relay.byteCount)
    let last = Memory(byteCount: Relay.byteCount)

    // Once without a tracer: everything lazy in the runtime happens here.
    let rehearsal = Relay(formatting: arena)
    rehearsal.runSource(total: 2) {}
    rehearsal.runPipeline(total: 2)

    let relay = Relay(formatting: arena)
    relay.runSource(total: total) {}
    // The output has room for 4: the child handles two batches, 3 and 1, and waits for room.
    let child = spawn {
      traceMe()
      kill(getpid(), SIGSTOP)
      relay.runPipeline(total: 4)
    }
    var status: Int32 = 0
    var stepCount = 0
    var worldCount = 0
    var bestHead: UInt64 = 0
    // Safe: the status outlives the calls.
    var ended = unsafe waitpid(child, &status, 0)
    while ended == child, weir_exited(status) == 0, weir_signaled(status) == 0 {
      stepCount += 1
      if stepCount > 5_000_000 {
        killAndWait(child)
        Issue.record("the pipeline did not end in \(stepCount) instructions")
        return
      }
      // Safe: all three are as large.
      let isNew = unsafe memcmp(mapping.base, last.base, Relay.byteCount) != 0
      if isNew {
        worldCount += 1
        unsafe memcpy(last.base, mapping.base, Relay.byteCount)
        unsafe memcpy(copy.base, mapping.base, Relay.byteCount)
        bestHead = max(bestHead, try finish(copy.arena, total: total))
      }
      singleStep(child)
      ended = unsafe waitpid(child, &status, 0)
    }
    #expect(weir_exited(status) != 0 && weir_exit_status(status) == 0)
    #expect(bestHead == 4)
    #expect(worldCount > 30)
    print("\(stepCount) instructions, \(worldCount) different arenas")
  }

  /// What the neighbours and the successor make of an arena whose pipeline just died. Returns how
  /// many numbers the sink could see before the successor started.
  func finish(_ arena: Arena, total: UInt64) throws -> UInt64 {
    let relay = try Relay(attaching: arena)
    let visible = relay.output.head.load()
    // The input was given back only for what was committed, or else it could be overwritten.
    let committed = Committer(relay.cell).position(0)
    #expect(relay.input.tail.load() <= committed)
    #expect(visible <= committed)
    var sink = Consumer(relay.output)
    var received: UInt64 = 0
    for _ in 0..<visible {
      let output = sink.pop()
      #expect(output == Relay.expected(received))
      received += 1
    }
    // The successor runs until the output is full or all is done, as often as it takes.
    for _ in 0..<total {
      var stepsLeft = 200
      relay.runPipeline(
        total: total,
        isDead: {
          stepsLeft -= 1
          return stepsLeft == 0
        })
      while let output = sink.pop() {
        #expect(output == Relay.expected(received))
        received += 1
      }
    }
    #expect(received == total)
    return visible
  }
}

// ptrace(2) is variadic, which Swift does not import: it is looked up by its name. Its four
// arguments are passed as those of any other function by both architectures' conventions.
private typealias Trace =
  @convention(c) (Int, Int, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Int

private let trace: Trace? = {
  // Safe: the C library's function has this shape.
  guard let symbol = unsafe dlsym(nil, "ptrace") else { return nil }
  return unsafe unsafeBitCast(symbol, to: Trace.self)
}()

/// Some containers forbid tracing.
private let canTrace: Bool = {
  // Safe: only asks whether it was found.
  if unsafe trace == nil { return false }
  let child = weir_fork()
  if child == 0 { _exit(traceMe() ? 0 : 1) }
  var status: Int32 = 0
  // Safe: the status outlives the call.
  guard child > 0, unsafe waitpid(child, &status, 0) == child else { return false }
  return weir_exited(status) != 0 && weir_exit_status(status) == 0
}()

@discardableResult private func traceMe() -> Bool {
  // PTRACE_TRACEME uses no other argument.
  trace?(0, 0, nil, nil) == 0
}

private func singleStep(_ child: pid_t) {
  // PTRACE_SINGLESTEP of our own stopped child, with no signal.
  _ = trace?(9, Int(child), nil, nil)
}
