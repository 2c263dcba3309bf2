import CLinux

/// A process of this system, by its number.
public struct ProcessID: Equatable, Sendable {
  public let number: Int32
  public init(_ number: Int32) { self.number = number }

  public static var current: ProcessID { ProcessID(getpid()) }
  public static var parent: ProcessID { ProcessID(getppid()) }
}

/// How a child ended (waitpid(2)).
public enum ProcessEnd: Sendable {
  case exited(status: Int32)
  case killed(signal: Int32)
}

/// What fork returned.
public enum ForkResult: Sendable {
  case child
  case parent(ProcessID)
}

/// Forks this process. The child has one thread, as its parent must have.
public func forkProcess() throws(SystemError) -> ForkResult {
  let number = weir_fork()
  guard number >= 0 else { throw .last("fork") }
  return number == 0 ? .child : .parent(ProcessID(number))
}

/// Sends a signal. A process that is gone already is no error.
public func sendSignal(_ signal: Int32, to process: ProcessID) throws(SystemError) {
  precondition(process.number > 0)
  if kill(process.number, signal) != 0, weir_errno() != ESRCH { throw .last("kill") }
}

/// Sends this process a signal (raise(3)): what also a task may do that may signal nobody else.
public func raiseSignal(_ signal: Int32) { _ = raise(signal) }

/// Takes one ended child, if there is any, without waiting.
public func reapChild() -> (process: ProcessID, end: ProcessEnd)? {
  var status: Int32 = 0
  // Safe: the kernel writes one integer, which outlives the call.
  let number = unsafe waitpid(-1, &status, WNOHANG)
  guard number > 0 else { return nil }
  if weir_exited(status) != 0 {
    return (ProcessID(number), .exited(status: weir_exit_status(status)))
  }
  return (ProcessID(number), .killed(signal: weir_term_signal(status)))
}

/// Ends this process at once, without flushing or destroying anything.
public func exitProcess(_ status: Int32) -> Never { _exit(status) }

/// What each child does first: signals as a new process has them, a name for `ps` of at most 15
/// bytes, death together with its parent, and a process group of its own, so that Ctrl-C on a
/// terminal reaches only the parent, which stops its children in order.
public func becomeChild(named name: String, parent: ProcessID) {
  guard weir_signal_reset() == 0 else { exitProcess(70) }
  // Safe: the pointer is used only during the call.
  _ = unsafe name.withCString { unsafe weir_process_name($0) }
  _ = setpgid(0, 0)
  followInDeath(parent)
}

/// This process ends when its parent does: also when it changes its user, which makes the kernel
/// forget that.
public func followInDeath(_ parent: ProcessID) {
  _ = weir_parent_death_signal(SIGKILL)
  // The parent may have died before the line above: then nobody would ever send the signal.
  if ProcessID.parent != parent { exitProcess(70) }
}

/// Replaces this process by another program. Returns only when that failed.
public func execute(_ path: String, _ arguments: [String]) -> SystemError {
  // The strings must stay in memory during the call, so they are copied into one block.
  var block: [UInt8] = []
  var starts: [Int] = []
  for argument in arguments {
    starts.append(block.count)
    block.append(contentsOf: argument.utf8)
    block.append(0)
  }
  // Safe: every pointer lies inside the block, which outlives the call, and each string ends in 0.
  unsafe block.withUnsafeBufferPointer { bytes in
    var pointers: [UnsafePointer<CChar>?] = unsafe []
    for start in starts {
      unsafe pointers.append(
        UnsafeRawPointer(bytes.baseAddress.unsafelyUnwrapped + start)
          .assumingMemoryBound(to: CChar.self))
    }
    let count = Int32(starts.count)
    unsafe pointers.withUnsafeBufferPointer { list in
      unsafe path.withCString { _ = unsafe weir_exec($0, list.baseAddress, count) }
    }
  }
  return .last("execve")
}

/// Signals taken from a descriptor instead of in handlers (signalfd(2)).
public struct SignalReader: ~Copyable {
  public let descriptor: FileDescriptor

  /// Blocks these signals for this process and its children; a child undoes it by `becomeChild`.
  public init(_ signals: [Int32]) throws(SystemError) {
    var set: UInt64 = 0
    for signal in signals {
      precondition(signal >= 1 && signal <= 64)
      set |= 1 << UInt64(signal - 1)
    }
    let number = weir_signal_descriptor(set)
    guard number >= 0 else { throw .last("signalfd") }
    descriptor = FileDescriptor(owning: number)
  }

  /// The next signal that is waiting, or nil.
  public func take() -> Int32? {
    let number = weir_signal_take(descriptor.number)
    return number == 0 ? nil : number
  }
}

/// The signals that Weir knows by name.
public enum Signal {
  public static var child: Int32 { SIGCHLD }
  public static var terminate: Int32 { SIGTERM }
  public static var interrupt: Int32 { SIGINT }
  public static var kill: Int32 { SIGKILL }
  public static var quit: Int32 { SIGQUIT }
  public static var stop: Int32 { SIGSTOP }
  public static var hangUp: Int32 { SIGHUP }
  public static var user1: Int32 { SIGUSR1 }
  public static var user2: Int32 { SIGUSR2 }
  public static var segmentation: Int32 { SIGSEGV }
  public static var bus: Int32 { SIGBUS }
  public static var badSystemCall: Int32 { SIGSYS }

  /// A name such as SIGKILL, or the number.
  public static func name(_ number: Int32) -> String {
    switch number {
    case SIGHUP: "SIGHUP"
    case SIGINT: "SIGINT"
    case SIGQUIT: "SIGQUIT"
    case SIGQUIT: "SIGQUIT"
    case SIGILL: "SIGILL"
    case SIGTRAP: "SIGTRAP"
    case SIGABRT: "SIGABRT"
    case SIGBUS: "SIGBUS"
    case SIGFPE: "SIGFPE"
    case SIGKILL: "SIGKILL"
    case SIGSEGV: "SIGSEGV"
    case SIGPIPE: "SIGPIPE"
    case SIGTERM: "SIGTERM"
    case SIGSYS: "SIGSYS"
    case SIGSTOP: "SIGSTOP"
    case SIGXCPU: "SIGXCPU"
    case SIGXFSZ: "SIGXFSZ"
    default: "signal \(number)"
    }
  }
}
