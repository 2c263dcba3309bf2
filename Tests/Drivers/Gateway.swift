import Foundation

/// A gateway as a process on this machine, with the simulated board.
public final class Gateway {
  public let program: Program
  private let folder: Folder
  public let statePath: String

  /// The binary under test: WEIR_BINARY, or the one that was built beside these tests.
  public static var binary: String {
    if let path = ProcessInfo.processInfo.environment["WEIR_BINARY"], !path.isEmpty { return path }
    let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    return tests.deletingLastPathComponent().appendingPathComponent("weir").path
  }

  /// Whether it is the static one, which has the C libraries of the product.
  public static var isStatic: Bool {
    URL(fileURLWithPath: binary).lastPathComponent == "weir-x86_64"
  }

  public var configurationPath: String { folder.file("gateway.yaml") }

  /// Starts `weir run` with the configuration, and more options and variables; `state` is the state
  /// folder of another gateway, which has ended; `end` is where its network is; `card` is
  /// where its state folder lies, which then nobody else sees. Without a word of its journal it has
  /// a small one.
  public init(
    _ configuration: String, options: [String] = [], environment: [String: String] = [:],
    state: String? = nil, end: NetworkLine.End? = nil, card: Card? = nil
  ) throws {
    folder = try Folder()
    statePath = state ?? folder.file("state")
    // Zeroes for the usual journal would be most of what a test does.
    let hasJournal = configuration.contains("journal:")
    let path = try folder.write(
      configuration + (hasJournal ? "" : "\njournal: {size: 1 MB}\n"), to: "gateway.yaml")
    let command = (
      Self.binary,
      [
        "run", path, "--board", checkout + "/boards/simulated/board.yaml", "--state", statePath,
      ] + options
    )
    var (binary, arguments) = try end?.inside(command.0, command.1) ?? command
    if let card {
      try FileManager.default.createDirectory(
        atPath: statePath, withIntermediateDirectories: false)
      let mount = try card.mount(in: folder) + " '\(statePath)'"
      arguments = ["--mount", "sh", "-c", mount + " && exec \"$0\" \"$@\"", binary] + arguments
      binary = try find("unshare")
    }
    program = try Program(
      binary, arguments, environment: environment, outputPath: folder.file("log"))
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

extension Gateway {
  /// What `weir health` says of this gateway, after at most `wait` seconds.
  public func health(wait: Int = 0) -> (ending: Ending?, output: String) {
    var arguments = ["health", "--state", statePath]
    if wait > 0 { arguments += ["--wait", "\(wait)"] }
    let result = try? weir(arguments)
    return (result?.ending, result?.output ?? "")
  }

  /// One line of that table.
  public struct HealthRow: Equatable {
    public var state: String
    public var starts: Int
    public var deaths: Int
  }

  /// What it says of one task; nil when it says nothing.
  public func healthRow(_ task: String) -> HealthRow? {
    guard let result = try? weir(["health", "--state", statePath, "--json"]),
      let object = try? JSONSerialization.jsonObject(with: Data(result.output.utf8)),
      let tasks = (object as? [String: Any])?["tasks"] as? [[String: Any]],
      let row = tasks.first(where: { $0["task"] as? String == task }),
      let state = row["state"] as? String, let starts = row["starts"] as? Int,
      let deaths = row["deaths"] as? Int
    else { return nil }
    return HealthRow(state: state, starts: starts, deaths: deaths)
  }
}

/// Runs the binary under test to its end; returns how it ended and what it said.
public func weir(_ arguments: [String]) throws -> (ending: Ending, output: String) {
  let folder = try Folder()
  let program = try Program(Gateway.binary, arguments, outputPath: folder.file("output"))
  return (try program.wait(seconds: 60), program.output)
}
