// The commit protocol as a model: every load and store of shared memory is a step of its own, in
// the order of Producer, Consumer and Committer. An explorer runs every interleaving of a source, a
// pipeline and a sink over tiny rings, with a death of any of them before every step.
//
// The source is a plain producer. The pipeline and the sink are tasks with a commit cell: the
// pipeline's state counts what it took, and goes out with each element; the sink's state counts
// what it received, so that seeing an element twice, never, or out of order, shows in it.

/// A change of the protocol that must be caught, or none.
enum Mutant: CaseIterable {
  case none
  /// The source publishes before it writes: what a relaxed store allows.
  case sourcePublishesFirst
  /// The commit comes before the elements and positions: what a relaxed store allows.
  case commitBeforeElements
  case commitBeforePositions
  case mirrorsBeforeCommit
  case mirrorsTailBeforeCommit
  case mirrorsHeadBeforeCommit
  case noMirrorAtStart
  case noCopyAtStart
  case noCatchUp
  /// Catching up copies before the commit, over the truth.
  case catchesUpBeforeCommit
}

/// Shared memory, registers and the number of deaths left: a byte each.
struct World: Hashable {
  private var words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0)

  subscript(index: Int) -> UInt8 {
    get {
      // Safe: the index is below 48 (`Place`), the size of the tuple.
      unsafe withUnsafeBytes(of: words) { unsafe $0[index] }
    }
    set {
      // Safe: as above.
      unsafe withUnsafeMutableBytes(of: &words) { unsafe $0[index] = newValue }
    }
  }

  static func == (a: World, b: World) -> Bool { a.words == b.words }

  func hash(into hasher: inout Hasher) {
    hasher.combine(words.0 ^ words.3 &* 0x9E37_79B9_7F4A_7C15)
    hasher.combine(words.1 ^ words.4 &* 0x94D0_49BB_1331_11EB)
    hasher.combine(words.2 ^ words.5 &* 0xBF58_476D_1CE4_E5B9)
  }
}

/// Where a ring or a cell lies in the world.
struct RingPlace {
  let head: Int
  var tail: Int { head + 1 }
  func slot(_ position: UInt8) -> Int { head + 2 + Int(position) % Model.capacity }
}

/// The number of commits, then two slots of `wordCount` words: positions and then the state.
struct CellPlace {
  let commits: Int
  let wordCount: Int
  func slot(_ index: UInt8, _ word: Int) -> Int {
    commits + 1 + Int(index & 1) * wordCount + word
  }
}

/// One step of a task with a cell.
enum Step {
  case loadCommits
  /// Brings a word of the spare slot up to date: at the start, and after a commit.
  case copy(Int)
  case mirror(Int)
  case attachInput
  case attachOutput
  /// Looks at the head of the input; goes on only when there is an element, or the batch has one.
  case lookAtInput
  /// Looks at the tail of the output; goes on only when there is room, or the batch has an element.
  case lookAtOutput
  case take
  case changeState
  case stage
  /// Takes another one, if the batch is not complete, or goes on to the commit.
  case another
  case setPosition(Int)
  case commit
  case again
}

struct Task {
  let name: String
  let cell: CellPlace
  let input: RingPlace
  let output: RingPlace?
  let steps: [Step]
  /// Its registers: step, commits, position, seen head, staged head, seen tail, element, count.
  let registers: Int
  let deathsLeft: Int
  /// Where the batch begins.
  let loop: Int

