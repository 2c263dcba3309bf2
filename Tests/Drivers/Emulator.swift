import Foundation

/// A board in an emulator, booted from a copy of its image (cross/image makes it before).
public final class Emulator {
  private let folder: Folder
  private let program: Program
  private let consolePath: String

  /// Boots the board with the configuration on its card.
  ///
  /// - Parameters:
  ///   - files: more files for the card's boot partition: name and the path of the content.
  ///   - words: more words of the kernel's command line.
  public init(
    _ board: String, configuration: String, files: [String: String] = [:], words: [String] = []
  ) throws {
    folder = try Folder()
    consolePath = folder.file("console")
    var arguments = [
      board, "--config", try folder.write(configuration, to: "gateway.yaml"),
      "--work", folder.file("work"), "--serial", consolePath,
      "--qmp", folder.file("qmp"), "--qtest", folder.file("qtest"),
    ]
    for word in words { arguments += ["--append", word] }
    if !files.isEmpty { arguments += ["--image", try Self.image(board, files, in: folder)] }
    program = try Program(
      checkout + "/cross/emulate", arguments, outputPath: folder.file("emulator"))
  }

  /// Where the boot partition begins on every card, in bytes (cross/lib/board.sh).
  private static let bootPartitionOffset = 8192 * 512

  /// A copy of the board's image with more files on it.
  private static func image(
    _ board: String, _ files: [String: String], in folder: Folder
  ) throws -> String {
    let image = folder.file("card.img")
    let original = "\(checkout)/.out/images/\(board).img"
    guard try run("cp", ["--sparse=always", original, image], in: folder) == .exited(0) else {
      throw DriverFailure("\(original) cannot be copied: run cross/image \(board)")
    }
    for (name, path) in files {
      let arguments = ["-i", "\(image)@@\(bootPartitionOffset)", path, "::\(name)"]
      guard try run("mcopy", arguments, in: folder) == .exited(0) else {
        throw DriverFailure("\(name) cannot be written to the card")
      }
    }
    return image
  }

  /// What the gateway wrote to its console.
  public var console: String {
    let data = FileManager.default.contents(atPath: consolePath) ?? Data()
    return String(decoding: data, as: UTF8.self).replacingOccurrences(of: "\r", with: "")
  }

  /// Waits for a line of the console that contains the text; returns the line.
  @discardableResult
  public func wait(for text: String, seconds: Double) throws -> String {
    let line = try waitUntil(seconds: seconds) { () -> String? in
      if let line = console.split(separator: "\n").first(where: { $0.contains(text) }) {
        return String(line)
      }
      try checkRunning()
      return nil
    }
    guard let line else {
      throw DriverFailure("the console does not say \"\(text)\":\n\(console.suffix(3000))")
    }
    return line
  }

  /// Throws with the end of the console when the emulator has ended.
  public func checkRunning() throws {
    guard let ending = program.poll() else { return }
    throw DriverFailure(
      "the emulator ended (\(ending)): \(program.output.suffix(1000))\n\(console.suffix(2000))")
  }

  public func control() throws -> QMP { try QMP(folder.file("qmp"), seconds: 20) }
  public func pins() throws -> QTest { try QTest(folder.file("qtest"), seconds: 20) }

  public func end() { program.end() }
}

/// The guest's seconds since its boot at the beginning of a line of the gateway's log
/// (`12.345 info uplink: ...`). Before the first line the UART changes its speed, which leaves
/// characters that nobody wrote.
public func logSeconds(_ line: String) -> Double? {
  let first = line.split(separator: " ").first ?? ""
  return Double(first.drop { !("0"..."9").contains($0) })
}
