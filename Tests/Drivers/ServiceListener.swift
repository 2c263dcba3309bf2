import Foundation

/// What systemd is to a service: a datagram socket that takes its notifications (sd_notify(3)).
public final class ServiceListener {
  private let folder: Folder
  private let descriptor: Int32
  /// For NOTIFY_SOCKET.
  public let path: String

  public init() throws {
    folder = try Folder()
    path = folder.file("notify")
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    guard descriptor >= 0 else { throw DriverFailure("socket") }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    precondition(bytes.count < MemoryLayout.size(ofValue: address.sun_path), "socket path too long")
    // Safe: the path and its end fit, as was just checked.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    // Safe: the structure has that size and outlives the call.
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else { throw DriverFailure("\(path) can't be bound") }
  }

  deinit { close(descriptor) }

  /// The next message; nil when none comes in time.
  public func next(seconds: Double) -> String? {
    var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    // Safe: one entry, which outlives the call.
    guard unsafe poll(&item, 1, Int32(seconds * 1000)) > 0 else { return nil }
    var block = [UInt8](repeating: 0, count: 4096)
    // Safe: the array outlives the call and its size is given.
    let count = unsafe block.withUnsafeMutableBytes {
      unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
    }
    return count < 0 ? nil : String(decoding: block[..<count], as: UTF8.self)
  }
}
