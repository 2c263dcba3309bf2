import Foundation

/// One function of a backtrace. Several stand for one address where functions were inlined: the
/// innermost first.
public struct SymbolizedFrame: Equatable, Sendable {
  /// The program counter, or a return address.
  public var address: UInt64
  public var function: String
  /// As the compiler was given it; empty where nobody knows.
  public var file: String
  public var line: Int
  public var column: Int
}

/// Turns addresses into functions, files and lines, by llvm-symbolizer.
public struct Symbolizer: Sendable {
  public let path: String

  public init(path: String) { self.path = path }

  /// The one on PATH, or beside the Swift on PATH.
  public static func find() throws(SymbolFailure) -> Symbolizer {
    let name = "llvm-symbolizer"
    var folders = (ProcessInfo.processInfo.environment["PATH"] ?? "")
      .split(separator: ":").map(String.init)
    for folder in folders where FileManager.default.isExecutableFile(atPath: folder + "/swift") {
      let swift = URL(fileURLWithPath: folder + "/swift").resolvingSymlinksInPath()
      folders.append(swift.deletingLastPathComponent().path)
    }
    for folder in folders where FileManager.default.isExecutableFile(atPath: "\(folder)/\(name)") {
      return Symbolizer(path: "\(folder)/\(name)")
    }
    throw SymbolFailure(
      text: "\(name) is not on PATH: it comes with Swift's toolchain and with Debian's package "
        + "llvm; or name it with --symbolizer")
  }

  /// The frames of a crash, the innermost first. The debug file must be of the same build.
  public func symbolize(
    _ report: CrashReport, _ file: DebugFile
  ) throws(SymbolFailure) -> [SymbolizedFrame] {
    if let build = report.buildID, build != file.buildID {
      throw SymbolFailure(
        text: "the crash is of build \(build), but \(file.path) is of build \(file.buildID): name "
          + "the debug file that was made with that program by --debug")
    }
    // A return address is behind its call, and may be the begin of something else.
    let asked = [report.programCounter] + report.callers.map { $0 &- 1 }
    let shown = [report.programCounter] + report.callers
    let output = try run(
      ["--obj=" + file.path, "--output-style=JSON", "--inlining", "--no-demangle"]
        + asked.map { "0x" + String($0, radix: 16) })
    guard let answers = try? JSONDecoder().decode([Answer].self, from: output),
      answers.count == asked.count
    else {
      throw SymbolFailure(text: "\(path) can't read \(file.path), or is too old to answer in JSON")
    }
    var frames: [SymbolizedFrame] = []
    for (address, answer) in zip(shown, answers) {
      for symbol in answer.Symbol ?? [Answer.Place()] {
        frames.append(SymbolizedFrame(address, symbol))
      }
    }
    return frames
  }

  /// llvm-symbolizer's own names.
  fileprivate struct Answer: Decodable {
    struct Place: Decodable {
      var FunctionName: String?
      var FileName: String?
      var Line: Int?
      var Column: Int?
    }

    var Symbol: [Place]?
  }

  private func run(_ arguments: [String]) throws(SymbolFailure) -> Data {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardInput = FileHandle.nullDevice
    do {
      try process.run()
      let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
      process.waitUntilExit()
      return output
    } catch {
      throw SymbolFailure(text: "\(path) can't be run: \(error.localizedDescription)")
    }
  }
}

extension SymbolizedFrame {
  fileprivate init(_ address: UInt64, _ place: Symbolizer.Answer.Place) {
    let name = place.FunctionName ?? ""
    let file = place.FileName ?? ""
    self.init(
      address: address, function: name.isEmpty ? "?" : demangled(name),
      // What the compiler made has no place.
      file: (place.Line ?? 0) > 0 ? file : "", line: place.Line ?? 0, column: place.Column ?? 0)
  }
}

/// Swift's own demangler, which every Swift program carries (stdlib/public/runtime/Demangle.cpp).
@_silgen_name("swift_demangle")
private func swiftDemangle(
  _ name: UnsafePointer<CChar>?, _ length: UInt, _ buffer: UnsafeMutablePointer<CChar>?,
  _ size: UnsafeMutablePointer<UInt>?, _ flags: UInt32
) -> UnsafeMutablePointer<CChar>?

/// The name as in the sources; one that is not Swift's stays as it is.
func demangled(_ name: String) -> String {
  // Safe: the name is terminated and outlives the call, which returns memory of malloc or null.
  unsafe name.withCString { bytes in
    guard let result = unsafe swiftDemangle(bytes, UInt(name.utf8.count), nil, nil, 0) else {
      return name
    }
    defer { unsafe free(result) }
    return shortened(unsafe String(cString: result))
  }
}

/// Without what nobody reads in a backtrace: results, private discriminators, and long lists of
/// parameters, innermost first.
private func shortened(_ name: String) -> String {
  var text = name.replacing(#/\((\S+) in _[0-9A-F]{32}\)/#) { $0.1 }
  for _ in 0..<8 {
    let next = text.replacing(#/ -> [^ ()]+/#, with: "").replacing(" -> ()", with: "")
      .replacing(#/\([^()]{24,}\)/#, with: "(…)")
    if next == text { break }
    text = next
  }
  return text
}