  init(
    name: String, cell: CellPlace, input: RingPlace, output: RingPlace?, registers: Int,
    deathsLeft: Int, mutant: Mutant
  ) {
    self.name = name
    self.cell = cell
    self.input = input
    self.output = output
    self.registers = registers
    self.deathsLeft = deathsLeft
    let positions = output == nil ? [0] : [0, 1]
    let copies = (0..<cell.wordCount).map { Step.copy($0) }
    let mirrors = positions.map { Step.mirror($0) }
    let sets = positions.map { Step.setPosition($0) }
    var start: [Step] = [.loadCommits]
    if mutant != .noCopyAtStart { start += copies }
    if mutant != .noMirrorAtStart { start += [mirrors[0]] }
    start += [.attachInput]
    if output != nil {
      if mutant != .noMirrorAtStart { start += [mirrors[1]] }
      start += [.attachOutput]
    }
    loop = start.count
    let stages: [Step] = output == nil ? [] : [.stage]
    let tail = [mirrors[0]]
    let head = Array(mirrors.dropFirst())
    var batch: [Step] = [.lookAtInput] + (output == nil ? [] : [.lookAtOutput])
    batch += [.take, .changeState]
    switch mutant {
    case .commitBeforeElements: batch += sets + [.commit] + stages + mirrors + copies
    case .commitBeforePositions: batch += stages + [.another, .commit] + sets + mirrors + copies
    case .mirrorsBeforeCommit: batch += stages + [.another] + sets + mirrors + [.commit] + copies
    case .mirrorsTailBeforeCommit:
      batch += stages + [.another] + sets + tail + [.commit] + head + copies
    case .mirrorsHeadBeforeCommit:
      batch += stages + [.another] + sets + head + [.commit] + tail + copies
    case .noCatchUp: batch += stages + [.another] + sets + [.commit] + mirrors
    case .catchesUpBeforeCommit: batch += stages + [.another] + sets + copies + [.commit] + mirrors
    case .none, .sourcePublishesFirst, .noMirrorAtStart, .noCopyAtStart:
      batch += stages + [.another] + sets + [.commit] + mirrors + copies
    }
    steps = start + batch + [.again]
  }
}

/// What must not be, in words.
struct Violation: Error {
  let text: String
}

struct Model {
  static let capacity = 2
  static let batchMax: UInt8 = 2

  let elementCount: UInt8
  let mutant: Mutant
  let input = RingPlace(head: 0)
  let output = RingPlace(head: 4)
  let pipeline: Task
  let sink: Task
  /// The source's registers: step and position; then its deaths left.
  let source = 37
  let sourceDeathsLeft = 39

  init(elementCount: UInt8, mutant: Mutant = .none) {
    self.elementCount = elementCount
    self.mutant = mutant
    pipeline = Task(
      name: "pipeline", cell: CellPlace(commits: 8, wordCount: 3), input: input, output: output,
      registers: 20, deathsLeft: 40, mutant: mutant)
    // The mutants are in the pipeline; the sink keeps to the protocol.
    sink = Task(
      name: "sink", cell: CellPlace(commits: 15, wordCount: 2), input: output, output: nil,
      registers: 29, deathsLeft: 41, mutant: .none)
  }

  func start(sourceDeaths: UInt8, pipelineDeaths: UInt8, sinkDeaths: UInt8) -> World {
    var world = World()
    world[sourceDeathsLeft] = sourceDeaths
    world[pipeline.deathsLeft] = pipelineDeaths
    world[sink.deathsLeft] = sinkDeaths
    return world
  }

  /// What the sink has committed as received.
  func receivedCount(_ world: World) -> UInt8 {
    world[sink.cell.slot(world[sink.cell.commits], 1)]
  }

  /// The world after the source's next step; nil if it can take none now.
  func stepSource(_ world: World) -> World? {
    var next = world
    let position = world[source + 1]
    let isWriting = mutant != .sourcePublishesFirst
    switch world[source] {
    case 0:
      // Starts, or goes on after a death, at the published head.
      next[source + 1] = world[input.head]
      next[source] = 1
    case 1:
      if position == elementCount { return nil }
      if position - world[input.tail] >= Model.capacity { return nil }
      next[source] = 2
    case 2, 3:
      if (world[source] == 2) == isWriting {
        next[input.slot(position)] = position + 1
      } else {
        next[input.head] = position + 1
      }
      next[source] += 1
    default:
      next[source + 1] = position + 1
      next[source] = 1
    }
    return next
  }

