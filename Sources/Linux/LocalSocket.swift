import CLinux

/// A listening stream socket in the file system (unix(7)). The file stays when it is closed.
public struct LocalListener: ~Copyable {
  public let descriptor: FileDescriptor

  /// Listens at `path`, at most 107 bytes, in place of what stood there: the caller has made sure
  /// that nobody else does. Owner and group may connect.
  public init(_ path: String) throws(SystemError) {
    // Safe: the pointer is used only during the call.
    let number = unsafe path.withCString { unsafe weir_local_listen($0) }
    guard number >= 0 else { throw .last("bind") }
    descriptor = FileDescriptor(owning: number)
  }

  /// Takes one connection that waits and sends it the text, as much as its buffer takes at once;
  /// then it is closed. False when nobody waits. It never blocks.
  public func answerOne(_ text: () -> [UInt8]) -> Bool {
    let number = weir_local_accept(descriptor.number)
    guard number >= 0 else { return false }
    let connection = FileDescriptor(owning: number)
    let bytes = text()
    // Safe: the array outlives the call and its size is given. What the other side does not get
    // it sees as cut off; nobody here is left to be told.
    _ = unsafe bytes.withUnsafeBufferPointer {
      unsafe weir_local_send(connection.number, $0.baseAddress, $0.count)
    }
    return true
  }
}

extension FileDescriptor {
  /// Connects to the socket at `path`; no later call on it takes longer than the timeout.
  public init(connectingTo path: String, timeoutMilliseconds: Int32) throws(SystemError) {
    // Safe: the pointer is used only during the call.
    let number = unsafe path.withCString { unsafe weir_local_connect($0, timeoutMilliseconds) }
    guard number >= 0 else { throw .last("connect") }
    self.init(owning: number)
  }
}
