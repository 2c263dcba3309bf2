// The module Drivers: what the tests of the whole system start and steer. Everything that is
// started here is ended by its own process id, and every wait has a deadline. Only tests use it.

import Foundation

/// What a driver could not do; the text is for the person who reads the test's failure.
public struct DriverFailure: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// How a process ended.
public enum Ending: Equatable, Sendable {
  case exited(Int32)
  case killed(signal: Int32)
}

/// A process that a test started, with its output in a file. It ends with this object at the
/// latest.
public final class Program {
  public let process: pid_t
  public let outputPath: String
  private let name: String
  private var ending: Ending?

  /// Starts `path` with its standard input empty and both outputs in the file `outputPath`.
  public init(
    _ path: String, _ arguments: [String], environment: [String: String] = [:], outputPath: String
  ) throws {
    self.outputPath = outputPath
    name = URL(fileURLWithPath: path).lastPathComponent
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process = try Self.spawn(
      [path] + arguments, variables.map { "\($0)=\($1)" }, outputPath: outputPath)
  }

  deinit { end() }

  private static func spawn(
    _ words: [String], _ variables: [String], outputPath: String
  ) throws -> pid_t {
    // Safe in all of this function: the C strings live until the spawn has returned, and the
    // attributes and actions are initialised before they are used and destroyed after.
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(
      &actions, 1, outputPath, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // The test's own dispositions and mask are not the child's.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var all = sigset_t()
    var none = sigset_t()
    unsafe sigfillset(&all)
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    let arguments = unsafe words.map { unsafe strdup($0) } + [nil]
    let environment = unsafe variables.map { unsafe strdup($0) } + [nil]
    defer { unsafe (arguments + environment).forEach { unsafe free($0) } }
    var process: pid_t = 0
    let result = unsafe posix_spawn(
      &process, words[0], &actions, &attributes, arguments, environment)
    guard result == 0 else {
      throw DriverFailure("cannot start \(words[0]): \(unsafe String(cString: strerror(result)))")
    }
    return process
  }

  /// What it wrote so far.
  public var output: String {
    guard let data = FileManager.default.contents(atPath: outputPath) else { return "" }
    return String(decoding: data, as: UTF8.self)
  }

  /// Whether it still runs.
  public var isRunning: Bool { poll() == nil }

  /// How it ended, if it did.
  @discardableResult
  public func poll() -> Ending? {
    if let ending { return ending }
    var status: Int32 = 0
    // Safe: the variable outlives the call. The process is our child and was not waited for.
    guard unsafe waitpid(process, &status, WNOHANG) == process else { return nil }
    // The macros of wait(2): the low seven bits are the signal, the next eight the status.
    let signal = status & 0x7F
    ending = signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: signal)
    return ending
  }

  public func send(_ signal: Int32) {
    if poll() == nil { kill(process, signal) }
  }

  /// Waits until it has ended.
  public func wait(seconds: Double) throws -> Ending {
    guard let ending = waitUntil(seconds: seconds, { self.poll() }) else {
      throw DriverFailure(
        "\(name) still runs after \(seconds) s; its output:\n\(output.suffix(2000))")
    }
    return ending
  }

  /// Waits until its output contains `text`.
  public func wait(for text: String, seconds: Double) throws {
    let found = waitUntil(seconds: seconds) {
      self.output.contains(text) ? true : self.isRunning ? nil : false
    }
    guard found == true || output.contains(text) else {
      throw DriverFailure("\(name) did not say \"\(text)\"; its output:\n\(output.suffix(2000))")
    }
  }

  /// Asks it to end, and after three seconds ends it.
  public func end() {
    send(SIGTERM)
    if waitUntil(seconds: 3, { self.poll() }) == nil {
      send(SIGKILL)
      _ = waitUntil(seconds: 3) { self.poll() }
    }
  }
}

/// Asks until the answer is not nil, every 10 ms; nil when the time is over.
public func waitUntil<T>(seconds: Double, _ question: () throws -> T?) rethrows -> T? {
  let end = secondsNow() + seconds
  while true {
    if let answer = try question() { return answer }
    if secondsNow() >= end { return nil }
    usleep(10_000)
  }
}

/// Seconds of CLOCK_MONOTONIC.
public func secondsNow() -> Double {
  Double(DispatchTime.now().uptimeNanoseconds) / 1e9
}

/// A new folder for one test, removed with this object.
public final class Folder: Sendable {
  public let path: String

  public init() throws {
    // The path of a socket has at most 107 characters, so the folder is not below a long one.
    let name = "weir-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    path = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
  }

  deinit {
    // A folder that cannot be removed is left in the system's temporary folder, which is emptied.
    try? FileManager.default.removeItem(atPath: path)
  }

  public func file(_ name: String) -> String { path + "/" + name }

  /// Writes a file into the folder; returns its path.
  @discardableResult
  public func write(_ text: String, to name: String) throws -> String {
    try text.write(toFile: file(name), atomically: true, encoding: .utf8)
    return file(name)
  }
}

/// The checkout that this test was built from.
public let checkout = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
