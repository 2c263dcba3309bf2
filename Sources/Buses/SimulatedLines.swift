import Linux
import Sensors

/// A simulated chip: each driven line toggles with a rhythm of its own, with some jitter, as a
/// function of seed and time alone. Its queue holds 16 edges a line and drops the oldest, as the
/// kernel's does by default.
public struct SimulatedLines: LineChip, ~Copyable {
  static let queueCountMax: UInt64 = 16

  private var lines: [Line]
  private var events: [LineEvent]
  private var eventCount = 0

  private struct Line {
    let request: LineRequest
    let seed: UInt64
    /// Between two edges of the pin, ns; 0: never moves.
    let halfPeriod: Int64
    var fault: LineFault?
    var isHeld = false
    /// The next edge of the pin that is not read yet.
    var edge: Int64 = 0
    var lineSequence: UInt32 = 0
  }

  /// `hertz` has, for each line, its pulses per second; 0 for one that stays inactive.
  public init(seed: UInt64, lines: [LineRequest], hertz: [Double]) {
    precondition(lines.count == hertz.count)
    self.lines = []
    for index in lines.indices {
      let halfPeriod = hertz[index] > 0 ? Int64(500_000_000 / min(hertz[index], 100_000)) : 0
      self.lines.append(
        Line(
          request: lines[index], seed: mixed(seed &+ UInt64(lines[index].offset)),
          halfPeriod: halfPeriod))
    }
    events = Array(
      repeating: LineEvent(time: 0, lineSequence: 0, line: 0, isRising: false),
      count: lineEventCountMax)
  }

  /// Takes a line away, or with nil lets it be acquired again: for tests.
  public mutating func inject(_ fault: LineFault?, line: Int) {
    lines[line].fault = fault
    if fault != nil { lines[line].isHeld = false }
  }

  public mutating func acquire(now: Int64) {
    for index in lines.indices where !lines[index].isHeld && lines[index].fault == nil {
      lines[index].isHeld = true
      lines[index].lineSequence = 0
      lines[index].edge = Self.firstEdge(of: lines[index], after: now)
    }
  }

  public func fault(_ line: Int) -> LineFault? {
    lines[line].fault ?? (lines[line].isHeld ? nil : .chipAbsent)
  }

  public mutating func level(_ line: Int, now: Int64) throws(SystemError) -> Bool {
    let pin = lines[line]
    precondition(pin.isHeld)
    guard pin.halfPeriod > 0 else { return false }
    return Self.isActive(pin, afterEdge: Self.firstEdge(of: pin, after: now) - 1)
  }

  public mutating func readEvents(now: Int64) -> Int {
    eventCount = 0
    for index in lines.indices { dropOldest(index, now: now) }
    while eventCount < lineEventCountMax {
      guard let index = earliest(), wanted(lines[index]).time <= now else { break }
      let (edge, time) = wanted(lines[index])
      lines[index].edge = edge + 1
      lines[index].lineSequence &+= 1
      events[eventCount] = LineEvent(
        time: time, lineSequence: lines[index].lineSequence, line: UInt16(index),
        isRising: Self.isActive(lines[index], afterEdge: edge))
      eventCount += 1
    }
    return eventCount
  }

  public func event(_ index: Int) -> LineEvent {
    precondition(index >= 0 && index < eventCount)
    return events[index]
  }

  public func appendPollItems(to items: inout [PollItem]) {}

  public func nextEventTime() -> Int64 {
    guard let index = earliest() else { return .max }
    return wanted(lines[index]).time
  }

  /// The held line whose next wanted edge comes first.
  private func earliest() -> Int? {
    var found: Int?
    var time = Int64.max
    for index in lines.indices {
      let line = lines[index]
      guard line.isHeld, line.halfPeriod > 0, line.request.edges != .none else { continue }
      let next = wanted(line).time
      if next < time {
        time = next
        found = index
      }
    }
    return found
  }

  /// The next edge of the pin that the request wants: this one or the one after it.
  private func wanted(_ line: Line) -> (edge: Int64, time: Int64) {
    let isRising = Self.isActive(line, afterEdge: line.edge)
    let isWanted =
      switch line.request.edges {
      case .none, .both: true
      case .rising: isRising
      case .falling: !isRising
      }
    let edge = isWanted ? line.edge : line.edge + 1
    return (edge, Self.time(of: edge, line))
  }

  private mutating func dropOldest(_ index: Int, now: Int64) {
    let line = lines[index]
    guard line.isHeld, line.halfPeriod > 0, line.request.edges != .none else { return }
    let (first, _) = wanted(line)
    let step: Int64 = line.request.edges == .both ? 1 : 2
    let waiting = (Self.firstEdge(of: line, after: now) - first + step - 1) / step
    let over = waiting - Int64(Self.queueCountMax)
    if over > 0 {
      lines[index].edge = first + over * step
      lines[index].lineSequence &+= UInt32(truncatingIfNeeded: over)
    }
  }

  /// Edge k of a pin happens at k half periods, more or less a fifth of one.
  private static func time(of edge: Int64, _ line: Line) -> Int64 {
    let bits = mixed(line.seed ^ UInt64(bitPattern: edge))
    let jitter = Int64(bits % 401) - 200
    return edge * line.halfPeriod + line.halfPeriod / 1000 * jitter
  }

  private static func firstEdge(of line: Line, after now: Int64) -> Int64 {
    guard line.halfPeriod > 0 else { return 0 }
    // No edge is further than a fifth from its place, so it is one of three.
    var edge = now / line.halfPeriod - 1
    for _ in 0..<3 where time(of: edge, line) <= now { edge += 1 }
    return edge
  }

  /// The pin is high after its even edges; the request may turn that around.
  private static func isActive(_ line: Line, afterEdge edge: Int64) -> Bool {
    (edge & 1 == 0) != line.request.isActiveLow
  }
}
