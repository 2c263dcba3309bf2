import Desk
import Foundation

/// A terminal on which a few lines are redrawn in place; what stood above them stays.
final class Screen {
  private let hasColour: Bool
  /// What was drawn last, to know how many rows it takes now: a terminal that became narrower
  /// breaks long lines.
  private var drawnWidths: [Int] = []
  private var savedMode: termios?

  /// Standard output as a screen; nil when it is none.
  static func standardOutput() -> Screen? {
    let environment = ProcessInfo.processInfo.environment
    guard isatty(1) == 1, environment["TERM"] != "dumb" else { return nil }
    return Screen(hasColour: (environment["NO_COLOR"] ?? "").isEmpty)
  }

  private init(hasColour: Bool) { self.hasColour = hasColour }

  /// Hides the cursor, and what is typed: it would move the lines.
  func begin() {
    var mode = termios()
    // Safe: the structure outlives the calls. A program in the background must not touch the mode.
    if unsafe tcgetattr(0, &mode) == 0, tcgetpgrp(0) == getpgrp() {
      savedMode = mode
      mode.c_lflag &= ~tcflag_t(ECHO)
      _ = unsafe tcsetattr(0, TCSANOW, &mode)
    }
    _ = writeAll("\u{1B}[?25l", to: 1)
  }

  /// Gives the terminal back as it was; the last drawing stays.
  func end() {
    _ = writeAll("\u{1B}[?25h", to: 1)
    if var savedMode {
      // Safe: the structure outlives the call.
      _ = unsafe tcsetattr(0, TCSANOW, &savedMode)
    }
    savedMode = nil
  }

  /// Stops this process as Ctrl-Z wants, with the terminal in order; goes on when it is continued.
  func suspend() {
    end()
    _ = raise(SIGSTOP)
    drawnWidths = []
    begin()
  }

  /// Columns and rows, now.
  func size() -> (width: Int, height: Int) {
    var size = winsize()
    // Safe: the structure outlives the call.
    let result = unsafe ioctl(1, UInt(TIOCGWINSZ), &size)
    guard result == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Replaces what was drawn before. False when nobody reads it.
  func draw(_ lines: [Line]) -> Bool {
    let size = size()
    let rows = drawnWidths.reduce(0) { $0 + max(1, ($1 + size.width - 1) / size.width) }
    // No further up than the screen goes: above that it is history.
    let up = min(rows, size.height - 1)
    var text = up > 0 ? "\u{1B}[\(up)A\r" : "\r"
    for line in lines { text += line.rendered(withColour: hasColour) + "\u{1B}[K\r\n" }
    text += "\u{1B}[J"
    drawnWidths = lines.map(\.width)
    return writeAll(text, to: 1)
  }
}

/// Writes all of a text at once. False when it cannot be written.
func writeAll(_ text: String, to descriptor: Int32) -> Bool {
  let bytes = Array(text.utf8)
  var start = 0
  while start < bytes.count {
    // Safe: the range lies inside the array, which outlives the call.
    let count = unsafe bytes.withUnsafeBytes {
      unsafe write(descriptor, $0.baseAddress.unsafelyUnwrapped + start, $0.count - start)
    }
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { return false }
    start += count
  }
  return true
}
