import CLinux

/// The service manager that started this process and wants to hear from it: systemd, with
/// `Type=notify` and `WatchdogSec=` (sd_notify(3)).
public final class ServiceManager {
  private let socket: FileDescriptor
  /// How long it waits for the next `watchdog` before it ends the service, in nanoseconds; nil when
  /// it does not watch.
  public let watchdogTimeout: Int64?

  /// Nil when no manager asked to be told.
  public init?() throws(SystemError) {
    let number = weir_manager_connect()
    if number == -2 { return nil }
    guard number >= 0 else { throw .last("connect") }
    socket = FileDescriptor(owning: number)
    let microseconds = weir_manager_watchdog()
    // More than a day is never: a product that overflows would be.
    watchdogTimeout =
      microseconds > 0 && microseconds <= 86_400_000_000 ? microseconds * 1000 : nil
  }

  /// What it is told.
  public enum Message: Sendable {
    case ready
    case watchdog
    case stopping

    var text: StaticString {
      switch self {
      case .ready: "READY=1"
      case .watchdog: "WATCHDOG=1"
      case .stopping: "STOPPING=1"
      }
    }
  }

  /// Tells it, without waiting.
  public func tell(_ message: Message) throws(SystemError) {
    // Safe: literals are terminated and live for ever.
    let result = message.text.withUTF8Buffer { text in
      unsafe text.withMemoryRebound(to: CChar.self) {
        unsafe weir_manager_send(socket.number, $0.baseAddress.unsafelyUnwrapped)
      }
    }
    guard result == 0 else { throw .last("send") }
  }
}
