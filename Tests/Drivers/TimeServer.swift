import Foundation

/// A time server on the loopback's NTP port, which 10.0.2.2 is inside an emulator. Only root may
/// open it, and only one at a time: `init` fails otherwise.
public final class TimeServer: Sendable {
  private let descriptor: Int32

  public init() throws {
    descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    guard descriptor >= 0 else { throw DriverFailure("no socket") }
    var address = loopback(port: 123)
    // Safe: the structure is an IPv4 address of that size and outlives the call.
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      close(descriptor)
      throw DriverFailure("port 123 of the loopback can't be opened: errno \(errno)")
    }
    let number = descriptor
    Thread.detachNewThread { Self.serve(number) }
  }

  deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }

  /// Answers with this machine's time until the socket is shut down, at most 10,000 times.
  private static func serve(_ descriptor: Int32) {
    var request = [UInt8](repeating: 0, count: 512)
    for _ in 0..<10_000 {
      var sender = sockaddr_in()
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      // Safe: buffer and address outlive the calls, and their sizes are given.
      let count = unsafe withUnsafeMutablePointer(to: &sender) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe recvfrom(descriptor, &request, request.count, 0, $0, &size)
        }
      }
      guard count > 0 else { break }
      guard count >= 48 else { continue }
      let answer = answer(to: Array(request[0..<48]))
      _ = unsafe withUnsafePointer(to: &sender) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe sendto(descriptor, answer, answer.count, 0, $0, size)
        }
      }
    }
    close(descriptor)
  }

  private static func answer(to request: [UInt8]) -> [UInt8] {
    let now = Date().timeIntervalSince1970 + 2_208_988_800
    let seconds = UInt64(now)
    let time = seconds << 32 | UInt64((now - Double(seconds)) * 4_294_967_296)
    let field = (0..<8).map { UInt8(time >> (56 - 8 * $0) & 0xff) }
    return [0x24, 1, 6, 0xec] + [UInt8](repeating: 0, count: 12) + field + request[40..<48] + field
      + field
  }
}
