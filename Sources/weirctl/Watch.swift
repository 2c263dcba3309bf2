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
  @OptionGroup var credentials: Credentials
  @Option(help: "End after this many messages.") var count: UInt64?
  @Option(name: .customLong("for"), help: "End after this many seconds.") var seconds: Double?

  func validate() throws {
    if let seconds, !(seconds > 0) { throw ValidationError("--for must be more than 0") }
    if count == 0 { throw ValidationError("--count must be more than 0") }
    if credentials.certificate != nil, credentials.ca == nil {
      throw ValidationError("--certificate needs --ca")
    }
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
    var settings = try credentials.settings()
    settings.host = host
    settings.port = Int(port ?? (credentials.ca == nil ? 1883 : 8883))
    settings.topic = topic
    return settings
  }
}
