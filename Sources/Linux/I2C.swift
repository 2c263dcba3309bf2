import CLinux

/// An open I²C adapter, `/dev/i2c-N` (Documentation/i2c/dev-interface in the kernel).
public struct I2CAdapter: ~Copyable {
  private let file: FileDescriptor

  /// Opens the adapter and limits its transfers: `timeoutMilliseconds` each, in steps of 10, and
  /// `retryCount` repetitions by the kernel when arbitration was lost. ENOTSUP when the adapter can
  /// only do SMBus.
  public init(
    device: String, timeoutMilliseconds: UInt32, retryCount: UInt32
  ) throws(SystemError) {
    let file = try FileDescriptor(opening: device, .readWrite)
    let isCapable = weir_i2c_is_capable(file.number)
    guard isCapable >= 0 else { throw .last("ioctl") }
    guard isCapable == 1 else { throw SystemError("ioctl", Errno(rawValue: ENOTSUP)) }
    guard weir_i2c_limit(file.number, max(timeoutMilliseconds / 10, 1), retryCount) == 0 else {
      throw .last("ioctl")
    }
    self.file = file
  }

  /// Writes `register`, then fills `into` after a repeated start: one transfer.
  public func read(
    address: UInt8, register: UInt8, into: inout MutableSpan<UInt8>
  ) throws(SystemError) {
    let number = file.number
    // Safe: the span outlives the call and its size is given.
    let result = unsafe into.withUnsafeMutableBufferPointer {
      unsafe weir_i2c_read(number, address, register, $0.baseAddress, $0.count)
    }
    guard result == 0 else { throw .last("ioctl") }
  }

  /// Writes `bytes`, the first of which is the register.
  public func write(address: UInt8, bytes: Span<UInt8>) throws(SystemError) {
    let number = file.number
    // Safe: the span outlives the call and its size is given.
    let result = unsafe bytes.withUnsafeBufferPointer {
      unsafe weir_i2c_write(number, address, $0.baseAddress, $0.count)
    }
    guard result == 0 else { throw .last("ioctl") }
  }
}

extension Errno {
  public static var notSupported: Errno { Errno(rawValue: ENOTSUP) }
  public static var tooManyFiles: Errno { Errno(rawValue: EMFILE) }
  public static var shutDown: Errno { Errno(rawValue: ESHUTDOWN) }
}
