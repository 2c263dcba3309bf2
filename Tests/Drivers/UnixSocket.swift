import Foundation

/// A connection to a socket in the file system, read line by line.
public final class UnixSocket {
  private let descriptor: Int32
  private var buffer: [UInt8] = []

  /// Connects; the other side may need a while to listen.
  public init(_ path: String, seconds: Double = 10) throws {
    let descriptor = waitUntil(seconds: seconds) { Self.connected(to: path) }
    guard let descriptor else { throw DriverFailure("nobody listens on \(path)") }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  private static func connected(to path: String) -> Int32? {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    precondition(bytes.count < MemoryLayout.size(ofValue: address.sun_path), "socket path too long")
    // Safe: the path and its end fit, as was just checked.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    // Safe: the structure has that size and outlives the call.
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  public func send(_ line: String) throws {
    let bytes = Array((line + "\n").utf8)
    // Safe: the array outlives the call. Our lines are far smaller than a socket's buffer.
    let count = unsafe bytes.withUnsafeBytes {
      unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    guard count == bytes.count else { throw DriverFailure("the socket is closed") }
  }

  /// The next line, without its end.
  public func line(seconds: Double) throws -> String {
    let end = secondsNow() + seconds
    while true {
      if let index = buffer.firstIndex(of: 10) {
        let line = String(decoding: buffer[..<index], as: UTF8.self)
        buffer.removeFirst(index + 1)
        return line.hasSuffix("\r") ? String(line.dropLast()) : line
      }
      var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let rest = max(0, Int32((end - secondsNow()) * 1000))
      // Safe: one entry, which outlives the call.
      guard unsafe Glibc.poll(&item, 1, rest) > 0 else {
        throw DriverFailure("no answer within \(seconds) s")
      }
      var block = [UInt8](repeating: 0, count: 4096)
      // Safe: the array outlives the call and its size is given.
      let count = unsafe block.withUnsafeMutableBytes {
        unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
      }
      guard count > 0 else { throw DriverFailure("the other side closed the socket") }
      buffer += block[..<count]
    }
  }
}
