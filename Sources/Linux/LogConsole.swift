import CLinux

/// Where the process's lines are shown: standard error, which may be a serial line that takes 20 ms
/// for one of them, or a pipe that nobody reads.
///
/// A line that is not taken in time is not shown; it is counted, and the count told with the next
/// line that is. While the console stalls no line waits for it: only the first one did.
struct LogConsole: Sendable {
  /// A line has at most this many bytes: a pipe takes so many whole or not at all (PIPE_BUF, 4096).
  static let lineByteCountMax = 4000
  /// A serial line takes what fits its buffer: so many pieces at most.
  private static let pieceCountMax = 256

  /// How long a line may wait, in ms; negative for as long as it takes.
  var patienceMilliseconds: Int32 = -1
  /// On which a write does not wait; -1 for none.
  private(set) var descriptor: Int32 = -1
  /// Lines not shown that nobody was told of yet.
  private(set) var droppedCount: UInt64 = 0
  private var isStalled = false
  /// The last piece that was shown did not end its line.
  private var isTorn = false

  init() {}

  /// Over a descriptor on which a write does not wait.
  init(writingTo descriptor: Int32) { self.descriptor = descriptor }

  /// From here on a write waits no longer than the patience says.
  mutating func open() {
    if descriptor < 0 { descriptor = weir_console_open() }
  }

  /// Shows a line, which ends in a line feed. False when it is not shown, or not to its end.
  mutating func show(_ line: [UInt8]) -> Bool {
    let isShown = write(line, patience: isStalled ? 0 : patienceMilliseconds)
    isStalled = !isShown
    if !isShown { droppedCount += 1 }
    return isShown
  }

  /// Shows the line that tells of those that were not shown. False when it is not shown either.
  mutating func tell(_ line: [UInt8]) -> Bool {
    guard write(line, patience: 0) else { return false }
    forgetDropped()
    isStalled = false
    return true
  }

  /// A line that need not be tried: the console stalls.
  mutating func noteDropped() { droppedCount += 1 }

  /// What was not shown counts as told.
  mutating func forgetDropped() { droppedCount = 0 }

  private mutating func write(_ line: [UInt8], patience: Int32) -> Bool {
    let bytes = isTorn ? [UInt8(ascii: "\n")] + line : line
    guard patience >= 0 else { return writeBytes(bytes, to: 2) }
    let end = Clock.monotonic() + Int64(patience) * 1_000_000
    var start = 0
    // Without a way that never waits the kernel is asked first.
    if descriptor < 0, !wait(until: end) { return false }
    for _ in 0..<Self.pieceCountMax {
      let count = writePiece(bytes, from: start)
      if count > 0 {
        start += count
        isTorn = start < bytes.count
        if !isTorn { return true }
        continue
      }
      switch weir_errno() {
      case EINTR: continue
      case EAGAIN: if !wait(until: end) { return false }
      // Somebody has closed it: what is left is standard error.
      case EBADF where descriptor > 2: descriptor = -1
      default: return false
      }
    }
    return false
  }

  private func writePiece(_ bytes: [UInt8], from start: Int) -> Int {
    // Safe: the range lies inside the array, which outlives the call.
    unsafe bytes.withUnsafeBytes {
      let piece = unsafe $0.baseAddress.unsafelyUnwrapped + start
      return unsafe weir_console_write(descriptor < 0 ? 2 : descriptor, piece, $0.count - start)
    }
  }

  /// Whether the console takes something before the end, in ns of CLOCK_MONOTONIC.
  private func wait(until end: Int64) -> Bool {
    let left = max(0, end - Clock.monotonic())
    var item = pollfd(fd: descriptor < 0 ? 2 : descriptor, events: Int16(POLLOUT), revents: 0)
    // Safe: one structure, which outlives the call. A signal counts as the end.
    return unsafe CLinux.poll(&item, 1, Int32((left + 999_999) / 1_000_000)) == 1
      && Int32(item.revents) & POLLOUT != 0
  }
}

/// Writes text to standard error, at once and unbuffered; a failure has nobody to be told to.
public func writeStandardError(_ text: String) { writeBytes(Array(text.utf8), to: 2) }

/// Writes text to standard output, at once and unbuffered. False when it could not all be written.
@discardableResult
public func writeStandardOutput(_ text: String) -> Bool { writeBytes(Array(text.utf8), to: 1) }

@discardableResult
private func writeBytes(_ bytes: [UInt8], to number: Int32) -> Bool {
  var start = 0
  while start < bytes.count {
    let count = bytes.count
    let written = retrying {
      // Safe: the range lies inside the array, which outlives the call.
      unsafe bytes.withUnsafeBytes {
        unsafe CLinux.write(number, $0.baseAddress.unsafelyUnwrapped + start, count - start)
      }
    }
    guard written > 0 else { return false }
    start += written
  }
  return true
}
