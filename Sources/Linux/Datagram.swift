import CLinux

extension FileDescriptor {
  /// A UDP socket to one server. A name that can't be resolved fails with ENXIO; resolving may take
  /// seconds.
  public init(datagramTo host: String, port: UInt16) throws(SystemError) {
    // Safe: the pointer is used only during the call.
    let number = unsafe host.withCString { unsafe weir_datagram_open($0, port) }
    guard number >= 0 else { throw .last("connect") }
    self.init(owning: number)
  }
}

extension System {
  /// Lets CLOCK_REALTIME drift by `nanoseconds`, without a jump: half a millisecond a second.
  public static func slewRealTime(_ nanoseconds: Int64) throws(SystemError) {
    guard weir_clock_slew(nanoseconds / 1000) == 0 else { throw .last("adjtime") }
  }

  /// Tells the kernel, and by it every program, that CLOCK_REALTIME is right within `nanoseconds`.
  public static func markSynchronized(within nanoseconds: Int64) throws(SystemError) {
    guard weir_clock_mark_synchronized(nanoseconds / 1000) == 0 else { throw .last("adjtimex") }
  }
}
