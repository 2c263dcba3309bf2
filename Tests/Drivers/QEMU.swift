import Foundation

/// QEMU's machine protocol (QMP, docs/interop/qmp-spec): one command at a time.
public final class QMP {
  private let socket: UnixSocket

  public init(_ path: String, seconds: Double = 10) throws {
    socket = try UnixSocket(path, seconds: seconds)
    _ = try socket.line(seconds: seconds)  // the greeting
    _ = try execute("qmp_capabilities")
  }

  /// Executes a command; returns what it returned. Events between are skipped.
  @discardableResult
  public func execute(_ command: String, _ arguments: [String: Any] = [:]) throws -> Any {
    let request = ["execute": command, "arguments": arguments] as [String: Any]
    let data = try JSONSerialization.data(withJSONObject: request)
    try socket.send(String(decoding: data, as: UTF8.self))
    for _ in 0..<1000 {
      let line = try socket.line(seconds: 10)
      guard let answer = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      else { continue }
      if let result = answer["return"] { return result }
      if let error = answer["error"] as? [String: Any] {
        throw DriverFailure("QMP \(command): \(error["desc"] ?? "no reason")")
      }
    }
    throw DriverFailure("QMP \(command): no answer among 1000 events")
  }

  /// Waits for an event, such as `RESET`, that happened after `start`; returns when it did. Both in
  /// seconds of CLOCK_MONOTONIC. Other events are skipped.
  public func wait(forEvent name: String, after start: Double, seconds: Double) throws -> Double {
    let deadline = secondsNow() + seconds
    while secondsNow() < deadline {
      let line = try socket.line(seconds: max(0.1, deadline - secondsNow()))
      guard let event = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
        event["event"] as? String == name, let stamp = event["timestamp"] as? [String: Int],
        let whole = stamp["seconds"], let rest = stamp["microseconds"]
      else { continue }
      let age = Date().timeIntervalSince1970 - Double(whole) - Double(rest) / 1e6
      if secondsNow() - age > start { return secondsNow() - age }
    }
    throw DriverFailure("QMP: no event \(name) within \(seconds) s")
  }

  public func set(_ path: String, _ property: String, _ value: Int) throws {
    try execute("qom-set", ["path": path, "property": property, "value": value])
  }

  public func get(_ path: String, _ property: String) throws -> Any {
    try execute("qom-get", ["path": path, "property": property])
  }

  /// The paths of all devices of the type, such as `tmp105`, in the order of the tree.
  public func devices(ofType type: String) throws -> [String] {
    var found: [String] = []
    try collect(type, at: "/machine", depth: 0, into: &found)
    return found
  }

  /// The tree of a machine is at most this deep.
  private static let depthMax = 8

  private func collect(
    _ type: String, at path: String, depth: Int, into found: inout [String]
  ) throws {
    guard depth <= Self.depthMax else { return }
    guard let entries = try execute("qom-list", ["path": path]) as? [[String: Any]] else { return }
    for entry in entries {
      guard let name = entry["name"] as? String, let kind = entry["type"] as? String,
        kind.hasPrefix("child<")
      else { continue }
      if kind == "child<\(type)>" { found.append(path + "/" + name) }
      // Memory regions and interrupts have no devices below.
      guard !kind.contains("memory-region"), !kind.contains("<irq>") else { continue }
      try collect(type, at: path + "/" + name, depth: depth + 1, into: &found)
    }
  }
}

/// QEMU's test protocol (docs/devel/testing/qtest): drives the pins of a machine that runs
/// normally.
public final class QTest {
  private let socket: UnixSocket

  public init(_ path: String, seconds: Double = 10) throws {
    socket = try UnixSocket(path, seconds: seconds)
  }

  /// Sets an unnamed GPIO input of the device; returns when the device has taken it.
  public func set(_ device: String, line: Int, level: Int) throws {
    try socket.send("set_irq_in \(device) unnamed-gpio-in \(line) \(level)")
    for _ in 0..<1000 {
      let answer = try socket.line(seconds: 10)
      if answer.hasPrefix("OK") { return }
      if answer.hasPrefix("FAIL") || answer.hasPrefix("ERR") {
        throw DriverFailure("qtest: \(answer)")
      }
    }
    throw DriverFailure("qtest: no answer")
  }
}
