import CLinux

/// Rights of the superuser that the kernel gives one by one (capabilities(7)).
public struct Capabilities: OptionSet, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// To give files to other users.
  public static var changeOwner: Capabilities { Capabilities(rawValue: 1 << 0) }
  /// To read every file, whoever owns it.
  public static var readEverything: Capabilities { Capabilities(rawValue: 1 << 2) }
  public static var networkBindService: Capabilities { Capabilities(rawValue: 1 << 10) }
  public static var networkAdministration: Capabilities { Capabilities(rawValue: 1 << 12) }
  public static var networkRaw: Capabilities { Capabilities(rawValue: 1 << 13) }
  /// To look into every process: here into what it has open.
  public static var inspectProcesses: Capabilities { Capabilities(rawValue: 1 << 19) }
  /// To exceed limits, and to grow a mounted file system.
  public static var systemResource: Capabilities { Capabilities(rawValue: 1 << 24) }
  public static var setTime: Capabilities { Capabilities(rawValue: 1 << 25) }
}

/// A bound that the kernel sets a process (getrlimit(2)).
public struct ResourceLimit: Equatable, Sendable {
  public enum Kind: Equatable, Sendable {
    /// Bytes of memory that the process can write and shares with nobody.
    case data
    /// Open descriptors.
    case descriptors
    /// Processes of the same user, when this one forks; root has no such limit.
    case processes
    /// Bytes of a core dump.
    case core
    /// The highest real-time priority that the process may ask for.
    case realtimePriority
  }

  public let kind: Kind
  public let value: UInt64

  public init(_ kind: Kind, _ value: UInt64) {
    self.kind = kind
    self.value = value
  }

  /// Sets the limit for this process, for good. EPERM when it had a lower one.
  public func apply() throws(SystemError) {
    let resource =
      switch kind {
      case .data: weir_limit_data()
      case .descriptors: weir_limit_descriptors()
      case .processes: weir_limit_processes()
      case .core: weir_limit_core()
      case .realtimePriority: weir_limit_priority()
      }
    guard weir_limit(resource, value) == 0 else { throw .last("setrlimit") }
  }
}

/// What this process gives up of itself. Nothing of it can be taken back.
public enum Privileges {
  /// Whether this process is the superuser's.
  public static var isRoot: Bool { geteuid() == 0 }

  /// Closes every descriptor but the standard ones and these.
  public static func closeDescriptors(except kept: [Int32]) {
    let sorted = kept.filter { $0 > 2 }.sorted()
    // Safe: the pointer is used only during the call, and the count is given.
    unsafe sorted.withUnsafeBufferPointer {
      unsafe weir_close_others($0.baseAddress, Int32($0.count))
    }
  }

  /// No program that this process runs gives it rights, whatever its file says (prctl(2)).
  public static func forbidNew() throws(SystemError) {
    guard weir_no_new_privileges() == 0 else { throw .last("prctl") }
  }

  /// Takes from the process, and all that it will ever run, the way to other capabilities.
  public static func bound(_ kept: Capabilities) throws(SystemError) {
    guard weir_bound_capabilities(kept.rawValue) == 0 else { throw .last("prctl") }
  }

  /// Becomes that user, and the group of the same number, in no other group. Its capabilities stay
  /// within reach until `keep`. A signal for the parent's death must be asked for anew.
  public static func become(user: UInt32) throws(SystemError) {
    guard weir_become_user(user) == 0 else { throw .last("setresuid") }
  }

  /// Keeps only those of its capabilities.
  public static func keep(_ kept: Capabilities) throws(SystemError) {
    guard weir_keep_capabilities(kept.rawValue) == 0 else { throw .last("capset") }
  }

  /// Whether the file is there, and this process's user may not read it without a capability
  /// (access(2), which leaves them out for every user but root).
  public static func isClosed(_ path: String) -> Bool {
    // Safe: the pointer is used only during the call.
    let isReadable = unsafe path.withCString { unsafe access($0, R_OK) } == 0
    return !isReadable && weir_errno() == EACCES
  }
}

extension Privileges {
  /// Of the calls that a `CallProgram` traps, the ones that are only refused: at most 256. Before
  /// the fork.
  public static func setRefusedCalls(_ numbers: [Int32]) {
    precondition(numbers.count <= 256)
    // Safe: the pointer is used only during the call, and the count is given.
    unsafe numbers.withUnsafeBufferPointer {
      unsafe weir_set_refused_calls($0.baseAddress, Int32($0.count))
    }
  }

  /// From here on each trapped call is counted in the first of two words, and its number plus one
  /// stands in the second; nil for nowhere. Then it is refused, or ends the process.
  public static func watchRefusals(_ words: UnsafeMutablePointer<UInt64>?) throws(SystemError) {
    // Safe: the words lie in the arena, which outlives the process.
    let result = unsafe weir_watch_refusals(words, words.map { unsafe $0 + 1 })
    guard result == 0 else { throw .last("sigaction") }
  }
}

/// A program for the kernel that says which system calls a process may make (seccomp(2)).
public struct CallProgram: Sendable {
  /// What the kernel takes (BPF_MAXINSNS).
  static let instructionCountMax = 4096
  /// Instructions of classic BPF, 8 bytes each.
  private let instructions: [UInt64]

  public init(instructions: [UInt64]) {
    precondition(!instructions.isEmpty && instructions.count <= Self.instructionCountMax)
    self.instructions = instructions
  }

  /// Takes what `write` writes to the descriptor that it is given.
  public init(
    _ write: (_ descriptor: Int32) throws(SystemError) -> Void
  ) throws(SystemError) {
    let number = weir_filter_file()
    guard number >= 0 else { throw .last("memfd_create") }
    let file = FileDescriptor(owning: number)
    try write(file.number)
    var words = [UInt64](repeating: 0, count: Self.instructionCountMax)
    // Safe: the buffer outlives the call and its size is given.
    let count = unsafe words.withUnsafeMutableBytes {
      unsafe pread(number, $0.baseAddress, $0.count, 0)
    }
    guard count > 0 else { throw .last("pread") }
    // A copy of its own size: it is kept, and every task inherits it.
    self.init(instructions: Array(words[..<(count / 8)]))
  }

  /// Puts this process under it, for good. It needs `Privileges.forbidNew` before.
  public func apply() throws(SystemError) {
    // Safe: the pointer is used only during the call, and the size is given.
    let result = unsafe instructions.withUnsafeBytes {
      unsafe weir_filter_install($0.baseAddress, $0.count)
    }
    guard result == 0 else { throw .last("prctl") }
  }
}
