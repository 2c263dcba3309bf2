import Desk
import Foundation

/// Shows what comes: a table in place on a screen, or one line a message elsewhere.
final class Watcher {
  private(set) var gateways = Gateways()
  /// Nobody reads what is written any more.
  private(set) var isOutputGone = false

  private let broker: String
  private let screen: Screen?
  private var state: ConnectionState?
  private var stateSince = 0.0
  private var connectionCount = 0
  private var shownAt = 0.0
  private var shownCount: UInt64 = 0
  private var hasEnded = false

  /// Between two drawings that new messages cause, and between two that only age causes.
  private static let redrawSeconds = 0.1
  private static let ageSeconds = 0.5

  init(broker: String, screen: Screen?) {
    self.broker = broker
    self.screen = screen
  }

  func begin() { screen?.begin() }

  func end() {
    if !hasEnded { screen?.end() }
    hasEnded = true
  }

  func receive(topic: String, payload: [UInt8]) {
    let now = Date().timeIntervalSince1970
    let malformedCount = gateways.malformedCount
    let messages = gateways.receive(topic: topic, payload: payload, now: now)
    guard screen == nil else { return }
    for message in messages { write(eventLine(message, now: now)) }
    if gateways.malformedCount > malformedCount {
      writeError("malformed message: \(gateways.lastMalformed)")
    }
  }

  /// Draws when there is something new to see.
  func show(_ state: ConnectionState, connectionCount: Int) {
    let now = Date().timeIntervalSince1970
    if connectionCount > self.connectionCount {
      if connectionCount > 1 { gateways.receiverWasAway() }
      self.connectionCount = connectionCount
    }
    let isNewState = state != self.state
    if isNewState {
      self.state = state
      stateSince = now
      if screen == nil { tell(state) }
    }
    guard let screen else { return }
    let isNew = gateways.messageCount != shownCount && now - shownAt >= Self.redrawSeconds
    let isAged = now - shownAt >= Self.ageSeconds || now < shownAt
    guard isNew || isAged || isNewState || Signals.takeRedraw() else { return }
    if Signals.takeSuspend() { screen.suspend() }
    shownAt = now
    shownCount = gateways.messageCount
    let size = screen.size()
    let table = Table(
      broker: broker, connection: state, connectionAge: now - stateSince, now: now,
      width: size.width, height: size.height)
    if !screen.draw(table.lines(gateways)) { isOutputGone = true }
  }

  private func tell(_ state: ConnectionState) {
    switch state {
    case .connecting: break
    case .subscribed:
      if gateways.messageCount == 0 {
        writeError("connected to \(broker), waiting for the gateway")
      }
    case .disconnected(let reason): writeError("waiting for the broker at \(broker): \(reason)")
    }
  }

  private func write(_ line: String) {
    if !writeAll(line + "\n", to: 1) { isOutputGone = true }
  }

  private func writeError(_ line: String) {
    // Nobody can be told that standard error is gone.
    _ = writeAll("weirctl: \(line)\n", to: 2)
  }
}
