import Buses
import Configuration
import Linux
import Ring
import Sensors

/// The sense task of one GPIO chip: takes edges as they come and samples on deadlines.
struct LineTask<Chip: LineChip & ~Copyable>: ~Copyable {
  /// So many times up to 64 edges are read before deadlines and the commit get their turn.
  static var batchCountMax: Int { 16 }
  /// So many deadlines of one line are worked off in one round.
  static var deadlineCountMax: Int { 64 }

  private var desk: SenseDesk
  private var chip: Chip
  private let lines: [LineSettings]
  private var sources: [LineSource] = []
  private var isAttached: [Bool]
  private var backoff = SenseBackoff()

  init(_ context: SenseContext, _ lines: [LineSettings], _ chip: consuming Chip) {
    desk = SenseDesk(context)
    self.chip = chip
    self.lines = lines
    isAttached = Array(repeating: false, count: lines.count)
    let hasHistory = desk.ledger.startTime != nil
    // Before the time of the start is set, so that a counter's first interval is watched as a
    // whole.
    self.chip.acquire(now: Clock.boot())
    let start = desk.startTime()
    for line in lines {
      // The first interval of a counter begins at the start.
      let first = line.mode == .counter ? start + line.period : start
      sources.append(
        LineSource(
          mode: LineReading(line.mode), filter: EdgeFilter(line.edge),
          schedule: SenseSchedule(first: first, period: max(line.period, 1)),
          channel: line.channel, hasHistory: hasHistory))
    }
    compareStates(now: hasHistory ? Clock.boot() : start)
    desk.commit()
    desk.settle()
  }

  /// One round over edges and deadlines, and a sleep.
  mutating func turn() {
    Drills.turn()
    let slot = desk.context.slot
    let start = Clock.boot()
    slot.beat(step: SenseStep.maintaining, now: start, within: desk.deadline)
    if isAttached.contains(false), backoff.holds(at: start) == nil {
      chip.acquire(now: start)
    }
    compareStates(now: start)
    desk.ledger.flushOverflow(now: start)
    slot.beat(step: SenseStep.reading, now: Clock.boot(), within: desk.deadline)
    // Taken before the edges are: an edge before it belongs to the interval that it closes.
    let now = Clock.boot()
    let isDrained = takeEdges(now: now)
    if isDrained {
      for index in sources.indices { step(index, now: now) }
    }
    desk.commit()
    guard isDrained else { return }
    var wake = chip.nextEventTime()
    if isAttached.contains(false) { wake = min(wake, backoff.retryTime) }
    for index in sources.indices {
      wake = min(wake, sources[index].wakeTime(next: desk.ledger.next(lines[index].channel)))
    }
    desk.sleep(until: wake, or: chip)
  }

  /// Takes the edges that happened until `now`. False when there may be more.
  private mutating func takeEdges(now: Int64) -> Bool {
    for _ in 0..<Self.batchCountMax {
      let count = chip.readEvents(now: now)
      if count == 0 { return true }
      for position in 0..<count {
        let event = chip.event(position)
        let index = Int(event.line)
        guard isAttached[index] else { continue }
        // An edge after a deadline belongs to the next interval.
        if lines[index].mode == .counter { step(index, now: event.time) }
        var output = SenseOutput()
        var next = desk.ledger.next(lines[index].channel)
        _ = sources[index].take(event, next: &next, output: &output)
        record(index, output, next)
      }
    }
    return false
  }

  private mutating func step(_ index: Int, now: Int64) {
    for _ in 0..<Self.deadlineCountMax {
      var next = desk.ledger.next(lines[index].channel)
      guard sources[index].wakeTime(next: next) <= now else { return }
      var level: Bool?
      if sources[index].wantsLevel(now: now, next: next) {
        do throws(SystemError) {
          level = try chip.level(index, now: now)
        } catch {
          desk.context.slot.add(1, to: .busErrors)
        }
      }
      var output = SenseOutput()
      sources[index].step(
        now: now, level: level, next: &next, stride: desk.stride(lines[index].priority),
        output: &output)
      record(index, output, next)
    }
  }

  private mutating func record(_ index: Int, _ output: SenseOutput, _ next: UInt64) {
    desk.ledger.record(output)
    desk.ledger.setNext(lines[index].channel, to: next)
  }

  /// Tells the sources which lines were won and lost, and the log, once for each change.
  private mutating func compareStates(now: Int64) {
    var isComplete = true
    for index in sources.indices {
      var output = SenseOutput()
      var next = desk.ledger.next(lines[index].channel)
      if let fault = chip.fault(index) {
        isComplete = false
        isAttached[index] = false
        let news = sources[index].detach(
          fault.quality, now: now, next: &next, output: &output)
        if news != .nothing { Log.warning(lineFaultText(lines[index], fault)) }
      } else if !isAttached[index] {
        isAttached[index] = true
        let news = sources[index].attach(now: now, next: &next, output: &output)
        if news == .recovered { Log.notice("line \(lines[index].name) is read again") }
      } else {
        continue
      }
      record(index, output, next)
    }
    let lost = isAttached.count { !$0 }
    desk.context.slot.condition =
      lost > 0 ? Condition(.sensorsFailing, number: UInt32(lost)) : .fine
    if isComplete {
      _ = backoff.succeed()
    } else if backoff.holds(at: now) == nil {
      _ = backoff.fail(.absent, now: now)
    }
  }
}

/// What is wrong with a line and what to do, in one line.
func lineFaultText(_ line: LineSettings, _ fault: LineFault) -> String {
  let place = "line \(line.name) (\(line.offset) of \(line.chip))"
  switch fault {
  case .chipAbsent:
    return "\(place): the chip is not there; check the board and that its module is loaded"
  case .lineAbsent(let count):
    return "\(place): the chip has only \(count) lines; check the board"
  case .busy(let consumer):
    return "\(place): in use by \(consumer); free it or choose another line"
  case .refused(let number):
    return "\(place): the kernel refuses it (\(number.text)); check edge, pull and debounce"
  }
}

extension LineReading {
  init(_ mode: LineMode) {
    switch mode {
    case .level: self = .level
    case .edges: self = .edges
    case .counter: self = .counter
    }
  }
}

extension EdgeFilter {
  init(_ edge: LineEdge) {
    switch edge {
    case .rising: self = .rising
    case .falling: self = .falling
    case .both: self = .both
    }
  }
}

extension LineRequest {
  /// What the kernel is asked for: both edges where edges are used (see `LineSource`).
  init(_ line: LineSettings) {
    let edges: LineEdges =
      switch line.mode {
      case .level: .none
      case .edges, .counter: .both
      }
    let bias: LineBias =
      switch line.pull {
      case .asIs: .asIs
      case .none: .none
      case .up: .up
      case .down: .down
      }
    self.init(
      offset: line.offset, edges: edges, bias: bias, isActiveLow: line.activeLow,
      debounceMicroseconds: line.debounceMicroseconds)
  }
}
