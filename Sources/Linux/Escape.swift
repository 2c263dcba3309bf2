import CLinux

/// Makes every descriptor of this process that may write the file one that may not, as if its
/// medium were worn out: for a drill. Returns whether there was any.
public func spoilFile(_ path: String) -> Bool {
  // Safe: the string outlives the call.
  unsafe path.withCString { unsafe weir_spoil_file($0) } > 0
}

/// Things that a task has no use for, tried by a drill to see that they are refused.
public enum Escape: CaseIterable, Sendable {
  case fork
  case exec
  case trace
  case mount
  case signalParent
  case packetSocket
  case internetSocket
  case localSocket

  public var words: StaticString {
    switch self {
    case .fork: "fork"
    case .exec: "exec"
    case .trace: "trace the supervisor"
    case .mount: "mount"
    case .signalParent: "signal the supervisor"
    case .packetSocket: "open a packet socket"
    case .internetSocket: "open a TCP socket"
    case .localSocket: "open a local socket"
    }
  }

  /// Returns when it worked, for which nothing is done with it.
  public func run() throws(SystemError) {
    let number =
      switch self {
      case .fork: weir_try_clone()
      case .exec: weir_try_exec()
      case .trace: weir_try_trace()
      case .mount: weir_try_mount()
      case .signalParent: weir_try_signal(getppid())
      case .packetSocket: weir_try_socket(17, 3)  // AF_PACKET, SOCK_RAW
      case .internetSocket: weir_try_socket(2, 1)  // AF_INET, SOCK_STREAM
      case .localSocket: weir_try_socket(1, 1)  // AF_UNIX, SOCK_STREAM
      }
    guard number == 0 else { throw SystemError("drill", Errno(rawValue: number)) }
  }
}
