import Linux
import Ring
import Supervision

/// Faults that are brought about on purpose, to see that the others do not suffer: fire drills.
///
/// `weir run --drill TASK:KIND[@SECONDS][!]`, or `weir.drill=` on the kernel's command line,
/// several of them separated by commas. A drill strikes once, in the task's first start, so many
/// seconds after the gateway's start (default 10); with `!` in every start of the task. On the
/// kernel's command line `;` stands between the drills of a card's first boot, its second, and so
/// on.
struct Drills {
  private var list: [Drill] = []
  private let startTime = Clock.boot()

  init() {}

  /// Reads the list; says what of it is no drill.
  init(_ text: String) throws(DrillProblem) {
    for part in text.utf8.split(separator: UInt8(ascii: ",")) {
      list.append(try Drill(String(decoding: part, as: UTF8.self)))
    }
  }

  var isEmpty: Bool { list.isEmpty }

  /// Whether another process is to have the watchdog.
  var keepsWatchdogBusy: Bool { list.contains { $0.kind == .busy } }

  /// Those that the supervisor itself carries out.
  var ofSupervisor: [SupervisorDrill] {
    list.compactMap { drill in
      drill.kind.isOfSupervisor || drill.task == Drill.supervisorTitle
        ? SupervisorDrill(drill, time: startTime + drill.seconds * 1_000_000_000) : nil
    }
  }

  /// The declaration, with the drills of that task built in. `journal` is the path of the journal.
  func armed(
    _ declaration: TaskDeclaration, _ arena: borrowing GatewayArena, journal: String
  ) -> TaskDeclaration {
    guard case .task(let body) = declaration.body else { return declaration }
    let title = declaration.title
    let drills = list.filter { $0.task == title && !$0.kind.isOfSupervisor }
    guard !drills.isEmpty else { return declaration }
    let rings = arena.rings(of: title)
    let stranger = title == "pipeline" ? arena.uplinkSlot : arena.pipelineSlot
    let start = startTime
    var declaration = declaration
    declaration.body = .task { given in
      // Safe: the child has one thread, and its body begins here.
      unsafe Self.current = drills.filter { $0.isEveryStart || given.generation == 1 }.map {
        ArmedDrill(
          kind: $0.kind, time: start + $0.seconds * 1_000_000_000, rings: rings,
          stranger: stranger, journal: journal)
      }
      body(given)
    }
    return declaration
  }

  /// The drills of this process. Set once, before the task's body.
  nonisolated(unsafe) private static var current: [ArmedDrill] = []

  /// Called by every task at the begin of each turn of its loop.
  static func turn() {
    // Safe: one thread.
    guard unsafe !current.isEmpty else { return }
    let now = Clock.boot()
    for index in unsafe current.indices {
      guard unsafe current[index].time <= now else { continue }
      let drill = unsafe current.remove(at: index)
      drill.strike()
      return
    }
  }
}

/// What of a drill was not understood.
enum DrillProblem: Error {
  case message(String)
}

/// One drill as it was asked for.
struct Drill {
  static let supervisorTitle = "supervisor"
  static let secondsDefault: Int64 = 10

  var task: String
  var kind: DrillKind
  var seconds = secondsDefault
  var isEveryStart = false

  /// Reads `TASK:KIND[@SECONDS][!]`.
  init(_ text: String) throws(DrillProblem) {
    var bytes = Array(text.utf8)
    if bytes.last == UInt8(ascii: "!") {
      isEveryStart = true
      bytes.removeLast()
    }
    guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")), colon > 0 else {
      throw .message("'\(text)' is no drill; expected TASK:KIND, such as pipeline:trap@20")
    }
    task = String(decoding: bytes[..<colon], as: UTF8.self)
    var name = bytes[(colon + 1)...]
    if let at = name.firstIndex(of: UInt8(ascii: "@")) {
      guard let number = decimalNumber(Array(name[(at + 1)...]), digitCountMax: 5) else {
        throw .message("'\(text)' has no seconds behind '@'; expected 0 to 99999")
      }
      seconds = Int64(number)
      name = name[..<at]
    }
    guard let kind = DrillKind(String(decoding: name, as: UTF8.self)) else {
      throw .message(
        "'\(text)' names no kind of drill; expected one of \(DrillKind.names)")
    }
    self.kind = kind
  }
}

/// A drill in the process of its task.
struct ArmedDrill {
  let kind: DrillKind
  let time: Int64
  let rings: DrillRings
  /// The slot of another task.
  let stranger: TaskSlot?
  let journal: String
}

/// What of the arena a drill damages: the task's own ends of its rings.
struct DrillRings: Sendable {
  var readingsOut: Ring<Reading>?
  var readingsIn: [Ring<Reading>] = []
  var eventsOut: Ring<Event>?
  var eventsIn: Ring<Event>?
}

extension GatewayArena {
  /// The rings of the task with that title.
  func rings(of title: String) -> DrillRings {
    if title == "pipeline" { return DrillRings(readingsIn: senseRings, eventsOut: events) }
    if title == "uplink" { return DrillRings(eventsIn: events) }
    for (index, name) in senseTitles.enumerated() where name == title {
      return DrillRings(readingsOut: senseRings[index])
    }
    return DrillRings()
  }
}
