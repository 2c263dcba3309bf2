import CDrills
import Foundation

/// Two network namespaces and the line between them (Tests/Network/link.py), which a test makes
/// slow, lossy or dead. Only root may make them. They are gone with this object.
public final class NetworkLine {
  /// One end of the line.
  public struct End: Sendable {
    /// The namespace, as a file.
    public let path: String
    public let address: String

    /// The command, to be run in there.
    func inside(_ path: String, _ arguments: [String]) throws -> (String, [String]) {
      (try find("nsenter"), ["--net=\(self.path)", path] + arguments)
    }

    /// Lets the calling thread's new sockets be of this namespace.
    func enter() throws {
      // Safe: the string outlives the call.
      guard unsafe weir_enter_network(path) == 0 else {
        throw DriverFailure("can't enter \(path): errno \(errno)")
      }
    }
  }

  public static let isPossible = getuid() == 0

  /// The gateway's end, and the broker's.
  public let near: End
  public let far: End
  private let program: Program
  private let folder: Folder

  public init() throws {
    folder = try Folder()
    let control = try folder.write("", to: "control")
    program = try Program(
      try find("python3"), [checkout + "/Tests/Network/link.py", control],
      outputPath: folder.file("log"))
    try program.wait(for: "ready ", seconds: 10)
    let words = program.output.split(whereSeparator: \.isWhitespace)
    guard words.count == 3 else { throw DriverFailure("link.py: \(program.output)") }
    let files = "/proc/\(program.process)/fd/"
    near = End(path: files + words[1], address: "10.99.0.1")
    far = End(path: files + words[2], address: "10.99.0.2")
  }

  /// `delay 300 jitter 100 loss 5`: ms and percent, each way; nothing for a perfect line.
  public func become(_ conditions: String) throws {
    try folder.write(conditions, to: "control")
  }

  /// Runs a program of the system at the near end, to its end: `tc qdisc …`, `ip link …`.
  public func atNearEnd(_ command: String) throws {
    let words = command.split(separator: " ").map(String.init)
    let (path, arguments) = try near.inside(try find(words[0]), Array(words.dropFirst()))
    let log = folder.file("commands")
    let program = try Program(path, arguments, outputPath: log)
    guard try program.wait(seconds: 10) == .exited(0) else {
      throw DriverFailure("\(command): \(program.output)")
    }
  }
}
