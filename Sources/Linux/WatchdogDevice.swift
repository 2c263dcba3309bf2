import CLinux

/// Why there is no watchdog.
public enum WatchdogFailure: Error {
  /// There is no such device: no driver is loaded, or the machine has none.
  case absent
  /// Another process has it: it can be open only once.
  case busy
  /// The device refused, or is no watchdog.
  case refused(SystemError)

  /// The kernel's reason in words.
  public var text: String {
    switch self {
    case .absent: Errno.notFound.text
    case .busy: Errno.busy.text
    case .refused(let error): error.call.description + ": " + error.text
    }
  }
}

/// What a watchdog can do and tell: the WDIOF_ bits of linux/watchdog.h.
public struct WatchdogOptions: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// The last reset was the watchdog's. As an option: it can tell.
  public static var cardReset: WatchdogOptions { WatchdogOptions(rawValue: 0x0020) }
  public static var setTimeout: WatchdogOptions { WatchdogOptions(rawValue: 0x0080) }
  /// Closing it does not stop it, unless the last byte written was a `V`.
  public static var magicClose: WatchdogOptions { WatchdogOptions(rawValue: 0x0100) }
}

/// An open watchdog, which resets the machine when it is not fed in time
/// (Documentation/watchdog/watchdog-api.rst of the kernel).
///
/// It runs from the moment it is opened, and it goes on when this value or the whole process ends:
/// only `disarm` stops it. A driver without `.magicClose` is the exception; it stops at every
/// close.
public struct WatchdogDevice: ~Copyable {
  /// How long it waits to be fed, in seconds: what the driver made of what was asked for.
  public let timeoutSeconds: Int32
  /// The driver's name, such as `Broadcom BCM2835 Watchdog timer`; at most 32 bytes.
  public let identity: String
  public let options: WatchdogOptions
  /// Why the machine was reset last, as far as the driver knows.
  public let bootStatus: WatchdogOptions
  private let file: FileDescriptor

  /// Opens the device, which starts it, and asks for a timeout. What the driver does not allow
  /// becomes the longest that it does, and the driver may round: `timeoutSeconds` tells.
  public init(opening path: String, timeoutSeconds wanted: Int32) throws(WatchdogFailure) {
    precondition(wanted > 0)
    let opened = try Self.open(path)
    var support = weir_watchdog_support()
    // Safe: the structure outlives the call.
    guard unsafe weir_watchdog_ask(opened.number, &support) == 0 else {
      throw .refused(.last("ioctl WDIOC_GETSUPPORT"))
    }
    guard let seconds = Self.setTimeout(opened.number, wanted) else {
      let error = SystemError.last("ioctl WDIOC_GETTIMEOUT")
      // It runs already, and without its timeout nobody could feed it in time.
      do { try opened.write(all: Self.magic) } catch { throw .refused(error) }
      throw .refused(error)
    }
    var status: UInt32 = 0
    // Safe: the kernel's answer is one integer, which outlives the call. A driver that can't tell
    // says nothing.
    _ = unsafe weir_watchdog_boot_status(opened.number, &status)
    options = WatchdogOptions(rawValue: support.options)
    // Safe: the structure outlives the call, and its name ends in a zero.
    identity = unsafe String(cString: weir_watchdog_identity(&support))
    timeoutSeconds = seconds
    bootStatus = WatchdogOptions(rawValue: status)
    file = opened
  }

  private static func open(_ path: String) throws(WatchdogFailure) -> FileDescriptor {
    do {
      // Without waiting: a pipe in its place would else hold the caller for ever.
      return try FileDescriptor(opening: path, [.writeOnly, .nonBlocking])
    } catch {
      switch error.number {
      case .notFound, .noDevice, .noDeviceOrAddress: throw .absent
      case .busy: throw .busy
      default: throw .refused(error)
      }
    }
  }

  /// Sets the timeout, or the longest below it that the driver allows: found by halving, because
  /// the kernel has no call that tells. Returns what the driver then says; nil when it says
  /// nothing.
  private static func setTimeout(_ number: Int32, _ wanted: Int32) -> Int32? {
    if weir_watchdog_set_timeout(number, wanted) != 0 {
      let present = weir_watchdog_timeout(number)
      guard present > 0 else { return nil }
      var (allowed, refused) = (present, wanted)
      // 16 halvings of the largest timeout, 65,535 s, leave nothing.
      for _ in 0..<16 where refused - allowed > 1 {
        let middle = allowed + (refused - allowed) / 2
        if weir_watchdog_set_timeout(number, middle) == 0 {
          allowed = middle
        } else {
          refused = middle
        }
      }
    }
    let seconds = weir_watchdog_timeout(number)
    return seconds > 0 ? seconds : nil
  }

  /// What stops it, as the last byte before the close.
  private static var magic: [UInt8] { [UInt8(ascii: "V")] }

  /// Begins the timeout anew.
  public func feed() throws(SystemError) {
    guard retrying({ weir_watchdog_keep_alive(file.number) }) == 0 else {
      throw .last("ioctl WDIOC_KEEPALIVE")
    }
  }

  /// The descriptor's number: children inherit it and close it, so that none of them can feed.
  public var descriptorNumber: Int32 { file.number }

  /// Stops it: the magic `V`, then the close. A driver that was told never to stop (`nowayout`)
  /// goes on all the same.
  public consuming func disarm() throws(SystemError) {
    try file.write(all: Self.magic)
  }
}
