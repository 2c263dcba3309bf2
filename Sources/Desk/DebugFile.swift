import Foundation

/// Why a crash could not be symbolized.
public struct SymbolFailure: Error, Equatable, Sendable {
  /// In one line, with the remedy.
  public var text: String

  public init(text: String) { self.text = text }
}

/// A file with a program's symbols, as `cross/build` makes it.
public struct DebugFile: Sendable {
  public let path: String
  /// In 40 hexadecimal digits.
  public let buildID: String

  /// Reads the file's build id.
  public init(_ path: String) throws(SymbolFailure) {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
    } catch {
      throw SymbolFailure(
        text: "\(path) can't be read: make it with cross/build, or name another with --debug")
    }
    guard let id = Self.buildID(data) else {
      throw SymbolFailure(text: "\(path) is no ELF file of 64 bits with a build id")
    }
    self.path = path
    buildID = id
  }

  /// Of all debug files in `folder`, the one of this build.
  public static func find(build: String?, in folder: String) throws(SymbolFailure) -> DebugFile {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    var found: [DebugFile] = []
    for name in names.sorted() where name.hasPrefix("weir-") && name.hasSuffix(".debug") {
      found.append(try DebugFile(folder + "/" + name))
    }
    if let file = found.first(where: { $0.buildID == build }) { return file }
    guard !found.isEmpty else {
      throw SymbolFailure(
        text: "there is no debug file in \(folder): make it with cross/build, or name it with "
          + "--debug")
    }
    let others = found.map { "\($0.path) is of build \($0.buildID)" }.joined(separator: ", ")
    throw SymbolFailure(
      text: "the crash is of build \(build ?? "unknown"), but \(others): name the debug file that "
        + "was made with that program by --debug")
  }

  /// The note NT_GNU_BUILD_ID in a section of notes (elf(5)); section headers, because in a debug
  /// file the program headers describe bytes that are not there.
  static func buildID(_ data: Data) -> String? {
    guard data.count >= 64, data.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]) else { return nil }
    func number(_ offset: UInt64, _ size: Int) -> UInt64? {
      guard offset <= UInt64(data.count), size <= data.count - Int(offset) else { return nil }
      let start = data.startIndex + Int(offset)
      return data[start..<start + size].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    guard let table = number(0x28, 8), let size = number(0x3A, 2), let count = number(0x3C, 2),
      size >= 64
    else { return nil }
    for index in 0..<count {
      let header = table.addingReportingOverflow(index * size)
      guard !header.overflow, let type = number(header.partialValue &+ 4, 4), type == 7,
        var place = number(header.partialValue &+ 24, 8),
        let length = number(header.partialValue &+ 32, 8), length <= UInt64(data.count)
      else { continue }
      let end = place &+ length
      while place < end, let nameSize = number(place, 4), let valueSize = number(place &+ 4, 4),
        let kind = number(place &+ 8, 4)
      {
        let value = place &+ 12 &+ (nameSize + 3) & ~3
        // "GNU" and its zero.
        if kind == 3, nameSize == 4, number(place &+ 12, 4) == 0x00_554E47,
          valueSize == 20, number(value, 20) != nil
        {
          let start = data.startIndex + Int(value)
          return data[start..<start + 20].map { hexadecimalByte($0) }.joined()
        }
        place = value &+ (valueSize + 3) & ~3
      }
    }
    return nil
  }

  private static func hexadecimalByte(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
}
