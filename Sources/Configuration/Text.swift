// Small text tools on UTF-8 bytes. Comparing Strings with `==` would bring Unicode's normalization
// tables into the binary; the names and words here are compared byte by byte on purpose.

extension String {
  /// Whether both have the same bytes.
  func isSame(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }

  /// Whether the text begins with these bytes.
  func begins(with other: String) -> Bool { utf8.starts(with: other.utf8) }

  /// Whether the text ends with these bytes.
  func hasEnding(_ other: String) -> Bool { utf8.reversed().starts(with: other.utf8.reversed()) }

  /// The rest after the first `count` bytes, which must be ASCII.
  func after(_ count: Int) -> String { String(decoding: utf8.dropFirst(count), as: UTF8.self) }
}

/// `0x1F`.
func hex(_ value: UInt32) -> String {
  let digits = Array("0123456789ABCDEF".utf8)
  var result: [UInt8] = []
  var rest = value
  repeat {
    result.insert(digits[Int(rest & 15)], at: 0)
    rest >>= 4
  } while rest > 0
  if result.count < 2 { result.insert(digits[0], at: 0) }
  return "0x" + String(decoding: result, as: UTF8.self)
}

/// Whether `word` occurs in `bytes`.
func contains(_ bytes: ArraySlice<UInt8>, _ word: String) -> Bool {
  let pattern = Array(word.utf8)
  guard !pattern.isEmpty, bytes.count >= pattern.count else { return false }
  for start in bytes.startIndex...(bytes.endIndex - pattern.count)
  where bytes[start..<start + pattern.count].elementsEqual(pattern) {
    return true
  }
  return false
}

/// The text in quotes for a message: one line, no control characters, at most 40 bytes of it.
func quoted(_ text: String) -> String {
  var result: [UInt8] = [UInt8(ascii: "'")]
  var count = 0
  for scalar in text.unicodeScalars {
    let bytes = UTF8.encode(scalar)
    if count + (bytes?.count ?? 0) > 40 {
      return String(decoding: result, as: UTF8.self) + "…'"
    }
    if scalar.value < 0x20 || scalar.value == 0x7f {
      result.append(UInt8(ascii: "?"))
      count += 1
    } else if let bytes {
      result.append(contentsOf: bytes)
      count += bytes.count
    }
  }
  result.append(UInt8(ascii: "'"))
  return String(decoding: result, as: UTF8.self)
}

/// `a, b, c`, at most `limit` of them.
func list(_ words: [String], limit: Int = 24) -> String {
  var result = ""
  for (index, word) in words.enumerated() {
    if index == limit { return result + ", … (\(words.count) in all)" }
    result += (index == 0 ? "" : ", ") + word
  }
  return result
}

/// The word nearest to `text`, if one is near enough to be what was meant: at most one mistake in
/// three letters (one in a short word, none in a single letter but its case).
func nearest(to text: String, in words: [String]) -> String? {
  let wanted = Array(text.utf8)
  // Nothing in any schema is that long, and the cost is the product of the lengths.
  guard wanted.count <= 40 else { return nil }
  var best: String?
  var bestDistance = min(max(1, wanted.count / 3) + 1, max(wanted.count, 1))
  for word in words {
    let distance = editDistance(wanted, Array(word.utf8))
    if distance < bestDistance {
      bestDistance = distance
      best = word
    }
  }
  return best
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment); letters
/// that differ only in case count as equal, so that `Every` is near `every`.
func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var beforeLast = [Int](repeating: 0, count: b.count + 1)
  var last = Array(0...b.count)
  var current = beforeLast
  for i in 0..<a.count {
    current[0] = i + 1
    for j in 0..<b.count {
      let cost = lowercased(a[i]) == lowercased(b[j]) ? 0 : 1
      current[j + 1] = min(last[j + 1] + 1, current[j] + 1, last[j] + cost)
      if i > 0, j > 0, lowercased(a[i]) == lowercased(b[j - 1]),
        lowercased(a[i - 1]) == lowercased(b[j])
      {
        current[j + 1] = min(current[j + 1], beforeLast[j - 1] + 1)
      }
    }
    (beforeLast, last, current) = (last, current, beforeLast)
  }
  return last[b.count]
}

func lowercased(_ byte: UInt8) -> UInt8 {
  (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
}

func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

func isLetter(_ byte: UInt8) -> Bool {
  (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(lowercased(byte))
}

/// 1 to 64 of `A-Z a-z 0-9 - _ .`: what devices, sensors, lines and channels may be called.
func isName(_ text: String) -> Bool {
  let count = text.utf8.count
  return count >= 1 && count <= nameByteCountMax
    && text.utf8.allSatisfy {
      isDigit($0) || isLetter($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
        || $0 == UInt8(ascii: ".")
    }
}

/// The longest name of a device, sensor, line or channel.
public let nameByteCountMax = 64
