import ArgumentParser
import Desk
import Foundation

struct Watch: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what gateways send to a broker.",
    discussion: """
      On a terminal: a table of channels, redrawn in place, until Ctrl-C. Otherwise one line a \
      message, as soon as it comes. NO_COLOR switches colours off.

      The exit status is 0 when --for or --count ended it, and 1 when --for ended it before \
      --count messages had come.
      """)

  @Option(help: "The broker's name or address.") var host = "127.0.0.1"
  @Option(help: "The broker's port (default: 1883; 8883 with --ca).") var port: UInt16?
  @Option(help: "The topics to subscribe to.") var topic = "weir/#"
  @Option(help: "The user at the broker.") var user: String?
  @Option(help: "A file whose first line is the user's password.") var passwordFile: String?
  @Option(help: "The CA of the broker's certificate (PEM); makes the connection TLS.")
  var ca: String?
  @Option(help: "A certificate for the broker (PEM), with --key.") var certificate: String?
  @Option(help: "The certificate's private key (PEM).") var key: String?
  @Option(help: "End after this many messages.") var count: UInt64?
  @Option(name: .customLong("for"), help: "End after this many seconds.") var seconds: Double?

  func validate() throws {
    if let seconds, !(seconds > 0) { throw ValidationError("--for must be more than 0") }
    if count == 0 { throw ValidationError("--count must be more than 0") }
    if (certificate == nil) != (key == nil) {
      throw ValidationError("--certificate and --key belong together")
    }
    if certificate != nil, ca == nil { throw ValidationError("--certificate needs --ca") }
    if passwordFile != nil, user == nil { throw ValidationError("--password-file needs --user") }
  }

  func run() throws {
    let settings = try brokerSettings()
    let broker = "\(settings.host):\(settings.port)"
    let watcher = Watcher(broker: broker, screen: Screen.standardOutput())
    let receiver: Receiver
    do {
      receiver = try Receiver(settings) { topic, payload in
        watcher.receive(topic: topic, payload: payload)
      }
    } catch {
      throw ValidationError(error.text)
    }
    Signals.install()
    watcher.begin()
    defer { watcher.end() }

    let end = seconds.map { Date().timeIntervalSince1970 + $0 }
    while Signals.ending == nil, !watcher.isOutputGone {
      if let count, watcher.gateways.messageCount >= count { return }
      let now = Date().timeIntervalSince1970
      if let end, now >= end {
        watcher.show(receiver.state, connectionCount: receiver.connectionCount)
        throw ExitCode(count == nil ? 0 : 1)
      }
      let wait = min(end.map { $0 - now } ?? 0.25, 0.25)
      receiver.step(timeoutMilliseconds: Int32(wait * 1000) + 1)
      watcher.show(receiver.state, connectionCount: receiver.connectionCount)
    }
    watcher.end()
    if let signal = Signals.ending { Signals.die(of: signal) }
  }

  private func brokerSettings() throws -> BrokerSettings {
    var settings = BrokerSettings()
    settings.host = host
    settings.port = Int(port ?? (ca == nil ? 1883 : 8883))
    settings.topic = topic
    settings.user = user
    if let passwordFile {
      guard let text = try? String(contentsOfFile: passwordFile, encoding: .utf8) else {
        throw ValidationError("--password-file: \(passwordFile) cannot be read as text")
      }
      settings.password = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    }
    for (option, path) in [("--ca", ca), ("--certificate", certificate), ("--key", key)] {
      guard let path, !FileManager.default.isReadableFile(atPath: path) else { continue }
      throw ValidationError("\(option): \(path) cannot be read")
    }
    settings.authority = ca
    settings.certificate = certificate
    settings.key = key
    return settings
  }
}
