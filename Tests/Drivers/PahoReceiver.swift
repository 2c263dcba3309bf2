import Foundation

/// A receiver that nobody here wrote: Debian's paho-mqtt, as a process of its own
/// (Tests/Paho/receiver.py), with a session that the broker keeps. What it got is compared with
/// what journals held (Tests/Paho/account.py).
public final class PahoReceiver {
  /// What the comparison found; the names are those of account.py.
  public struct Summary: Decodable, Sendable {
    /// Whether nothing is lost, different, or two things at once.
    public var good: Bool
    /// Different events that a journal held, and that came.
    public var durable: Int
    public var received: Int
    /// Deliveries of an event that had come before, with the same content.
    public var duplicates: Int
    /// Deliveries of an event that had come before, with another content.
    public var conflicts: Int
    /// Durable events that did not come, and that came as something else.
    public var lost: Int
    public var different: Int
    /// Numbers between the first and the last of each epoch that no journal held.
    public var durableHoles: Int
    /// How many boots they are of, and the number of the last.
    public var epochs: Int
    public var lastEpoch: Int
    /// What the journals say they lost.
    public var gaps: Int
    public var examples: [String]

    /// For a person.
    public var text: String {
      "\(durable) events durable in \(epochs) epochs, \(received) received, "
        + "\(duplicates) duplicates, \(lost) lost, \(conflicts) conflicts, \(different) different, "
        + "\(durableHoles) holes, \(gaps) gaps"
    }
  }

  private let folder: Folder
  private let program: Program
  /// What it received, a line each: device, epoch, sequence, content, with tabs between.
  public let path: String

  /// Starts it; it connects as soon as there is a broker at the port.
  public init(port: Int) throws {
    folder = try Folder()
    path = folder.file("received")
    program = try Program(
      Self.python, [Self.script("receiver"), "\(port)", path],
      outputPath: folder.file("log"))
  }

  /// Debian's own, which has Debian's paho-mqtt; another may come first on the PATH.
  public static let python = "/usr/bin/python3"

  /// The path of a script of Tests/Paho.
  public static func script(_ name: String) -> String { checkout + "/Tests/Paho/\(name).py" }

  /// How often it has subscribed.
  public var connectionCount: Int {
    program.output.split(separator: "\n").filter { $0 == "connected" }.count
  }

  public func waitForConnection(_ number: Int, seconds: Double = 20) throws {
    guard waitUntil(seconds: seconds, { connectionCount >= number ? true : nil }) == true else {
      throw DriverFailure("the receiver does not connect: \(program.output.suffix(2000))")
    }
  }

  /// Compares everything that came with what these dumps of journals say, files each.
  public func account(_ dumps: [String]) throws -> Summary {
    let output = folder.file("account-\(UInt32.random(in: 0 ... .max))")
    let accountant = try Program(
      Self.python, [Self.script("account"), path] + dumps, outputPath: output)
    guard try accountant.wait(seconds: 300) == .exited(0) else {
      throw DriverFailure("account.py: \(accountant.output.suffix(2000))")
    }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Summary.self, from: Data(accountant.output.utf8))
  }

  /// Waits until everything that the dumps hold has come; the last comparison if it does not.
  public func waitForAll(_ dumps: [String], seconds: Double) throws -> Summary {
    let end = secondsNow() + seconds
    while true {
      let summary = try account(dumps)
      if summary.lost == 0 || secondsNow() >= end { return summary }
      usleep(500_000)
    }
  }
}

/// Writes what the journal of a state folder holds, all of it, into a file (`weir journal dump`).
public func dumpJournal(_ journal: String, to path: String) throws {
  let program = try Program(
    Gateway.binary, ["journal", "dump", journal, "--all"], outputPath: path)
  guard try program.wait(seconds: 60) == .exited(0) else {
    throw DriverFailure("weir journal dump \(journal): \(program.output.suffix(500))")
  }
}
