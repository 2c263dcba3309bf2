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

/// Why a transfer failed.
public enum BusError: Error, Sendable {
  /// Nobody acknowledged the address or a byte.
  case nack
  /// The transfer did not end in time.
  case timeout
  /// A line is held low, also after the bus was recovered.
  case stuck
  /// Anything else, with the kernel's number.
  case fault(Int32)

  /// What a reading says of it.
  public var quality: Quality {
    switch self {
    case .nack: .nack
    case .timeout: .timeout
    case .stuck: .busStuck
    case .fault: .busFault
    }
  }
}
