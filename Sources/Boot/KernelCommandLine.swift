import Linux

/// The words of the kernel's command line that start with `weir.`.
public struct KernelCommandLine: Sendable {
  private let words: [[UInt8]]

  /// Reads /proc/cmdline; without it there are no words.
  public init() {
    do {
      self.init(text: try readFile("/proc/cmdline", limit: 65_536))
    } catch {
      self.init(text: [])
    }
  }

  init(text: [UInt8]) {
    var words: [[UInt8]] = []
    for word in text.split(whereSeparator: { $0 == 0x20 || $0 == 0x0a || $0 == 0x09 }) {
      words.append(Array(word))
    }
    self.words = words
  }

  /// Whether the bare word, such as `weir.shell`, is there.
  public func has(_ word: String) -> Bool {
    for candidate in words where candidate.elementsEqual(word.utf8) { return true }
    return false
  }

  /// The value behind `name=`; the last one counts, as in the kernel.
  public func value(of name: String) -> String? {
    var value: String?
    let prefix = Array((name + "=").utf8)
    for word in words where word.starts(with: prefix) {
      value = String(decoding: word.dropFirst(prefix.count), as: UTF8.self)
    }
    return value
  }
}
