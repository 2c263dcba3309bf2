import CLinux

/// Which files a process may use from here on, by Landlock (landlock(7)): everything that is not
/// named is refused, whoever the process's user is.
///
/// A rule is tied to the file that is there when it is made. What is replaced by another file, or
/// does not exist yet, is covered only by a rule for a folder above it.
public struct FileRules: Sendable {
  public enum Access: Equatable, Sendable {
    /// Reading files and folders.
    case read
    /// Reading and writing files that exist, and calls to devices.
    case readWrite
    /// Also making, replacing and removing files.
    case manage
  }

  public struct Rule: Sendable {
    public let path: String
    public let access: Access

    public init(_ path: String, _ access: Access) {
      self.path = path
      self.access = access
    }
  }

  public var rules: [Rule]

  public init(_ rules: [Rule] = []) { self.rules = rules }

  /// The version of Landlock in this kernel; nil when it has none, or it is not switched on.
  public static var version: Int32? {
    let version = weir_landlock_version()
    return version > 0 ? version : nil
  }

  // linux/landlock.h; each version of the kernel's interface knows more of them.
  private static var files: UInt64 { 0x1FFF }
  private static var refer: UInt64 { 1 << 13 }
  private static var truncate: UInt64 { 1 << 14 }
  private static var deviceCalls: UInt64 { 1 << 15 }
  private static var readFile: UInt64 { 1 << 2 }
  private static var readFolder: UInt64 { 1 << 3 }
  private static var writeFile: UInt64 { 1 << 1 }
  /// Removing a file, making a regular one.
  private static var change: UInt64 { 1 << 5 | 1 << 8 }
  /// Signals and abstract sockets of processes outside.
  private static var scopes: UInt64 { 3 }

  private static func handled(_ version: Int32) -> UInt64 {
    var known = files
    if version >= 2 { known |= refer }
    if version >= 3 { known |= truncate }
    if version >= 5 { known |= deviceCalls }
    return known
  }

  private static func bits(_ access: Access) -> UInt64 {
    switch access {
    case .read: readFile | readFolder
    case .readWrite: readFile | readFolder | writeFile | truncate | deviceCalls
    case .manage: readFile | readFolder | writeFile | truncate | change
    }
  }

  /// Puts this process under the rules, for good. It needs `Privileges.forbidNew` before. A path
  /// that is not there is passed over.
  public func apply(version: Int32) throws(SystemError) {
    let handled = Self.handled(version)
    let number = weir_landlock_begin(handled, 0, version >= 6 ? Self.scopes : 0)
    guard number >= 0 else { throw .last("landlock_create_ruleset") }
    let set = FileDescriptor(owning: number)
    for rule in rules {
      // Safe: the pointer is used only during the call.
      let result = unsafe rule.path.withCString {
        unsafe weir_landlock_allow(set.number, $0, Self.bits(rule.access) & handled)
      }
      // Also a path that leads through a file, or that its user may not reach: nothing to allow.
      guard
        result == 0 || weir_errno() == ENOENT || weir_errno() == ENOTDIR
          || weir_errno() == EACCES
      else { throw .last("landlock_add_rule") }
    }
    guard weir_landlock_enforce(set.number) == 0 else { throw .last("landlock_restrict_self") }
  }
}
