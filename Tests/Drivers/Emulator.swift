import Foundation

/// A board in an emulator, booted from a copy of its image (cross/image makes it before).
public final class Emulator {
  private let folder: Folder
  private var program: Program
  private let consolePath: String
  /// Of cross/emulate, for another boot of the same card.
  private let arguments: [String]

  /// Boots the board with the configuration on its card. Without a word of its journal that is a
  /// small one, which makes each event durable at once: an emulated card takes most of a minute for
  /// the zeroes of the usual one, and a test that answers each event can't wait for others.
  ///
  /// - Parameters:
  ///   - files: more files for the card's boot partition: name and the path of the content.
  ///   - words: more words of the kernel's command line.
  ///   - processors: how many it has. One, as a rule: two boards run at a time, and where a host
  ///     has no more than two processors, four would wait for each other in vain.
  public init(
    _ board: String, configuration: String, files: [String: String] = [:], words: [String] = [],
    processors: Int = 1
  ) throws {
    folder = try Folder()
    consolePath = folder.file("console")
    var arguments = [
      board, "--work", folder.file("work"), "--serial", consolePath,
      "--qmp", folder.file("qmp"), "--qtest", folder.file("qtest"),
      "--processors", "\(processors)",
    ]
    for word in words { arguments += ["--append", word] }
    self.arguments = arguments
    let isUsual = configuration.contains("device:") && !configuration.contains("journal:")
    let journal = isUsual ? "\njournal: {size: 2 MB, commit: 0 s}\n" : ""
    arguments += ["--config", try folder.write(configuration + journal, to: "gateway.yaml")]
    if !files.isEmpty { arguments += ["--image", try Self.image(board, files, in: folder)] }
    program = try Program(
      checkout + "/cross/emulate", arguments, outputPath: folder.file("emulator"))
  }

  /// Ends the machine at once, with SIGKILL: what it has written to its card is in this machine's
  /// cache, and nothing else is.
  public func cut() throws {
    program.send(SIGKILL)
    guard try program.wait(seconds: 10) == .killed(signal: SIGKILL) else {
      throw DriverFailure("the emulator ended by itself: \(console.suffix(2000))")
    }
  }

  /// Boots once more from the card as it is, after a cut; the console begins anew.
  public func bootAgain() throws {
    try folder.write("", to: "console")
    program = try Program(
      checkout + "/cross/emulate", arguments + ["--keep"], outputPath: folder.file("emulator"))
  }

  /// Copies a file of the card's data partition, whose journal is replayed in a copy first, as the
  /// next boot will do it.
  public func copyFromCard(_ name: String, to path: String) throws {
    let data = folder.file("data.img")
    // All from the place where the partition begins; both stay sparse.
    let arguments = [
      "if=\(folder.file("work"))/card.img", "of=\(data)", "bs=1M", "conv=sparse",
      "skip=\(Self.dataPartitionMebibyte)",
    ]
    guard try run("dd", arguments, in: folder) == .exited(0) else {
      throw DriverFailure("the card can't be copied")
    }
    // 0: nothing to do; 1: repaired.
    let check = try run("e2fsck", ["-p", "-f", data], in: folder)
    guard check == .exited(0) || check == .exited(1) else {
      let log = try? String(contentsOfFile: folder.file("e2fsck.log"), encoding: .utf8)
      throw DriverFailure("e2fsck: \(check): \((log ?? "").suffix(1000))")
    }
    let dumped = try run("debugfs", ["-R", "dump \(name) \(path)", data], in: folder)
    guard dumped == .exited(0), FileManager.default.fileExists(atPath: path) else {
      throw DriverFailure("\(name) can't be read from the card")
    }
  }

  /// Where the data partition begins on every card (cross/lib/board.sh: 8192 + 524288 sectors).
  private static let dataPartitionMebibyte = 260

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

  /// Waits until the machine has switched itself off.
  public func waitForEnd(seconds: Double) throws -> Ending { try program.wait(seconds: seconds) }

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
