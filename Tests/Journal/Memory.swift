import Journal
import JournalFile

/// Zeroed bytes for a test, which live as long as this object.
final class Memory {
  private let memory: JournalMemory
  var bytes: Bytes { memory.bytes }

  init(byteCount: Int) { memory = JournalMemory(byteCount: max(byteCount, 1)) }

  convenience init(_ bytes: [UInt8]) {
    self.init(byteCount: bytes.count)
    set(bytes)
  }

  func set(_ content: [UInt8]) {
    for (index, byte) in content.enumerated() { bytes[index] = byte }
  }

  func array(_ count: Int) -> [UInt8] { (0..<count).map { bytes[$0] } }
}
