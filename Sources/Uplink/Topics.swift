import Configuration
import Ring

/// Where messages go. `{device}` and `{channel}` in the configured topics are replaced; a channel's
/// name is one level of the topic, dots and all.
///
/// | what | topic |
/// | --- | --- |
/// | events of a channel | `topic`, as configured: `weir/{device}/{channel}` |
/// | events of several channels in one message | the status topic, its last level `batch`: `weir/{device}/batch` |
/// | birth and will, retained | `status_topic`: `weir/{device}/status` |
/// | what ended the last boot, retained | the status topic, its last level `boot`: `weir/{device}/boot` |
/// | events that were dropped, evicted or damaged | the status topic, its last level `gap`: `weir/{device}/gap` |
/// | overload levels | the status topic, its last level `overload`: `weir/{device}/overload` |
/// | crash records | the status topic, its last level `crash`: `weir/{device}/crash` |
/// | what the journal holds, retained | the status topic, its last level `checkpoint`: `weir/{device}/checkpoint` |
/// | requests for events again, which come | the status topic, its last level `replay`: `weir/{device}/replay` |
/// | what became of these | the status topic, its last level `replayed`: `weir/{device}/replayed` |
/// | lines of the tasks' logs | the status topic, its last level `log`: `weir/{device}/log` |
public struct Topics {
  /// Each ends in a 0, for C.
  public let channels: [[CChar]]
  /// Whether all of these are the same.
  let isOne: Bool
  public let status: [CChar]
  public let batch: [CChar]
  public let gap: [CChar]
  public let overload: [CChar]
  public let log: [CChar]
  public let crash: [CChar]
  public let checkpoint: [CChar]
  public let replay: [CChar]
  public let replayed: [CChar]
  /// The same, for people.
  let logName: String
  let checkpointName: String
  let replayName: String
  public let boot: [CChar]

  public init(settings: UplinkSettings, device: String, channels: [ChannelSettings]) {
    var list: [[CChar]] = []
    for channel in channels {
      list.append(
        terminated(expandTopic(settings.topic, device: device, channel: channel.name)))
    }
    self.channels = list
    isOne = list.allSatisfy { $0 == list[0] }
    let status = expandTopic(settings.statusTopic, device: device, channel: "status")
    self.status = terminated(status)
    batch = terminated(siblingTopic(of: status, named: "batch"))
    gap = terminated(siblingTopic(of: status, named: "gap"))
    boot = terminated(siblingTopic(of: status, named: "boot"))
    overload = terminated(siblingTopic(of: status, named: "overload"))
    crash = terminated(siblingTopic(of: status, named: "crash"))
    checkpointName = siblingTopic(of: status, named: "checkpoint")
    checkpoint = terminated(checkpointName)
    replayName = siblingTopic(of: status, named: "replay")
    replay = terminated(replayName)
    replayed = terminated(siblingTopic(of: status, named: "replayed"))
    logName = siblingTopic(of: status, named: "log")
    log = terminated(logName)
  }

  /// Of the longest topic of events, in bytes.
  var byteCountMax: Int {
    channels.reduce(max(batch.count, max(gap.count, overload.count))) { max($0, $1.count) }
  }

  static let gapNumber = -1
  private static let overloadNumber = -2
  /// Of a message with events of several channels.
  private static let batchNumber = -3

  /// The number of the topic of a message that has events of both topics; nil where they can't be
  /// in one: what concerns the device has topics of its own.
  static func number(of first: Int, and second: Int) -> Int? {
    if first == second { return first }
    let isOfChannels = (first >= 0 || first == batchNumber) && second >= 0
    return isOfChannels ? batchNumber : nil
  }

  /// The number of the topic where an event goes: that of the channel, unless all channels have the
  /// same topic.
  func number(of event: Event) -> Int { Self.number(of: event, isOne: isOne) }

  /// The same, without all the topics at hand.
  static func number(of event: Event, isOne: Bool) -> Int {
    switch event.kind {
    case .droppedEvents: gapNumber
    case .overload: overloadNumber
    case .value, .window, .alarmRaised, .alarmCleared, .edge, .missedDeadlines, .lostEdges,
      .droppedReadings, .slowedSampling:
      isOne ? 0 : Int(event.channel)
    }
  }

  /// The topic of that number; of a channel that could be encoded, so that it is in the
  /// configuration.
  func topic(_ number: Int) -> [CChar] {
    switch number {
    case Self.gapNumber: gap
    case Self.overloadNumber: overload
    case Self.batchNumber: batch
    default: channels[number]
    }
  }
}

/// The template with `{device}` and `{channel}` replaced. Other braces stay.
public func expandTopic(_ template: String, device: String, channel: String) -> String {
  let bytes = Array(template.utf8)
  let devicePlace = Array("{device}".utf8)
  let channelPlace = Array("{channel}".utf8)
  var result: [UInt8] = []
  var index = 0
  while index < bytes.count {
    if bytes[index...].starts(with: devicePlace) {
      result.append(contentsOf: device.utf8)
      index += devicePlace.count
    } else if bytes[index...].starts(with: channelPlace) {
      result.append(contentsOf: channel.utf8)
      index += channelPlace.count
    } else {
      result.append(bytes[index])
      index += 1
    }
  }
  return String(decoding: result, as: UTF8.self)
}

/// `a/b/gap` for `a/b/status`.
func siblingTopic(of topic: String, named name: String) -> String {
  let bytes = Array(topic.utf8)
  guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return topic + "-" + name }
  return String(decoding: bytes[0...slash], as: UTF8.self) + name
}

/// The text for C.
func terminated(_ text: String) -> [CChar] {
  var result: [CChar] = []
  for byte in text.utf8 { result.append(CChar(bitPattern: byte)) }
  result.append(0)
  return result
}
