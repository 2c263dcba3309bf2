import Linux

// libmosquitto writes each packet by a system call of its own, and each would go through the whole
// network by itself, waking the broker. Corked, they go together.
extension MQTTSession {
  /// What is published from now on may wait for `endBurst`, or for 200 ms (tcp(7)).
  mutating func beginBurst() { SocketInspection.cork(socket, true) }

  /// Sends what waits.
  mutating func endBurst() { SocketInspection.cork(socket, false) }

  /// The largest packet that the broker takes, in bytes; nil for any.
  func maximumPacketSize() -> UInt32? { events.maximumPacketSize }
}
