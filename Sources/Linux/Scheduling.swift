import CLinux

/// How a process gets the processor. The usual one: as the kernel thinks right.
public struct Scheduling: Sendable {
  /// The priority of SCHED_RR, 1 to 99: it runs before all that have less, and before everything
  /// ordinary. 0 for the ordinary scheduler. (Under SCHED_FIFO one that spins would starve others
  /// of the same priority; so they take turns.)
  public var realtimePriority: UInt8 = 0
  /// The processors that it may run on; empty for all.
  public var cpus: [UInt16] = []

  public init(realtimePriority: UInt8 = 0, cpus: [UInt16] = []) {
    self.realtimePriority = realtimePriority
    self.cpus = cpus
  }

  /// Whether there is nothing to ask of the kernel.
  public var isUsual: Bool { realtimePriority == 0 && cpus.isEmpty }

  /// Binds this process to its processors. The kernel leaves out those that do not exist, and
  /// refuses (EINVAL) when none is left.
  public func bind() throws(SystemError) {
    guard !cpus.isEmpty else { return }
    // Safe: the pointer is used only during the call, and the count is given.
    let result = unsafe cpus.withUnsafeBufferPointer {
      unsafe weir_bind_to_cpus($0.baseAddress, Int32($0.count))
    }
    guard result == 0 else { throw .last("sched_setaffinity") }
  }

  /// The processors of the list that this process may not run on: after `bind`, those that do not
  /// exist, or that the service manager keeps from it.
  public var unusableCPUs: [UInt16] {
    cpus.filter { weir_may_run_on_cpu(Int32($0)) != 1 }
  }

  /// Puts this process under SCHED_RR. With `resetsOnFork` its children start as ordinary ones.
  public func becomeRealtime(resetsOnFork: Bool = false) throws(SystemError) {
    guard realtimePriority > 0 else { return }
    guard weir_schedule_realtime(Int32(realtimePriority), resetsOnFork ? 1 : 0) == 0 else {
      throw .last("sched_setscheduler")
    }
  }

  /// The priority of SCHED_RR that this process has; 0 under another scheduler.
  public static var currentRealtimePriority: UInt8 { UInt8(clamping: weir_realtime_priority()) }
}
