import Linux
import Ring

/// What a drill does.
enum DrillKind: CaseIterable {
  /// Fails a check of Swift's.
  case trap
  /// Writes to address 16.
  case segfault
  /// Ends with status 3.
  case exit
  /// Computes for ever.
  case spin
  /// Waits for ever for what nobody will say.
  case deadlock
  /// Stops itself (SIGSTOP), so that it can't answer signals.
  case stop
  /// Takes memory until there is none.
  case memory
  /// Opens files until it may open no more, and goes on.
  case descriptors
  /// Writes nonsense into its ends of its rings, and traps.
  case ring
  /// Tries to get out of its sandbox, says what came of each try, and goes on.
  case escape
  /// Writes where another task's part of the arena lies.
  case trespass
  /// By the journal: its file can no longer be written, as on a card that has worn out.
  case medium
  /// By the supervisor: freezes the task so that not even SIGKILL ends it (cgroup v1 freezer).
  case freeze
  /// By the supervisor: sets the clock ten years forward, and 5 s later twenty years back.
  case clock
  /// By the supervisor: makes the kernel panic (sysrq, proc(5)).
  case panic
  /// By the supervisor: asks it for a restart of the system, or to switch it off, as `reboot` and
  /// `poweroff` do.
  case restart
  case off
  /// By PID 1, before it opens the watchdog: another process has it already, and feeds it.
  case busy

  static var names: String {
    var text = ""
    for kind in allCases { text += (text.isEmpty ? "" : ", ") + kind.name }
    return text
  }

  init?(_ name: String) {
    for kind in Self.allCases where kind.name == name {
      self = kind
      return
    }
    return nil
  }

  var name: String {
    switch self {
    case .trap: "trap"
    case .segfault: "segfault"
    case .exit: "exit"
    case .spin: "spin"
    case .deadlock: "deadlock"
    case .stop: "stop"
    case .memory: "memory"
    case .descriptors: "descriptors"
    case .ring: "ring"
    case .escape: "escape"
    case .trespass: "trespass"
    case .medium: "medium"
    case .freeze: "freeze"
    case .clock: "clock"
    case .panic: "panic"
    case .restart: "restart"
    case .off: "off"
    case .busy: "busy"
    }
  }

  /// Whether the supervisor carries it out, whatever the task.
  var isOfSupervisor: Bool {
    switch self {
    case .freeze, .clock, .panic, .restart, .off, .busy: true
    case .trap, .segfault, .exit, .spin, .deadlock, .stop, .memory, .descriptors, .ring, .escape,
      .trespass, .medium:
      false
    }
  }
}

extension ArmedDrill {
  /// How much memory a drill takes at the most: more than any gateway has.
  private static let memoryByteCountMax = 64 << 30
  private static let descriptorCountMax = 100_000

  func strike() {
    Log.warning("drill: \(kind.name)")
    switch kind {
    case .trap: trapForDrill()
    case .segfault:
      // Deliberately wrong: nothing is mapped there.
      unsafe UnsafeMutablePointer<UInt64>(bitPattern: 16)?.pointee = 1
    case .exit: exitProcess(3)
    case .spin: spinForDrill()
    case .deadlock: while true { Futex.pause(nanoseconds: 3_600_000_000_000) }
    case .stop: stopForDrill()
    case .memory: takeMemory()
    case .descriptors: takeDescriptors()
    case .ring:
      damageRings()
      trapForDrill()
    case .escape: tryToEscape(journal: journal)
    case .trespass: stranger?.progress = 0
    case .medium:
      if !spoilFile(journal) { Log.warning("drill: this task does not write the journal") }
    case .freeze, .clock, .panic, .restart, .off, .busy: break
    }
  }

  private func takeMemory() {
    var taken = 0
    let step = 1 << 20
    while taken < Self.memoryByteCountMax {
      // Never freed: that is the drill.
      let block = UnsafeMutableRawPointer.allocate(byteCount: step, alignment: 16)
      unsafe block.initializeMemory(as: UInt8.self, repeating: 1, count: step)
      taken += step
    }
  }

  private func takeDescriptors() {
    for _ in 0..<Self.descriptorCountMax {
      do {
        // A task may open no file; it may have this.
        _ = try EventCounter().release()
      } catch {
        Log.warning("drill: no more descriptors: \(error.text)")
        return
      }
    }
  }

  private func damageRings() {
    rings.readingsOut?.damageHead()
    for ring in rings.readingsIn { ring.damageTail() }
    rings.eventsOut?.damageHead()
    rings.eventsIn?.damageTail()
  }
}

/// Where a crash record of the drill `trap` points to.
@inline(never)
func trapForDrill() {
  preconditionFailure("a drill")
}

/// Where a stall record of the drill `spin` points to.
@inline(never)
func spinForDrill() {
  var count: UInt64 = 0
  while true {
    count &+= 1
    // The clock is asked so that the loop is not empty.
    if Clock.boot() < 0 { Log.warning("drill: \(count)") }
  }
}

/// SIGSTOP, which the kernel keeps from PID 1.
func stopForDrill() { raiseSignal(Linux.Signal.stop) }

func signalForDrill(_ number: Int32) {
  do {
    try sendSignal(number, to: .current)
  } catch {
    Log.error("drill: kill: \(error.text)")
  }
}