  /// The world after the task's next step; nil if it can take none now.
  func step(_ task: Task, _ world: World) throws(Violation) -> World? {
    var next = world
    let r = task.registers
    let commits = world[r + 1]
    func spare(_ word: Int) -> Int { task.cell.slot(commits &+ 1, word) }
    let stateWord = task.cell.wordCount - 1
    next[r] += 1
    switch task.steps[Int(world[r])] {
    case .loadCommits:
      next[r + 1] = world[task.cell.commits]
    case .copy(let word):
      next[spare(word)] = world[task.cell.slot(commits, word)]
    case .mirror(let index):
      let value = world[task.cell.slot(commits, index)]
      // Mutants mirror what is not committed yet; before the commit that is in the spare slot.
      let isEarly =
        task.steps[Int(world[r])...].contains { if case .commit = $0 { true } else { false } }
        && world[r] >= task.loop
      let word = index == 0 ? task.input.tail : (task.output ?? task.input).head
      next[word] = isEarly ? world[spare(index)] : value
    case .attachInput:
      next[r + 2] = world[task.input.tail]
    case .attachOutput:
      next[r + 4] = world[task.output?.head ?? 0]
    case .lookAtInput:
      next[r + 3] = world[task.input.head]
      if next[r + 3] == world[r + 2] {
        if world[r + 7] == 0 { return nil }
        next[r] = UInt8(afterAnother(task))
      }
    case .lookAtOutput:
      next[r + 5] = world[task.output?.tail ?? 0]
      if world[r + 4] &- next[r + 5] >= Model.capacity {
        if world[r + 7] == 0 { return nil }
        next[r] = UInt8(afterAnother(task))
      }
    case .take:
      let element = world[task.input.slot(world[r + 2])]
      let expected = task.output == nil ? (world[r + 2] + 1) * 17 : world[r + 2] + 1
      guard element == expected else {
        throw Violation(
          text: "\(task.name) found \(element) and not \(expected) at \(world[r + 2])")
      }
      next[r + 6] = element
      next[r + 2] += 1
      if task.output != nil { next[r + 4] += 1 }
      next[r + 7] += 1
    case .changeState:
      next[spare(stateWord)] = world[spare(stateWord)] + 1
      let element = task.output == nil ? world[r + 6] / 17 : world[r + 6]
      guard next[spare(stateWord)] == element else {
        throw Violation(
          text: "\(task.name) has counted \(next[spare(stateWord)]) with element \(element)")
      }
    case .stage:
      // The element in the upper half, the pipeline's count in the lower one.
      let slot = (task.output ?? task.input).slot(world[r + 4] - 1)
      next[slot] = world[r + 6] * 16 + world[spare(stateWord)]
    case .another:
      if world[r + 7] < Model.batchMax { next[r] = UInt8(task.loop) }
    case .setPosition(let index):
      // This mutant has committed already, and writes what it should have written before.
      let word =
        mutant == .commitBeforePositions && task.output != nil
        ? task.cell.slot(commits, index) : spare(index)
      next[word] = index == 0 ? world[r + 2] : world[r + 4]
    case .commit:
      next[task.cell.commits] = commits + 1
      next[r + 1] = commits + 1
    case .again:
      next[r] = UInt8(task.loop)
      for register in 3...7 where register != 4 { next[r + register] = 0 }
    }
    return next
  }

  /// The task dies: its registers are gone, shared memory stays.
  func kill(_ task: Task, _ world: World) -> World? {
    if world[task.deathsLeft] == 0 || world[task.registers] == 0 { return nil }
    var next = world
    next[task.deathsLeft] -= 1
    for register in 0..<8 { next[task.registers + register] = 0 }
    return next
  }

  func killSource(_ world: World) -> World? {
    if world[sourceDeathsLeft] == 0 || world[source] == 0 { return nil }
    var next = world
    next[sourceDeathsLeft] -= 1
    next[source] = 0
    next[source + 1] = 0
    return next
  }

  /// The step behind `another`: where a batch ends that can take nothing more.
  private func afterAnother(_ task: Task) -> Int {
    let index = task.steps.firstIndex { if case .another = $0 { true } else { false } }
    return (index ?? task.loop - 1) + 1
  }
}

/// Runs every interleaving. Throws what went wrong; returns how many worlds there are.
func explore(_ model: Model, from start: World) throws(Violation) -> Int {
  var known: Set<World> = [start]
  var open = [start]
  while let world = open.popLast() {
    var isStuck = true
    let steps = [
      model.stepSource(world), try model.step(model.pipeline, world),
      try model.step(model.sink, world),
    ]
    let deaths = [
      model.killSource(world), model.kill(model.pipeline, world), model.kill(model.sink, world),
    ]
    for case let next? in steps + deaths where known.insert(next).inserted { open.append(next) }
    for case .some in steps { isStuck = false }
    if isStuck, model.receivedCount(world) != model.elementCount {
      throw Violation(
        text: "all wait, and \(model.receivedCount(world)) of \(model.elementCount) arrived")
    }
  }
  return known.count
}
