import ArgumentParser
import Desk
import Foundation

struct ReceiveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "receive",
    abstract: "Store what gateways send, each event once, and ask for what is missing.",
    discussion: """
      Every event is stored before the broker may forget it, and known by its device, epoch and \
      sequence: what comes twice is stored once. What is missing and was not explained is asked \
      for at the gateway, if that has a journal.

      The broker keeps the session for a week while this receiver is away, so start it again with \
      the same --client. Several receivers share the work with --share GROUP and one database, \
      each with a --client of its own; what one had not stored when it died the others get from \
      the gateway's journal.

      The exit status is 0; with --for it is 1 when events are still missing at the end.
      """)

  @Option(help: "The broker: mqtt://HOST[:PORT], or mqtts:// for TLS.")
  var broker = BrokerAddress(argument: "mqtt://127.0.0.1")!
  @Option(help: "The topics to subscribe to.") var topic = "weir/#"
  @OptionGroup var credentials: Credentials
  @Option(help: "The file for the events, a line of JSON each.") var out: String?
  @Option(help: "The SQLite database for the events.") var sqlite: String?
  @Option(help: "Share the messages with all receivers of this group; needs --sqlite.")
  var share: String?
  @Flag(help: "Ask for nothing, only listen.") var noReplay = false
  @Option(help: "The name at the broker (default: from this machine's and the file's names).")
  var client: String?
  @Option(help: "The version of MQTT: 5, or 3.1.1 for old brokers.") var mqtt = "5"
  @Option(name: .customLong("for"), help: "End after this many seconds.") var seconds: Double?

  func validate() throws {
    if let seconds, !(seconds > 0) { throw ValidationError("--for must be more than 0") }
    if (out == nil) == (sqlite == nil) {
      throw ValidationError("one of --out and --sqlite says where the events go")
    }
    if mqtt != "5", mqtt != "3.1.1" { throw ValidationError("--mqtt must be 5 or 3.1.1") }
    guard let share else { return }
    if share.isEmpty || share.contains(where: { "/+#".contains($0) }) {
      throw ValidationError("--share: a group's name has none of the characters / + #")
    }
    if sqlite == nil {
      throw ValidationError(
        "--share needs --sqlite: each receiver gets a part, and only together they see holes"
      )
    }
    if client == nil {
      throw ValidationError("--share needs --client, another one for each receiver")
    }
  }

  /// How long the broker keeps the session of a receiver that is away, in seconds: a week for one
  /// alone. A broker goes on giving an absent member of a group its part: long enough for one that
  /// is started again at once; what another got until then the others ask the gateway for.
  private static let sessionSeconds: UInt32 = 7 * 86_400
  private static let groupSessionSeconds: UInt32 = 10

  func run() throws {
    Signals.install()
    let settings = try brokerSettings()
    let receiving: Receiving
    do {
      let store: any EventStore
      if let sqlite {
        store = try SQLiteStore(path: sqlite)
      } else {
        let lines = try LinesStore(path: out ?? "")
        store = lines
        if lines.cutByteCount > 0 {
          Receiving.say("\(out ?? ""): \(lines.cutByteCount) bytes of a broken line were cut off")
        }
      }
      receiving = try Receiving(settings, store: store, asksForReplay: !noReplay)
    } catch let failure as StoreFailure {
      Receiving.say(failure.text)
      throw ExitCode.failure
    } catch let failure as ReceiverFailure {
      throw ValidationError(failure.text)
    }
    do throws(StoreFailure) {
      try receiving.run(seconds: seconds)
    } catch {
      receiving.summarize()
      Receiving.say(error.text)
      // Without a goodbye to the broker: what it was not told to forget, it sends again.
      throw ExitCode.failure
    }
    if let fault = receiving.fault {
      Receiving.say(fault)
      throw ExitCode.failure
    }
    if seconds != nil, receiving.collector.figures.holeCount > 0 { throw ExitCode(1) }
    if let signal = Signals.ending, signal == SIGHUP { Signals.die(of: signal) }
  }

  private func brokerSettings() throws -> BrokerSettings {
    var settings = try credentials.settings()
    settings.host = broker.host
    settings.port = broker.port
    settings.usesSystemAuthorities = broker.usesTLS
    settings.topic = topic
    settings.group = share
    // What is retained is not sent to a group (MQTT 5, §4.8.2): it is subscribed to besides.
    if share != nil, topic.hasSuffix("/#") {
      let begin = topic.dropLast(2)
      settings.moreTopics = ["checkpoint", "status"].flatMap {
        ["\(begin)/+/\($0)", "\(begin)/\($0)"]
      }
    }
    settings.client = client ?? defaultClient()
    settings.isVersion5 = mqtt == "5"
    settings.sessionSeconds = share == nil ? Self.sessionSeconds : Self.groupSessionSeconds
    settings.holdsAcknowledgements = true
    return settings
  }

  /// The same at each start for the same file.
  private func defaultClient() -> String {
    let file = URL(fileURLWithPath: sqlite ?? out ?? "").standardizedFileURL.path
    let number = file.utf8.reduce(UInt64(5381)) { $0 &* 33 ^ UInt64($1) }
    return "weirctl-\(ProcessInfo.processInfo.hostName)-\(String(number, radix: 36))"
  }
}
