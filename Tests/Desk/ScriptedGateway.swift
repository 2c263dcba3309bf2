import Drivers
import Foundation

@testable import Desk

/// A gateway as its receivers see it: publishes packs of events, leaves out what it is told to, and
/// answers requests to send them again, from a journal of all that it ever had.
final class ScriptedGateway: @unchecked Sendable {
  let device: String
  private let lock = NSLock()
  private var outbox: [(topic: String, payload: String)] = []
  private var held: [UInt64: [UInt64: String]] = [:]
  private var requests: [(text: String, at: Double)] = []
  private var isEnding = false
  private var hasEnded = false
  private var isConnected = false
  /// Says no to so many requests before it answers one.
  private var refusalCount = 0

  init(device: String = "p", port: Int, _ options: Broker.Options = Broker.Options()) throws {
    self.device = device
    var settings = BrokerSettings()
    settings.port = port
    settings.topic = "weir/\(device)/replay"
    settings.client = "gateway-\(device)"
    settings.authority = options.authority?.certificatePath
    settings.user = options.user?.name
    settings.password = options.user?.password
    let fixed = settings
    Thread.detachNewThread { self.serve(fixed) }
    guard waitUntil(seconds: 10, { self.lock.withLock { self.isConnected } ? true : nil }) != nil
    else { throw DriverFailure("the scripted gateway has no connection") }
  }

  func end() {
    lock.withLock { isEnding = true }
    _ = waitUntil(seconds: 5) { self.lock.withLock { self.hasEnded } ? true : nil }
  }

  private func serve(_ settings: BrokerSettings) {
    defer { lock.withLock { hasEnded = true } }
    var incoming: [String] = []
    guard
      let receiver = try? Receiver(
        settings, onMessage: { incoming.append(String(decoding: $1, as: UTF8.self)) })
    else { return }
    while !lock.withLock({ isEnding }) {
      receiver.step(timeoutMilliseconds: 5)
      for text in incoming { answer(text) }
      incoming = []
      lock.withLock { isConnected = receiver.state == .subscribed }
      guard receiver.state == .subscribed else { continue }
      for (topic, payload) in lock.withLock({ outbox.removingAll() }) {
        receiver.publish(topic: topic, payload: payload)
      }
    }
  }

  /// Whether all that was to be sent was given to the broker's client.
  var isIdle: Bool { lock.withLock { outbox.isEmpty } }

  /// The requests that came, as they came.
  var seen: [(text: String, at: Double)] { lock.withLock { requests } }

  func refuse(_ count: Int) { lock.withLock { refusalCount = count } }

  func send(_ payload: String, on level: String) {
    lock.withLock { outbox.append(("weir/\(device)/\(level)", payload)) }
  }

  /// The records as one pack.
  func send(_ records: [String]) {
    guard !records.isEmpty else { return }
    send(pack(records), on: "a")
  }

  func pack(_ records: [String]) -> String {
    "[{\"bn\":\"\(device)/\"," + records.map { $0.dropFirst() }.joined(separator: ",{") + "]"
  }

  /// An event of the journal, as a record without its base name.
  func event(_ epoch: UInt64, _ sequence: UInt64, value: UInt64? = nil, more: String = "") -> String
  {
    let record =
      "{\"n\":\"a\",\"u\":\"Cel\",\"v\":\(value ?? sequence),\"t\":1764000000,\"epoch\":\(epoch),"
      + "\"seq\":\(sequence),\"rseq\":\(sequence)\(more)}"
    return record
  }

  /// Puts events into the journal; sends those that `where` wants, in packs.
  func store(
    epoch: UInt64, _ range: ClosedRange<UInt64>, packed: Int = 8, sends: (UInt64) -> Bool
  ) {
    lock.withLock {
      for number in range { held[epoch, default: [:]][number] = event(epoch, number) }
    }
    var records: [String] = []
    for number in range where sends(number) {
      records.append(event(epoch, number))
      if records.count == packed {
        send(records)
        records = []
      }
    }
    send(records)
  }

  /// The journal no longer has them.
  func forget(epoch: UInt64, _ range: ClosedRange<UInt64>) {
    lock.withLock { for number in range { held[epoch]?[number] = nil } }
  }

  func sendCheckpoint(acknowledged: Place? = nil) {
    let places = lock.withLock {
      held.flatMap { epoch, events in events.keys.map { Place(epoch: epoch, sequence: $0) } }
    }.sorted()
    guard let lowest = places.first, let highest = places.last else { return }
    func text(_ place: Place) -> String { "{\"epoch\":\(place.epoch),\"seq\":\(place.sequence)}" }
    send(
      "{\"device\":\"\(device)\",\"epoch\":\(highest.epoch),\"t\":1764000000,"
        + "\"lowest\":\(text(lowest)),\"highest\":\(text(highest)),"
        + "\"acknowledged\":\(text(acknowledged ?? highest)),"
        + "\"stored\":\(places.count),\"evicted\":0,\"dropped\":0}", on: "checkpoint")
  }

  private struct Request: Decodable {
    var id: String
    var epoch: UInt64
    var first: UInt64
    var last: UInt64
  }

  private func answer(_ text: String) {
    guard let request = try? JSONDecoder().decode(Request.self, from: Data(text.utf8)) else {
      return
    }
    let range =
      "\"id\":\"\(request.id)\",\"epoch\":\(request.epoch),\"first\":\(request.first),"
      + "\"last\":\(request.last)"
    let isRefused = lock.withLock {
      requests.append((text, secondsNow()))
      refusalCount -= 1
      return refusalCount >= 0
    }
    guard !isRefused else {
      return send("{\(range),\"status\":\"refused\",\"reason\":\"busy\"}", on: "replayed")
    }
    let found = lock.withLock { held[request.epoch] ?? [:] }.filter {
      request.first <= $0.key && $0.key <= request.last
    }.sorted { $0.key < $1.key }
    for (_, record) in found { send([record.dropLast() + ",\"replayed\":true}"]) }
    let missing = request.last - request.first + 1 - UInt64(found.count)
    send(
      "{\(range),\"sent\":\(found.count),\"missing\":\(missing),\"status\":\"done\"}",
      on: "replayed")
  }
}

extension Array {
  fileprivate mutating func removingAll() -> [Element] {
    defer { removeAll() }
    return self
  }
}

/// `weirctl receive`, as a person starts it.
final class ReceiveProgram {
  let program: Program

  init(
    port: Int, _ arguments: [String], in folder: Folder, name: String = "receive",
    through wrapper: [String] = [], scheme: String = "mqtt"
  ) throws {
    let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let path = tests.deletingLastPathComponent().appendingPathComponent("weirctl").path
    let words =
      wrapper + [path, "receive", "--broker", "\(scheme)://127.0.0.1:\(port)"] + arguments
    program = try Program(
      try words[0].hasPrefix("/") ? words[0] : find(words[0]), Array(words.dropFirst()),
      outputPath: folder.file(name + ".log"))
  }

  func waitForConnection() throws { try program.wait(for: "connected to", seconds: 20) }

  /// A number of the last summary.
  func figure(_ name: String) -> Int? {
    guard
      let line = program.output.split(separator: "\n").last(where: { $0.contains("received ") }),
      let place = line.range(of: name + " ")
    else { return nil }
    return Int(line[place.upperBound...].prefix { $0.isNumber })
  }
}
