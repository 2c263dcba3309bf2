import Foundation

/// A gateway as a process on this machine, with the simulated board.
public final class Gateway {
  public let program: Program
  private let folder: Folder

  /// The binary under test: WEIR_BINARY, or the one that was built beside these tests.
  public static var binary: String {
    if let path = ProcessInfo.processInfo.environment["WEIR_BINARY"], !path.isEmpty { return path }
    let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    return tests.deletingLastPathComponent().appendingPathComponent("weir").path
  }

  /// Starts `weir run` with the configuration.
  public init(_ configuration: String) throws {
    folder = try Folder()
    let path = try folder.write(configuration, to: "gateway.yaml")
    program = try Program(
      Self.binary,
      [
        "run", path, "--board", checkout + "/boards/simulated/board.yaml",
        "--state", folder.file("state"),
      ], outputPath: folder.file("log"))
  }

  public var log: String { program.output }

  /// Asks it to end as a service manager does.
  public func stop() throws -> Ending {
    program.send(SIGTERM)
    return try program.wait(seconds: 15)
  }

  /// The tasks that run: process and name, such as `weir:uplink`.
  public func tasks() -> [(process: pid_t, name: String)] {
    let path = "/proc/\(program.process)/task/\(program.process)/children"
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
    return text.split(separator: " ").compactMap { word in
      guard let process = pid_t(word),
        let name = try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)
      else { return nil }
      return (process, name.trimmingCharacters(in: .newlines))
    }
  }
}

/// Runs the binary under test to its end; returns how it ended and what it said.
public func weir(_ arguments: [String]) throws -> (ending: Ending, output: String) {
  let folder = try Folder()
  let program = try Program(Gateway.binary, arguments, outputPath: folder.file("output"))
  return (try program.wait(seconds: 20), program.output)
}
