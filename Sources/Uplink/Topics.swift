import Configuration

/// Where messages go. `{device}` and `{channel}` in the configured topics are replaced; a channel's
/// name is one level of the topic, dots and all.
///
/// | what | topic |
/// | --- | --- |
/// | events of a channel | `topic`, as configured: `weir/{device}/{channel}` |
/// | birth and will, retained | `status_topic`: `weir/{device}/status` |
/// | events that were dropped | the status topic, its last level `gap`: `weir/{device}/gap` |
public struct Topics {
  /// Each ends in a 0, for C.
  public let channels: [[CChar]]
  public let status: [CChar]
  public let gap: [CChar]

  public init(settings: UplinkSettings, device: String, channels: [ChannelSettings]) {
    var list: [[CChar]] = []
    for channel in channels {
      list.append(
        terminated(expandTopic(settings.topic, device: device, channel: channel.name)))
    }
    self.channels = list
    let status = expandTopic(settings.statusTopic, device: device, channel: "status")
    self.status = terminated(status)
    gap = terminated(siblingTopic(of: status, named: "gap"))
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
