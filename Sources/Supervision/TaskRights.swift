import Linux
import Ring

/// What a task keeps of its parent's rights. Everything else it gives up after its fork, before its
/// body begins, and can't get back.
public struct TaskRights {
  /// Its own user, and group of the same number, where the supervisor is root; nil stays what the
  /// supervisor is. Numbers that no account has, so that nobody else's files are its own.
  public var user: UInt32?
  /// What it keeps of the capabilities that the supervisor has.
  public var capabilities: Capabilities = []
  /// Files that it must be able to read. Where its user may not, it keeps the right to read
  /// everything, within `files`.
  public var mustRead: [String] = []
  public var limits: [ResourceLimit] = []
  /// Descriptors of the supervisor that it uses, beside the standard ones and the log's.
  public var descriptors: [Int32] = []
  /// What of the arena it may write, may read, and does not have.
  public var memory: [MemoryAccess] = []
  /// The files that it may use; nil for what its user may.
  public var files: FileRules?
  /// The system calls that it may make; nil for all.
  public var calls: CallProgram?

  public init() {}

  /// Of what looks after the system itself, as root, with some capabilities of root's: no others,
  /// no way to more, and nothing open that is the supervisor's.
  public static func system(_ capabilities: Capabilities = []) -> TaskRights {
    var rights = TaskRights()
    rights.capabilities = capabilities
    rights.limits = [ResourceLimit(.descriptors, 64), ResourceLimit(.core, 0)]
    return rights
  }
}

extension TaskRights {
  /// Called in the child, once. What the kernel refuses to take is said, and the task runs on with
  /// it: a gateway that measures nothing would help nobody.
  ///
  /// The order matters: each step needs something that a later one takes.
  func apply(parent: ProcessID, slot: TaskSlot?) {
    // First what needs no right at all.
    Privileges.closeDescriptors(except: descriptors + [Log.consoleDescriptor])
    for access in memory {
      attempt("memory of others") { () throws(SystemError) in try access.apply() }
    }
    for limit in limits {
      attempt("what it may use") { () throws(SystemError) in try limit.apply() }
    }
    // Landlock and seccomp ask for it where the process is not root.
    attempt("gaining rights") { () throws(SystemError) in try Privileges.forbidNew() }
    var kept = capabilities
    if !Privileges.isRoot { applyFiles() }
    if Privileges.isRoot {
      // Needs a capability that goes with the next steps.
      let bound = mustRead.isEmpty ? kept : kept.union(.readEverything)
      attempt("capabilities to come") { () throws(SystemError) in try Privileges.bound(bound) }
      // Some are reached only by root.
      applyFiles()
      if let user {
        attempt("being root") { () throws(SystemError) in try Privileges.become(user: user) }
        // The kernel forgets whose death was to be followed.
        followInDeath(parent)
        for path in mustRead where Privileges.isClosed(path) { kept.insert(.readEverything) }
      }
    }
    attempt("capabilities") { () throws(SystemError) in try Privileges.keep(kept) }
    // Last, for it forbids all of the above.
    if let calls {
      attempt("SIGSYS") { () throws(SystemError) in
        // Safe: the slot lies in the arena.
        try unsafe Privileges.watchRefusals(slot.map { unsafe $0.refusalWords })
      }
      attempt("system calls") { () throws(SystemError) in try calls.apply() }
    }
  }

  private func applyFiles() {
    guard let files, let version = FileRules.version else { return }
    attempt("files") { () throws(SystemError) in try files.apply(version: version) }
  }

  private func attempt(_ what: StaticString, _ step: () throws(SystemError) -> Void) {
    do throws(SystemError) {
      try step()
    } catch {
      Log.warning(
        "can't give up \(what.description): \(error.call.description): \(error.text); the task "
          + "runs on with more rights than it needs")
    }
  }
}
