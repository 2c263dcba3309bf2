/// How a piece of a line looks on a terminal that has colours.
public enum Style: Equatable, Sendable {
  case plain
  case bold
  case dim
  case warning
  case alarm

  /// The attributes of ECMA-48 §8.3.117 (SGR).
  var code: String {
    switch self {
    case .plain: ""
    case .bold: "1"
    case .dim: "2"
    case .warning: "33"
    case .alarm: "1;31"
    }
  }
}

/// One line of the screen: pieces of text, each with its style.
public struct Line: Equatable, Sendable {
  public var pieces: [(text: String, style: Style)] = []

  init(_ text: String = "", _ style: Style = .plain) {
    if !text.isEmpty { pieces = [(text, style)] }
  }

  public static func == (a: Line, b: Line) -> Bool {
    a.pieces.elementsEqual(b.pieces) { $0 == $1 }
  }

  /// The text alone.
  public var text: String { pieces.map(\.text).joined() }

  /// Columns that the line takes: none of our texts has a wide or a combining character.
  public var width: Int { pieces.reduce(0) { $0 + $1.text.count } }

  /// The text with escape sequences, or without.
  public func rendered(withColour: Bool) -> String {
    guard withColour else { return text }
    return pieces.map {
      $0.style == .plain ? $0.text : "\u{1B}[\($0.style.code)m\($0.text)\u{1B}[0m"
    }.joined()
  }

  /// Cut to `width` columns, without spaces at the end.
  func cut(to width: Int) -> Line {
    var rest = width
    var result = Line()
    for piece in pieces where rest > 0 {
      let text = String(piece.text.prefix(rest))
      rest -= text.count
      result.pieces.append((text, piece.style))
    }
    while let last = result.pieces.last {
      let trimmed = last.text.reversed().drop { $0 == " " }
      guard trimmed.isEmpty else {
        result.pieces[result.pieces.count - 1].text = String(trimmed.reversed())
        break
      }
      result.pieces.removeLast()
    }
    return result
  }
}

/// Draws what is known as lines of text: a pure function of its input, so that tests read it.
public struct Table: Sendable {
  /// `host:port`, for the header.
  public var broker: String
  public var connection: ConnectionState
  /// Seconds for which the connection has been as it is.
  public var connectionAge: Double
  /// Seconds since 1970 UTC.
  public var now: Double
  /// Of the terminal, in characters.
  public var width: Int
  public var height: Int

  public init(
    broker: String, connection: ConnectionState, connectionAge: Double, now: Double,
    width: Int, height: Int
  ) {
    self.broker = broker
    self.connection = connection
    self.connectionAge = connectionAge
    self.now = now
    self.width = max(width, 20)
    self.height = max(height, 3)
  }

  /// At most `height - 1` lines of at most `width` columns: the last line is the cursor's.
  public func lines(_ gateways: Gateways) -> [Line] {
    var lines = header(gateways)
    if !gateways.channels.isEmpty {
      if height > 12 { lines.append(Line()) }
      lines += rows(gateways)
    }
    if lines.count > height - 1 {
      let hidden = lines.count - (height - 2)
      lines = Array(lines.prefix(height - 2))
      lines.append(Line("… \(hidden) more lines: the terminal has \(height)", .dim))
    }
    return lines.map { $0.cut(to: width) }
  }

  private func header(_ gateways: Gateways) -> [Line] {
    var lines: [Line] = []
    switch connection {
    case .subscribed:
      if gateways.messageCount == 0 {
        lines.append(
          Line(
            "waiting for the gateway: connected to \(broker), nothing received yet "
              + "(\(duration(connectionAge)))"))
      }
    case .connecting:
      lines.append(Line("waiting for the broker at \(broker) (\(duration(connectionAge)))"))
    case .disconnected(let reason):
      lines.append(
        Line(
          "waiting for the broker at \(broker): \(reason) (\(duration(connectionAge)))", .warning))
    }
    for device in gateways.devices { lines.append(account(of: device)) }
    if gateways.malformedCount > 0 {
      lines.append(
        Line(
          "\(gateways.malformedCount) malformed messages, the last: \(gateways.lastMalformed)",
          .warning))
    }
    return lines
  }

