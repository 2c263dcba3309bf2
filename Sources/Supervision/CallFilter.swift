import CSeccomp
import Linux

/// Which system calls a task may make, by libseccomp: an allow-list.
///
/// What is not on the list never happens. It is noted in the task's slot, from where the supervisor
/// tells it, and then:
/// - a call by which something could be gained, such as `execve` or `mount` (`refusedNames`), is
///   refused with EPERM, and the task goes on;
/// - any other ends the task with SIGSYS, as a crash: it does what nobody meant it to do.
///
/// The filter is compiled once, in the supervisor; a task only hands it to the kernel, so that a
/// restart costs no more than that.
public struct CallFilter {
  /// A call that is allowed when all conditions hold.
  struct Rule {
    let name: StaticString
    var conditions: [Condition] = []
    /// The error to refuse it with, silently, instead of allowing it.
    var quietError: UInt16?
  }

  /// `argument & mask == value`, of the call's arguments from 0 to 5.
  struct Condition {
    let argument: UInt32
    var mask: UInt64 = 0xFFFF_FFFF
    let value: UInt64
  }

  var rules: [Rule] = []

  mutating func allow(_ names: [StaticString]) {
    for name in names { rules.append(Rule(name: name)) }
  }

  mutating func allow(_ name: StaticString, if conditions: [Condition]) {
    rules.append(Rule(name: name, conditions: conditions))
  }

  /// What the kernel is given. An error is libseccomp's.
  public func compile() throws(SystemError) -> CallProgram {
    // Safe: a context that is not nil is released once, below, and used only in between.
    guard let context = unsafe seccomp_init(weir_scmp_trap()) else {
      throw SystemError("seccomp_init", .noMemory)
    }
    defer { unsafe seccomp_release(context) }
    // Calls by the conventions of another architecture have other numbers: nobody here makes any.
    try check(unsafe seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, weir_scmp_kill()))
    // A tree instead of a list: the kernel tries the filter for every call when a task takes it.
    // Measured for 160 instructions: 0.09 ms instead of 0.29.
    try check(unsafe seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2))
    for rule in rules {
      let number = unsafe seccomp_syscall_resolve_name(rule.name.utf8Pointer)
      // A call that libseccomp is too old to know is one that no kernel of its time has.
      guard number != Self.unknown else { continue }
      let action = rule.quietError.map { weir_scmp_errno($0) } ?? weir_scmp_allow()
      let conditions = rule.conditions.map {
        scmp_arg_cmp(arg: $0.argument, op: SCMP_CMP_MASKED_EQ, datum_a: $0.mask, datum_b: $0.value)
      }
      try check(
        unsafe conditions.withUnsafeBufferPointer {
          unsafe seccomp_rule_add_array(
            context, action, number, UInt32($0.count), $0.baseAddress)
        })
    }
    return try CallProgram { (descriptor) throws(SystemError) in
      // Safe: the context lives until the end of this function.
      try check(unsafe seccomp_export_bpf(context, descriptor))
    }
  }

  private static var unknown: Int32 { -1 }

  private func check(_ result: Int32) throws(SystemError) {
    guard result >= 0 else { throw SystemError("seccomp", Errno(rawValue: -result)) }
  }

  /// The name of a system call of this architecture, or its number.
  static func name(of number: Int32) -> String {
    // Safe: nil, or a terminated string that is ours to free.
    guard let name = unsafe seccomp_syscall_resolve_num_arch(0, number) else {
      return "system call \(number)"
    }
    defer { unsafe weir_scmp_free(name) }
    return unsafe String(cString: name)
  }

  /// Tells the handler of refused calls which ones a task survives. Once, before the first fork.
  public static func prepareRefusals() {
    var numbers: [Int32] = []
    for name in refusedNames {
      let number = unsafe seccomp_syscall_resolve_name(name.utf8Pointer)
      if number >= 0 { numbers.append(number) }
    }
    Privileges.setRefusedCalls(numbers)
  }
}

extension StaticString {
  /// As a C string.
  fileprivate var utf8Pointer: UnsafePointer<CChar> {
    precondition(hasPointerRepresentation)
    // Safe: a literal is terminated and lives for ever; characters and bytes have the same layout.
    return unsafe UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
  }
}
