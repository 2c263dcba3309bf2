import Boot
import Linux

/// What the log keeps over a reset, in RAM that the board's device tree reserves
/// (`weir.log-memory=ADDRESS` on the kernel's command line says where).
final class WarmStart {
  /// So many lines are told: they share the 64 of PID 1's ring with those of this boot.
  private static let toldCountMax = 40
  private static let word = "weir.log-memory"

  private let log: WarmLog
  private let lines: [WarmLine]

  /// Takes what the boot before left, and keeps this boot's lines from here on; nil on a board that
  /// has no such memory. Called before anything that is worth keeping is logged.
  init?(_ words: KernelCommandLine) {
    guard let text = words.value(of: Self.word) else {
      Log.debug("no \(Self.word) on the kernel's command line: no log outlives a reset")
      return nil
    }
    guard let address = hexadecimal(Array(text.utf8)) else {
      Log.warning("\(Self.word)=\(text): expected an address such as 0xb000000; none is used")
      return nil
    }
    do {
      log = try WarmLog(physicalAddress: address)
    } catch {
      Log.warning(
        "\(Self.word)=\(text): \(error.call): \(error.text); is it reserved in the device tree? "
          + "No log outlives a reset")
      return nil
    }
    lines = log.takeLines(countMax: Self.toldCountMax)
    Log.keep(warm: log)
  }

  /// Tells them, each at its own level, so that the broker gets those that it would have got.
  func tell() {
    if lines.isEmpty { return }
    // Told once: they are not lines of this boot.
    Log.keep(warm: nil)
    defer { Log.keep(warm: log) }
    for line in lines {
      Log.always(line.level, "before the reset: \(String(decoding: line.text, as: UTF8.self))")
    }
  }
}

/// The number behind `0x`; nil for anything else.
private func hexadecimal(_ text: [UInt8]) -> UInt64? {
  guard text.count > 2, text.count <= 18, text[0] == 0x30, text[1] == 0x78 else { return nil }
  var value: UInt64 = 0
  for digit in text.dropFirst(2) {
    switch digit {
    case 0x30...0x39: value = value << 4 | UInt64(digit - 0x30)
    case 0x61...0x66: value = value << 4 | UInt64(digit - 0x61 + 10)
    case 0x41...0x46: value = value << 4 | UInt64(digit - 0x41 + 10)
    default: return nil
    }
  }
  return value
}
