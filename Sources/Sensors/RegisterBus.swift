import Ring

/// A bus on which devices have 8-bit registers behind a 7-bit address (I²C with the usual
/// write-pointer-then-read transfer). Real and simulated buses conform to it.
public protocol RegisterBus: ~Copyable {
  /// Reads `into.count` bytes (1 to 32) from `register` on, in one transfer with repeated start.
  mutating func read(
    address: UInt8, register: UInt8, into: inout MutableSpan<UInt8>
  ) throws(BusError)

  /// Writes `bytes` (0 to 32) to `register`.
  mutating func write(address: UInt8, register: UInt8, _ bytes: Span<UInt8>) throws(BusError)
}

/// The most bytes of one transfer, without the register's number.
public let transferByteCountMax = 32

/// Why a transfer failed.
public enum BusError: Error, Equatable, Sendable {
  /// Nobody acknowledged the address or a byte.
  case nack
  /// The transfer did not end in time.
  case timeout
  /// A line is held low, also after the bus was recovered.
  case stuck
  /// There is no such bus: its device file is not there, or went away.
  case absent
  /// Anything else, with the kernel's number.
  case fault(Int32)

  /// What a reading says of it.
  public var quality: Quality {
    switch self {
    case .nack: .nack
    case .timeout: .timeout
    case .stuck: .busStuck
    case .absent: .absent
    case .fault: .busFault
    }
  }
}

/// What the drivers read and write: single bytes, and big-endian words.
extension RegisterBus where Self: ~Copyable {
  mutating func byte(address: UInt8, register: UInt8) throws(SensorError) -> UInt8 {
    let bytes: InlineArray<1, UInt8> = try bytes(address: address, register: register)
    return bytes[0]
  }

  /// Reads `count` bytes from `register` on, in one transfer.
  mutating func bytes<let count: Int>(
    address: UInt8, register: UInt8
  ) throws(SensorError) -> InlineArray<count, UInt8> {
    var bytes = InlineArray<count, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    do throws(BusError) {
      try read(address: address, register: register, into: &span)
    } catch {
      throw .bus(error)
    }
    return bytes
  }

  mutating func write(address: UInt8, register: UInt8, byte: UInt8) throws(SensorError) {
    let bytes: InlineArray<1, UInt8> = [byte]
    do throws(BusError) {
      try write(address: address, register: register, bytes.span)
    } catch {
      throw .bus(error)
    }
  }
}