  private func account(of device: DeviceState) -> Line {
    var line = Line(printable(device.name), .bold)
    switch device.isOnline {
    case true?: line.pieces.append((" online", .plain))
    case false?: line.pieces.append((" offline", .warning))
    case nil: break
    }
    if let health = device.health, health != "healthy" {
      line.pieces.append((" " + printable(health), .warning))
    }
    if device.overloadLevel > 0 {
      line.pieces.append((" · overload level \(device.overloadLevel)", .warning))
    }
    if device.isSafe { line.pieces.append((" SAFE MODE", .alarm)) }
    if let epoch = device.epoch { line.pieces.append((" · boot \(epoch)", .dim)) }
    line.pieces.append((" · \(device.receivedCount) records", .dim))
    let missing = device.missingCount
    line.pieces.append((" · \(missing) missing", missing > 0 ? .alarm : .dim))
    let reported = device.reportedCount
    line.pieces.append((" · \(reported) reported lost", reported > 0 ? .warning : .dim))
    line.pieces.append((" · \(device.duplicateCount) duplicates", .dim))
    return line
  }

  private func rows(_ gateways: Gateways) -> [Line] {
    let names = gateways.channels.map { channel in
      printable(
        gateways.devices.count > 1 ? "\(channel.device)/\(channel.name)" : channel.name)
    }
    let layout = Layout(
      nameWidth: names.map(\.count).max() ?? 0,
      unitWidth: gateways.channels.map(\.unit.count).max() ?? 0, width: width)
    var lines = [layout.heading]
    for (channel, name) in zip(gateways.channels, names) {
      let isOffline = gateways.devices.contains {
        $0.name == channel.device && $0.isOnline == false
      }
      lines.append(row(channel, name: name, layout: layout, isOffline: isOffline))
    }
    return lines
  }

  private func row(
    _ channel: ChannelState, name: String, layout: Layout, isOffline: Bool
  ) -> Line {
    let (state, style) = condition(of: channel, isOffline: isOffline)
    let rest: Style = isOffline ? .dim : .plain
    var line = Line()
    for column in layout.columns {
      let text: String
      switch column.kind {
      case .name: text = name
      case .value: text = value(of: channel)
      case .unit: text = printable(channel.unit)
      case .age: text = duration(now - channel.measuredAt)
      case .rate: text = channel.rate(now: now).map { rate($0) } ?? ""
      case .state: text = state
      case .graph: text = sparkline(channel.history.suffix(column.width))
      }
      let coloured = column.kind == .state || column.kind == .value
      line.pieces.append((column.padded(text), coloured ? style : rest))
    }
    return line
  }

  private func value(of channel: ChannelState) -> String {
    guard let value = channel.value else { return "–" }
    // As many decimals as the graph's numbers need, so that the point does not jump.
    let decimals = channel.history.compactMap { $0 }.map(decimalsNeeded).max() ?? 0
    return fixed(value, decimals: min(decimals, 4))
  }

  private func rate(_ perSecond: Double) -> String {
    perSecond >= 0.095
      ? "\(fixed(perSecond, decimals: 1))/s" : "\(fixed(perSecond * 60, decimals: 1))/min"
  }

  private func condition(of channel: ChannelState, isOffline: Bool) -> (String, Style) {
    if isOffline { return ("offline", .dim) }
    if case .bad(let quality) = channel.last { return (printable(quality), .warning) }
    if channel.isAlarmed { return ("alarm", .alarm) }
    if channel.lostCount > 0 { return ("lost \(channel.lostCount)", .warning) }
    return ("good", .plain)
  }
}
