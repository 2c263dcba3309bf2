import CLinux

/// What leaves a record of this process's death in shared memory.
public enum CrashHandler {
  /// From here on a signal that ends this process because of a fault (SIGSEGV, SIGBUS, SIGILL,
  /// SIGTRAP, SIGFPE, SIGABRT, SIGSYS), or SIGQUIT, leaves a record at `record`, in the layout of
  /// `CrashRecord` (module Ring), with a copy of the word at `step`; then the process ends by that
  /// signal. It writes no core file. Called once, in a process with one thread.
  ///
  /// What the process may call afterwards must include rt_sigreturn, clock_gettime, getpid, gettid
  /// and tgkill.
  @unsafe public static func install(
    record: UnsafeMutableRawPointer, step: UnsafeRawPointer?, generation: UInt32
  ) throws(SystemError) {
    // Safe: the caller says that both live as long as the process; words have no invalid pattern.
    let result = unsafe weir_crash_install(
      record.assumingMemoryBound(to: UInt64.self),
      step?.assumingMemoryBound(to: UInt64.self), UInt64(generation), nil)
    guard result == 0 else { throw .last("sigaction") }
  }
}

extension Signal {
  /// Why the signal ends a process, in words.
  public static func reason(_ number: Int32) -> StaticString {
    switch number {
    case SIGILL, SIGTRAP: "a check of the program failed"
    case SIGSEGV: "it used memory that it does not have"
    case SIGBUS: "it used memory that is not there"
    case SIGFPE: "an impossible calculation"
    case SIGABRT: "a library gave up"
    case SIGSYS: "it made a system call that it has no right to"
    case SIGQUIT: "it showed no sign of life, and was asked where it is"
    default: "a signal"
    }
  }
}
