import Foundation

/// A TCP listener on the loopback whose connections a closure serves, each on a thread of its own.
public final class Listener: @unchecked Sendable {
  public let port: Int
  private let descriptor: Int32

  /// Listens on the port; on any free one when none is given.
  public init(port: Int = 0, _ serve: @escaping @Sendable (Int32) -> Void) throws {
    (descriptor, self.port) = try Listener.bind(port)
    guard listen(descriptor, 8) == 0 else { throw DriverFailure("listen") }
    let descriptor = self.descriptor
    Thread.detachNewThread {
      while true {
        // Ends when the listener is shut down.
        let connection = accept(descriptor, nil, nil)
        if connection < 0 {
          close(descriptor)
          return
        }
        Thread.detachNewThread {
          serve(connection)
          close(connection)
        }
      }
    }
  }

  deinit {
    // The thread closes it: a number that is closed here could be another socket's before the
    // thread uses it again.
    shutdown(descriptor, Int32(SHUT_RDWR))
  }

  public static func connect(to port: Int) -> Int32? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    var address = loopback(port)
    // Safe: the structure outlives the call, and its size is given.
    let result = unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if result == 0 { return descriptor }
    close(descriptor)
    return nil
  }

  private static func loopback(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  private static func bind(_ port: Int) throws -> (Int32, Int) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw DriverFailure("socket") }
    // A real broker may take the port while our last connections are still dying.
    var on: Int32 = 1
    // Safe: the variable outlives the call, and its size is given.
    _ = unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = loopback(port)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    // Safe: the structure outlives the calls, and its size is given.
    let result = unsafe withUnsafeMutablePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe Foundation.bind(descriptor, $0, size) == 0
          && getsockname(descriptor, $0, &size) == 0
      }
    }
    guard result else { throw DriverFailure("bind") }
    return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
  }
}

/// Reads what has come, at most `limit` bytes; empty at the end.
public func receive(_ descriptor: Int32, limit: Int = 4096) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: limit)
  // Safe: the buffer outlives the call, and its size is given.
  let count = unsafe bytes.withUnsafeMutableBytes {
    unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
  }
  return count > 0 ? Array(bytes[0..<count]) : []
}

public func transmit(_ descriptor: Int32, _ bytes: [UInt8]) {
  // Safe: as above.
  _ = unsafe bytes.withUnsafeBytes {
    unsafe send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
  }
}
