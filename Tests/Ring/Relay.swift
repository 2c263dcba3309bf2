import CLinux
import Glibc
import Linux
import Ring

@testable import Ring

/// A source, a pipeline and a sink in shared memory, for the tests that let them die.
///
/// The source sends the numbers from 0 on. The pipeline's state counts and sums what it took, and
/// goes out with each number, so that whatever it takes twice or never shows.
struct Relay {
  struct Output: BitwiseCopyable, Equatable {
    var number: UInt64
    var count: UInt64
    var sum: UInt64
  }

  static let inputCapacity = 8
  static let outputCapacity = 4
  static let batchMax = 3
  /// The sum lies on another granule than the count.
  static let stateByteCount = 256
  static let sumOffset = 200

  let input: Ring<UInt64>
  let output: Ring<Output>
  let cell: CommitCell

  private static func plan() -> (ArenaPlan, [ArenaRegion]) {
    var plan = ArenaPlan()
    let regions = [
      plan.reserve(byteCount: Ring<UInt64>.byteCount(capacity: inputCapacity)),
      plan.reserve(byteCount: Ring<Output>.byteCount(capacity: outputCapacity)),
      plan.reserve(
        byteCount: CommitCell.byteCount(positionCount: 2, stateByteCount: stateByteCount)),
    ]
    return (plan, regions)
  }

  static var byteCount: Int { plan().0.byteCount }

  init(formatting arena: Arena) {
    let regions = Self.plan().1
    input = .format(arena[regions[0]], capacity: Self.inputCapacity)
    output = .format(arena[regions[1]], capacity: Self.outputCapacity)
    cell = .format(arena[regions[2]], positionCount: 2, stateByteCount: Self.stateByteCount)
  }

  init(attaching arena: Arena) throws {
    let regions = Self.plan().1
    input = try Ring(attaching: arena[regions[0]])
    output = try Ring(attaching: arena[regions[1]])
    cell = try CommitCell(attaching: arena[regions[2]])
  }

  /// What the pipeline has to make of a number.
  static func expected(_ number: UInt64) -> Output {
    Output(number: number, count: number + 1, sum: number * (number + 1) / 2)
  }

  /// The pipeline, from its (re)start until it has taken `total` numbers, or until `isDead` says
  /// so; asked before each step that changes the arena.
  func runPipeline(total: UInt64, isDead: () -> Bool = { false }, idle: () -> Void = {}) {
    var committer = Committer(cell)
    var consumer = committer.consumer(of: input, position: 0)
    var producer = committer.producer(of: output, position: 1)
    while consumer.position < total {
      var count = 0
      while count < Self.batchMax, producer.freeCount() > 0, let number = consumer.next() {
        precondition(input.touchAfterNext(consumer.position - 1) == number)
        if isDead() { return }
        committer.store(committer.load(UInt64.self, at: 0) + 1, at: 0)
        if isDead() { return }
        let sum = committer.load(UInt64.self, at: Self.sumOffset) + number
        committer.store(sum, at: Self.sumOffset)
        if isDead() { return }
        let output = Output(
          number: number, count: committer.load(UInt64.self, at: 0), sum: sum)
        self.output.touchBeforeStaging(producer.stagedHead)
        let isStaged = producer.stage(output)
        precondition(isStaged)
        count += 1
      }
      if count == 0 {
        if isDead() { return }
        idle()
        continue
      }
      if isDead() { return }
      committer.setPosition(0, to: consumer.position)
      if isDead() { return }
      committer.setPosition(1, to: producer.stagedHead)
      if isDead() { return }
      committer.commit()
    }
  }

  /// The source, from its (re)start until it has sent `total` numbers.
  func runSource(total: UInt64, idle: () -> Void) {
    var producer = Producer(input)
    while producer.stagedHead < total {
      if !producer.push(producer.stagedHead) { idle() }
    }
  }
}

/// A thread that runs `body` once. Joined exactly once.
struct TestThread {
  private let handle: pthread_t

  init(_ body: @escaping @Sendable () -> Void) {
    var handle = pthread_t()
    let box = unsafe Unmanaged.passRetained(Box(body))
    // Safe: the box is retained until the thread has taken it.
    let result = unsafe pthread_create(
      &handle, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        unsafe Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, unsafe box.toOpaque())
    precondition(result == 0)
    self.handle = handle
  }

  func join() {
    let result = pthread_join(handle, nil)
    precondition(result == 0)
  }

  private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}
