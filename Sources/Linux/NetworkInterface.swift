import CLinux

/// One network interface, by name.
public struct NetworkInterface: Sendable {
  public let name: String
  public init(_ name: String) { self.name = name }

  /// The kernel's index of it; nil when there is no such interface. A new index for the same name
  /// means that the device was replaced, and has lost its address.
  public var index: UInt32? {
    do {
      let text = try readFile("/sys/class/net/" + name + "/ifindex", limit: 32)
      var value: UInt32 = 0
      for byte in text {
        guard byte >= 0x30, byte <= 0x39 else { break }
        value = value &* 10 &+ UInt32(byte - 0x30)
      }
      return value
    } catch {
      return nil
    }
  }

  public func bringUp() throws(SystemError) {
    // Safe: the pointer is used only during the call.
    guard unsafe name.withCString({ unsafe weir_interface_up($0) }) == 0 else {
      throw .last("ioctl SIOCSIFFLAGS")
    }
  }

  /// Sets the IPv4 address, in host byte order, with a prefix length of 0 to 32.
  public func setAddress(_ address: UInt32, prefixLength: UInt32) throws(SystemError) {
    precondition(prefixLength <= 32)
    // Safe: the pointer is used only during the call.
    let result = unsafe name.withCString {
      unsafe weir_interface_set_address($0, address, prefixLength)
    }
    guard result == 0 else { throw .last("ioctl SIOCSIFADDR") }
  }

  /// Sends what no other route takes to `gateway`, in host byte order.
  public static func setDefaultRoute(_ gateway: UInt32) throws(SystemError) {
    if weir_route_default(gateway) != 0, weir_errno() != EEXIST { throw .last("ioctl SIOCADDRT") }
  }
}
