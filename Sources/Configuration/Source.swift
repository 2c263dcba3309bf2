import Linux

/// The bytes of a file, made fit for the YAML parser, and its lines for messages.
///
/// What the parser would refuse without a position (bytes that are not UTF-8, control characters)
/// is found here, reported, and replaced by `?`, so that the rest of the file is still read.
struct Source {
  /// The file's name as the user gave it.
  let name: String
  /// Valid UTF-8 without a byte order mark.
  private(set) var bytes: [UInt8] = []
  /// The start of each line in `bytes`.
  private(set) var lineStarts: [Int] = [0]
  private(set) var problems: [Problem] = []
  /// False when there is nothing to parse.
  private(set) var isText = false

  /// The largest file that is read: far above any real one (256 channels are about 60 KiB).
  static let byteCountMax = 256 * 1024
  /// The most bad characters that are reported one by one.
  static let badCharacterCountMax = 5
  private static let example = "write one as the README shows"

  /// Reads a file.
  init(path: String) {
    name = path
    do throws(SystemError) {
      prepare(try readFile(path, limit: Self.byteCountMax))
    } catch {
      report(error)
    }
  }

  /// Takes bytes that somebody else read.
  init(_ content: [UInt8], name: String) {
    self.name = name
    if content.count > Self.byteCountMax {
      report(SystemError("read", .tooBig))
    } else {
      prepare(content)
    }
  }

  private mutating func report(_ error: SystemError) {
    let message =
      switch error.number {
      case .tooBig:
        "the file is larger than \(Self.byteCountMax / 1024) KiB; expected a small text file; "
          + "check that it is the right one"
      case .isDirectory:
        "this is a directory; expected a file; give the path of the file in it"
      case .notFound:
        "there is no such file; expected a configuration in YAML; check the path, or "
          + Self.example
      default:
        "cannot be read: \(error.text); expected a readable file; check its path and permissions"
      }
    problems.append(Problem(severity: .error, file: name, line: 0, column: 0, message: message))
  }

  private mutating func refuse(_ message: String) {
    problems.append(Problem(severity: .error, file: name, line: 1, column: 1, message: message))
  }

  private mutating func prepare(_ content: [UInt8]) {
    if content.starts(with: [0xff, 0xfe]) || content.starts(with: [0xfe, 0xff]) {
      refuse("the file is UTF-16; expected UTF-8; save it again with the encoding UTF-8")
      return
    }
    if content.contains(0) {
      refuse("this is not a text file (it has zero bytes); expected YAML; check the path")
      return
    }
    let start = content.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    bytes.reserveCapacity(content.count)
    clean(content, from: start)
    isText = true
    if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0a || $0 == 0x0d || $0 == 0x09 }) {
      refuse("the file is empty; expected at least 'device:' and 'sensors:'; " + Self.example)
      isText = false
    }
  }

  private mutating func clean(_ content: [UInt8], from start: Int) {
    var index = start
    var badCount = 0
    while index < content.count {
      let (length, scalar) = decode(content, at: index)
      if length > 0, isAllowed(scalar) {
        bytes.append(contentsOf: content[index..<index + length])
        index += length
        // A CR that an LF follows is no line end of its own.
        let ends =
          scalar == 0x0a || (scalar == 0x0d && !(index < content.count && content[index] == 0x0a))
        if ends { lineStarts.append(bytes.count) }
        continue
      }
      badCount += 1
      let (line, column) = place(atByte: bytes.count)
      bytes.append(UInt8(ascii: "?"))
      if badCount <= Self.badCharacterCountMax {
        let what =
          length == 0
          ? "this byte (\(hex(UInt32(content[index])))) is not UTF-8; expected UTF-8 text; "
            + "save the file with the encoding UTF-8"
          : "the character U+\(hex(scalar).dropFirst(2)) is not allowed; expected printable "
            + "text; remove it"
        problems.append(
          Problem(severity: .error, file: name, line: line, column: column, message: what))
      }
      index += max(length, 1)
    }
    for index in problems.indices where problems[index].line > 0 {
      problems[index].source = excerpt(line: problems[index].line)
    }
  }

  /// The place of a byte of `bytes`, both from 1; the column counts characters.
  func place(atByte offset: Int) -> (line: Int, column: Int) {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    var column = 1
    var index = lineStarts[low]
    while index < min(offset, bytes.count) {
      if bytes[index] & 0xc0 != 0x80 { column += 1 }
      index += 1
    }
    return (low + 1, column)
  }

  /// The bytes of a line, from 1, without its end.
  func lineBytes(_ line: Int) -> ArraySlice<UInt8> {
    guard line >= 1, line <= lineStarts.count else { return [] }
    let start = lineStarts[line - 1]
    var end = line < lineStarts.count ? lineStarts[line] : bytes.count
    while end > start, bytes[end - 1] == 0x0a || bytes[end - 1] == 0x0d { end -= 1 }
    return bytes[start..<end]
  }

  /// The line for showing to a person; empty when it is too long, or may hold a secret.
  func excerpt(line: Int) -> String {
    let content = lineBytes(line)
    guard content.count <= 160, !contains(content, "password"), !contains(content, "@") else {
      return ""
    }
    return String(decoding: content, as: UTF8.self)
  }
}

/// Characters that YAML's parser takes, without the exotic line ends (U+0085, U+2028, U+2029),
/// which no editor counts as lines.
private func isAllowed(_ scalar: UInt32) -> Bool {
  switch scalar {
  case 0x09, 0x0a, 0x0d, 0x20...0x7e: true
  case 0x2028, 0x2029, 0xfeff: false
  case 0xa0...0xd7ff, 0xe000...0xfffd, 0x10000...0x10ffff: true
  default: false
  }
}

/// The length and value of the UTF-8 sequence at `index`; length 0 when it is not valid
/// (RFC 3629 §3: no overlong forms, no surrogates, nothing above U+10FFFF).
private func decode(_ bytes: [UInt8], at index: Int) -> (length: Int, scalar: UInt32) {
  let first = bytes[index]
  let (length, least): (Int, UInt32) =
    switch first {
    case 0x00...0x7f: (1, 0)
    case 0xc2...0xdf: (2, 0x80)
    case 0xe0...0xef: (3, 0x800)
    case 0xf0...0xf4: (4, 0x10000)
    default: (0, 0)
    }
  if length <= 1 { return (length, UInt32(first)) }
  guard index + length <= bytes.count else { return (0, 0) }
  var scalar = UInt32(first) & (0xff >> UInt32(length + 1))
  for next in bytes[(index + 1)..<(index + length)] {
    guard next & 0xc0 == 0x80 else { return (0, 0) }
    scalar = scalar << 6 | UInt32(next & 0x3f)
  }
  guard scalar >= least, scalar <= 0x10ffff, !(0xd800...0xdfff).contains(scalar) else {
    return (0, 0)
  }
  return (length, scalar)
}
