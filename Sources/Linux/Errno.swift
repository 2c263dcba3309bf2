// The module Linux: thin, typed wrappers of the system calls that Weir uses. It owns no policy.
// Only Buses, Uplink, Supervision, Configuration and the program itself may use it; it must never
// retry or log by itself, but for EINTR.

import CLinux

/// A failed system call: which one, on what, and the kernel's reason.
public struct SystemError: Error, Sendable {
  /// The call, as in section 2 of the manual.
  public let call: StaticString
  /// The kernel's error number.
  public let number: Errno

  public init(_ call: StaticString, _ number: Errno) {
    self.call = call
    self.number = number
  }

  /// Takes the number of the call that just failed in this thread.
  public static func last(_ call: StaticString) -> SystemError {
    SystemError(call, Errno(rawValue: weir_errno()))
  }

  /// The kernel's reason in words, such as "No such file or directory".
  public var text: String { number.text }
}

/// An error number of the kernel (errno(3)).
public struct Errno: RawRepresentable, Equatable, Sendable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }

  public var text: String {
    // Safe: strerror returns a static, terminated string.
    unsafe String(cString: weir_error_text(rawValue))
  }

  public static var again: Errno { Errno(rawValue: EAGAIN) }
  public static var interrupted: Errno { Errno(rawValue: EINTR) }
  public static var notFound: Errno { Errno(rawValue: ENOENT) }
  public static var noDevice: Errno { Errno(rawValue: ENODEV) }
  public static var noDeviceOrAddress: Errno { Errno(rawValue: ENXIO) }
  public static var remoteIO: Errno { Errno(rawValue: EREMOTEIO) }
  public static var noMemory: Errno { Errno(rawValue: ENOMEM) }
  public static var io: Errno { Errno(rawValue: EIO) }
  public static var timedOut: Errno { Errno(rawValue: ETIMEDOUT) }
  public static var busy: Errno { Errno(rawValue: EBUSY) }
  public static var exists: Errno { Errno(rawValue: EEXIST) }
  public static var permission: Errno { Errno(rawValue: EPERM) }
  public static var access: Errno { Errno(rawValue: EACCES) }
  public static var noSpace: Errno { Errno(rawValue: ENOSPC) }
  public static var tooBig: Errno { Errno(rawValue: EFBIG) }
  public static var refused: Errno { Errno(rawValue: ECONNREFUSED) }
  public static var isDirectory: Errno { Errno(rawValue: EISDIR) }
}
