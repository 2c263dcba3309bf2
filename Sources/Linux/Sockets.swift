import CLinux

/// What can be asked of a socket that a C library owns, and done to it.
public enum SocketInspection {
  /// The pending error of the socket, which the question clears; nil when there is none.
  public static func takeError(_ descriptor: Int32) -> Errno? {
    let number = weir_socket_error(descriptor)
    if number == 0 { return nil }
    return number > 0 ? Errno(rawValue: number) : SystemError.last("getsockopt").number
  }

  /// How many bytes the other machine's TCP has confirmed since the connection began; nil when the
  /// kernel does not say (TCP_INFO, tcp(7)).
  public static func arrivedByteCount(_ descriptor: Int32) -> Int64? {
    let count = weir_socket_arrived(descriptor)
    return count < 0 ? nil : Int64(count)
  }

  /// Holds back packets that are not full until it is asked to stop that, or 200 ms have passed
  /// (TCP_CORK, tcp(7)). What can't be corked sends at once.
  public static func cork(_ descriptor: Int32, _ isCorked: Bool) {
    _ = weir_socket_cork(descriptor, isCorked ? 1 : 0)
  }

  /// The first bytes that wait in the socket, at most eight, which stay there. `count` is 0 at the
  /// end of the stream, and nil when nothing has come yet.
  public static func peek(_ descriptor: Int32) -> (bytes: InlineArray<8, UInt8>, count: Int?) {
    var bytes = InlineArray<8, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    // Safe: the kernel writes at most the eight bytes of the array, which outlives the call.
    let count = unsafe span.withUnsafeMutableBufferPointer {
      unsafe weir_socket_peek(descriptor, $0.baseAddress, $0.count)
    }
    return (bytes, count < 0 ? nil : count)
  }
}

/// Why a host name has no address (getaddrinfo(3)).
public struct NameError: Equatable, Sendable {
  public let number: Int32
  public init(_ number: Int32) { self.number = number }

  /// True: the name does not exist. False: no name server could be asked.
  public var isUnknownName: Bool { weir_name_is_unknown(number) != 0 }

  public var text: String {
    // Safe: gai_strerror returns a static, terminated string.
    unsafe String(cString: weir_name_error_text(number))
  }
}

extension Clock {
  /// Whether the kernel says that CLOCK_REALTIME is being kept right (STA_UNSYNC is clear).
  public static var isSynchronized: Bool { weir_clock_is_synchronized() != 0 }
}

/// 64 random bits from the kernel (getrandom(2)), or of the clocks should that fail.
public func randomSeed() -> UInt64 {
  var seed: UInt64 = 0
  // Safe: eight bytes, the size of the integer, which outlives the call.
  if unsafe weir_random_bytes(&seed, 8) == 0 { return seed }
  return UInt64(bitPattern: Clock.real()) ^ UInt64(bitPattern: Clock.monotonic() << 20)
}
