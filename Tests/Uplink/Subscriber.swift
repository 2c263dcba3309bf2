import Drivers
import Foundation

/// A `mosquitto_sub` on everything, which shows what a decoder leaves out: topics, the retained
/// flag, MQTT 5's properties.
final class Subscriber {
  struct Message {
    var topic: String
    var isRetained: Bool
    var contentType: String
    var properties: String
    var payload: String
  }

  private let folder: Folder
  private let program: Program

  init(_ broker: Broker, _ arguments: [String] = []) throws {
    folder = try Folder()
    program = try Program(
      try find("mosquitto_sub"),
      ["-h", "127.0.0.1", "-p", "\(broker.port)", "-V", "mqttv5", "-q", "1", "-t", "#"]
        + ["-i", "subscriber", "-F", "%t\t%r\t%C\t%P\t%p"] + arguments,
      outputPath: folder.file("received"))
    guard
      waitUntil(
        seconds: 10, { broker.log.contains("Sending SUBACK to subscriber") ? true : nil }) != nil
    else { throw DriverFailure("mosquitto_sub does not subscribe: \(broker.log)") }
  }

  /// The messages so far. A line that is not whole yet is left out.
  var messages: [Message] {
    program.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().compactMap {
      let fields = $0.split(separator: "\t", maxSplits: 4, omittingEmptySubsequences: false)
      guard fields.count == 5 else { return nil }
      return Message(
        topic: String(fields[0]), isRetained: fields[1] == "1", contentType: String(fields[2]),
        properties: String(fields[3]), payload: String(fields[4]))
    }
  }

  /// The last message of the status topic: (retained, payload).
  var status: String? { messages.last { $0.topic == "weir/plant7/status" }?.payload }
}

/// The one record of a SenML message.
func fields(_ payload: String) throws -> [String: Any] {
  let value = try JSONSerialization.jsonObject(with: Data(payload.utf8))
  guard let records = value as? [[String: Any]], records.count == 1 else {
    throw DriverFailure("not an array of one record: \(payload)")
  }
  return records[0]
}

extension Recorder {
  /// The sequence numbers of all events so far, in the order of their arrival.
  var sequences: [UInt64] { records.map(\.sequence) }
}

/// The numbers of 0 ..< count that are missing.
func holes(_ sequences: [UInt64], count: UInt64) -> [UInt64] {
  let seen = Set(sequences)
  return (0..<count).filter { !seen.contains($0) }
}

/// Takes this child if it has ended, and no other child.
func isGone(_ process: Int32) -> Bool {
  var status: Int32 = 0
  // Safe: the variable outlives the call.
  return unsafe waitpid(process, &status, WNOHANG) == process
}
