import Linux
import Sensors

/// An I²C bus of the kernel, by its device file.
///
/// The file is opened at the first transfer, and again after the adapter went away, so that a bus
/// which is missing at the start is picked up when it appears.
///
/// **A stuck bus.** A device that holds a line low makes every transfer time out. Adapters that
/// know how to clock such a device free do so in the kernel, by themselves. Where that does not
/// happen (i2c-bcm2835 cannot), what is left to user space is to unbind the adapter's driver and
/// bind it again, which resets the controller. That is done after `stuckCountMax` failures in a
/// row, at most once in `recoveryPauseMin`, then more and more rarely up to `recoveryPauseMax`.
///
/// The kernel waits in unbind, deaf to every signal, until nobody has the adapter open. So ours is
/// closed first, and when another program has it open the driver is left alone.
public struct LinuxI2CBus: ManagedBus, ~Copyable {
  /// A transfer of 33 bytes takes 3 ms at 100 kHz; a device may stretch the clock for some more.
  static let timeoutMilliseconds: UInt32 = 100
  /// Arbitration is lost only to another master, which is gone a moment later.
  static let retryCount: UInt32 = 2
  /// Enough that one device that stretches the clock too long does not reset the others' bus.
  static let stuckCountMax = 5
  static let recoveryPauseMin: Int64 = 10_000_000_000
  static let recoveryPauseMax: Int64 = 600_000_000_000

  /// `/dev/i2c-1`.
  public let device: String
  private var adapter: I2CAdapter?
  /// Failures in a row that a line held low explains.
  private var stuckCount = 0
  /// A recovery was tried since the last transfer that went through.
  private var recoveryWasTried = false
  private var recoveryTime: Int64 = 0
  private var recoveryPause = LinuxI2CBus.recoveryPauseMin

  public init(device: String) {
    self.device = device
  }

  public mutating func read(
    address: UInt8, register: UInt8, into: inout MutableSpan<UInt8>
  ) throws(BusError) {
    precondition(into.count >= 1 && into.count <= transferByteCountMax)
    try open()
    do throws(SystemError) {
      // `open` has filled it, or thrown.
      try adapter!.read(address: address, register: register, into: &into)
    } catch {
      throw failed(error)
    }
    succeeded()
  }

  public mutating func write(
    address: UInt8, register: UInt8, _ bytes: Span<UInt8>
  ) throws(BusError) {
    precondition(bytes.count <= transferByteCountMax)
    try open()
    var message = InlineArray<33, UInt8>(repeating: 0)
    message[0] = register
    for index in 0..<bytes.count { message[index + 1] = bytes[index] }
    do throws(SystemError) {
      try adapter!.write(
        address: address, bytes: message.span.extracting(first: bytes.count + 1))
    } catch {
      throw failed(error)
    }
    succeeded()
  }

  public mutating func maintain(now: Int64) -> BusMaintenance {
    guard stuckCount >= Self.stuckCountMax, now >= recoveryTime else { return .nothing }
    recoveryTime = now + recoveryPause
    recoveryPause = min(recoveryPause * 2, Self.recoveryPauseMax)
    recoveryWasTried = true
    stuckCount = 0
    // Closed before the driver is unbound: see above.
    adapter = nil
    do throws(SystemError) {
      try rebindDriver()
      return .recovered
    } catch {
      return .failed(error)
    }
  }

  private mutating func open() throws(BusError) {
    guard adapter == nil else { return }
    do throws(SystemError) {
      adapter = try I2CAdapter(
        device: device, timeoutMilliseconds: Self.timeoutMilliseconds,
        retryCount: Self.retryCount)
    } catch {
      if error.number == .notFound || error.number == .noDevice
        || error.number == .noDeviceOrAddress
      {
        throw .absent
      }
      throw .fault(error.number.rawValue)
    }
  }

  private mutating func succeeded() {
    stuckCount = 0
    recoveryWasTried = false
    recoveryPause = Self.recoveryPauseMin
  }

  /// Sorts the kernel's numbers (Documentation/i2c/fault-codes) and keeps count.
  private mutating func failed(_ error: SystemError) -> BusError {
    let sorted = busError(error.number, recoveryWasTried: recoveryWasTried)
    switch sorted {
    case .timeout, .stuck:
      stuckCount += 1
    case .nack:
      // Somebody clocked nine bits through: the lines move.
      succeeded()
    case .absent:
      adapter = nil
      stuckCount = 0
    case .fault:
      break
    }
    return sorted
  }

  /// Unbinds the adapter's driver from its device and binds it again, through sysfs:
  /// `/sys/class/i2c-dev/i2c-1/device` is the adapter, its parent the controller.
  private func rebindDriver() throws(SystemError) {
    let bytes = Array(device.utf8)
    let slash = bytes.lastIndex(of: UInt8(ascii: "/")) ?? -1
    let name = String(decoding: bytes[(slash + 1)...], as: UTF8.self)
    let adapterPath = try resolvedPath("/sys/class/i2c-dev/" + name + "/device")
    let controller = parentFolder(of: adapterPath)
    let driver = try resolvedPath(controller + "/driver")
    if try isInUse(driver) { throw SystemError("unbind", .busy) }
    let controllerName = String(
      decoding: Array(controller.utf8.dropFirst(parentFolder(of: controller).utf8.count + 1)),
      as: UTF8.self)
    try writeCommand(controllerName, to: driver + "/unbind")
    try writeCommand(controllerName, to: driver + "/bind")
  }

  /// Whether another process may have the adapter open, which we have not.
  private func isInUse(_ driver: String) throws(SystemError) -> Bool {
    let count = moduleUseCount(driver)
    if count == 0 { return false }
    do throws(SystemError) {
      return try isOpenSomewhere(device)
    } catch {
      // One that may not look into others knows only that somebody uses a bus of this driver.
      guard count == nil else { return true }
      throw error
    }
  }
}

/// How many files and others use the module of a driver, by its folder in sysfs; nil for a driver
/// that is built into the kernel. Every open adapter counts.
func moduleUseCount(_ driver: String) -> UInt64? {
  guard let text = try? readFile(driver + "/module/refcnt", limit: 64) else { return nil }
  return decimalNumber(text, digitCountMax: 9)
}

/// Whether the I²C bus of a device file has a driver whose module counts its users.
public func hasCountedDriver(_ device: String) -> Bool {
  let name = String(decoding: Array(device.utf8.dropFirst("/dev/".utf8.count)), as: UTF8.self)
  guard let adapter = try? resolvedPath("/sys/class/i2c-dev/" + name + "/device") else {
    return false
  }
  return moduleUseCount(parentFolder(of: adapter) + "/driver") != nil
}

/// Whether a process has the file at `path` open. EACCES when we may not look into all of them.
func isOpenSomewhere(_ path: String) throws(SystemError) -> Bool {
  for process in try System.list("/proc") {
    guard process.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else {
      continue
    }
    // A process may end meanwhile.
    let folder = "/proc/" + process + "/fd"
    let descriptors: [String]
    do throws(SystemError) {
      descriptors = try System.list(folder)
    } catch {
      if error.number == .access || error.number == .permission { throw error }
      continue
    }
    for descriptor in descriptors {
      guard let target = try? resolvedPath(folder + "/" + descriptor) else { continue }
      if target == path { return true }
    }
  }
  return false
}

/// What an error number of a transfer means (Documentation/i2c/fault-codes in the kernel).
///
/// A timeout after a recovery has not helped is a stuck bus: before it, it may be one slow device.
func busError(_ number: Errno, recoveryWasTried: Bool) -> BusError {
  switch number {
  case .noDeviceOrAddress, .remoteIO: .nack
  case .timedOut: recoveryWasTried ? .stuck : .timeout
  case .busy, .again: .stuck
  case .noDevice, .shutDown: .absent
  default: .fault(number.rawValue)
  }
}
