// Invariants checked:
// - whatever came, no line is wider than the terminal and the table leaves it one row;
// - what must be seen is seen: the value, its age, an alarm, a bad reading, what is missing, why
//   nothing comes;
// - text from the network cannot send escape sequences to the terminal.

import Testing

@testable import Desk

@Suite struct TableTests {
  private func record(
    _ channel: String, _ labels: String, sequence: Int, device: String = "plant7"
  ) -> [UInt8] {
    Array(
      #"[{"bn":"\#(device)/","n":"\#(channel)","epoch":3,"seq":\#(sequence),\#(labels)}]"#.utf8)
  }

  /// Ten seconds of two channels: one that rises, one that is well, then bad.
  private func sample() -> Gateways {
    var gateways = Gateways()
    let status = #"{"status":"online","device":"plant7","epoch":3,"version":"0.1"}"#
    gateways.receive(topic: "weir/plant7/status", payload: Array(status.utf8), now: 999)
    for second in 0..<10 {
      let now = 2_000_000_000 + Double(second)
      gateways.receive(
        topic: "t",
        payload: record(
          "boiler.temperature", #""u":"Cel","v":\#(20 + Double(second) / 2),"t":0"#,
          sequence: 2 * second), now: now)
      let room = second < 9 ? #""u":"Pa","v":101325.37"# : #""vs":"nack","quality":"nack""#
      gateways.receive(
        topic: "t", payload: record("room.pressure", room, sequence: 2 * second + 1), now: now)
    }
    return gateways
  }

  private func table(
    _ gateways: Gateways, width: Int = 100, height: Int = 24,
    connection: ConnectionState = .subscribed
  ) -> [Line] {
    Table(
      broker: "127.0.0.1:1883", connection: connection, connectionAge: 12.3,
      now: 2_000_000_009.5, width: width, height: height
    ).lines(gateways)
  }

  @Test func showsValueUnitAgeRateStateAndGraph() {
    #expect(
      table(sample()).map(\.text) == [
        "plant7 online · boot 3 · 20 records · 0 missing · 0 reported lost · 0 duplicates",
        "",
        "CHANNEL                   VALUE  UNIT     AGE      RATE  STATE         LAST",
        "boiler.temperature         24.5  Cel    0.5 s     1.0/s  good          ▁▁▂▃▄▅▆▇██",
        "room.pressure         101325.37  Pa     0.5 s     1.0/s  nack          ▄▄▄▄▄▄▄▄▄·",
      ])
  }

  @Test func saysWhyNothingIsThere() {
    #expect(
      table(Gateways()).map(\.text) == [
        "waiting for the gateway: connected to 127.0.0.1:1883, nothing received yet (12 s)"
      ])
    #expect(
      table(Gateways(), connection: .disconnected("Connection refused")).map(\.text) == [
        "waiting for the broker at 127.0.0.1:1883: Connection refused (12 s)"
      ])
    #expect(
      table(sample(), connection: .disconnected("Connection lost"))[0].text
        == "waiting for the broker at 127.0.0.1:1883: Connection lost (12 s)")
  }

  @Test func alarmsHolesAndLossesStandOut() throws {
    var gateways = sample()
    gateways.receive(
      topic: "t",
      payload: record("boiler.temperature", #""v":81,"alarm":"raised""#, sequence: 23),
      now: 2_000_000_010)
    var lines = table(gateways)
    #expect(lines[0].text.contains("· 3 missing ·"))
    #expect(lines[0].pieces.contains { $0 == (" · 3 missing", .alarm) })
    let row = try #require(lines.first { $0.text.hasPrefix("boiler") })
    #expect(row.text.contains("alarm") && row.pieces.contains { $0.style == .alarm })

    gateways.receive(
      topic: "t",
      payload: record("", #""vs":"gap","gap":"dropped-events","first":20,"count":3"#, sequence: 24),
      now: 2_000_000_010)
    gateways.receive(topic: "a\u{1B}[2J", payload: Array("?".utf8), now: 2_000_000_010)
    lines = table(gateways)
    #expect(lines[0].text.contains("· 0 missing · 3 reported lost"))
    #expect(lines[1].text == "1 malformed messages, the last: a\u{FFFD}[2J: not JSON")
  }

  @Test func anOfflineGatewayIsDim() {
    var gateways = sample()
    let status = #"{"status":"offline","device":"plant7"}"#
    gateways.receive(topic: "s", payload: Array(status.utf8), now: 2_000_000_010)
    let lines = table(gateways)
    #expect(lines[0].text.hasPrefix("plant7 offline"))
    #expect(lines[3].text.contains("offline") && lines[3].pieces.allSatisfy { $0.style == .dim })
  }

  @Test func everySizeFits() {
    var gateways = sample()
    gateways.receive(
      topic: "t", payload: record("far", #""v":-1.5e300"#, sequence: 0, device: "second"), now: 5)
    gateways.receive(
      topic: "t",
      payload: record(String(repeating: "long", count: 30), #""v":1e-9"#, sequence: 30), now: 5)
    for width in 1...200 {
      for height in [1, 3, 5, 8, 24] {
        let lines = table(gateways, width: width, height: height)
        #expect(lines.count <= max(height, 3) - 1)
        for line in lines { #expect(line.width <= max(width, 20), "\(width)x\(height)") }
      }
    }
    #expect(table(gateways, height: 6).last?.text == "… 3 more lines: the terminal has 6")
  }

  @Test func coloursOnlyWhenWanted() {
    let line = table(sample())[0]
    #expect(!line.rendered(withColour: false).contains("\u{1B}"))
    #expect(line.rendered(withColour: true).hasPrefix("\u{1B}[1mplant7\u{1B}[0m"))
  }

  @Test func duplicatesChangeNothing() {
    var gateways = sample()
    let before = gateways.channels[0].history
    gateways.receive(
      topic: "t", payload: record("boiler.temperature", #""v":99"#, sequence: 4), now: 2_000_000_010
    )
    #expect(gateways.channels[0].history == before)
    #expect(gateways.duplicateCount == 1)
  }

  @Test func enormousCountsDoNotTrap() {
    var gateways = sample()
    for sequence in 20..<24 {
      let gap = #""gap":"lost-edges","count":18446744073709551615"#
      gateways.receive(topic: "t", payload: record("a", gap, sequence: sequence), now: 1)
    }
    for epoch in 4..<8 {
      let far = #"[{"bn":"plant7/","n":"a","v":1,"epoch":\#(epoch),"seq":18446744073709551614}]"#
      gateways.receive(topic: "t", payload: Array(far.utf8), now: 1)
    }
    #expect(gateways.missingCount == .max)
    #expect(gateways.reportedCount == .max)
  }

  @Test func aNewBootStartsFromNothing() {
    var gateways = sample()
    let boot = #"[{"bn":"plant7/","n":"a","v":1,"epoch":4,"seq":2}]"#
    gateways.receive(topic: "t", payload: Array(boot.utf8), now: 2_000_000_010)
    #expect(gateways.missingCount == 2)
    gateways.receiverWasAway()
    let later = #"[{"bn":"plant7/","n":"a","v":1,"epoch":4,"seq":90}]"#
    gateways.receive(topic: "t", payload: Array(later.utf8), now: 2_000_000_010)
    #expect(gateways.missingCount == 2)
  }

  @Test func numbers() {
    #expect(fixed(21.4375, decimals: 4) == "21.4375")
    #expect(fixed(-0.04, decimals: 1) == "0.0")
    #expect(fixed(-1.25, decimals: 1) == "-1.3")
    #expect(fixed(0.0625, decimals: 4) == "0.0625")
    #expect(fixed(.nan, decimals: 1) == "nan")
    #expect(fixed(-.infinity, decimals: 1) == "-inf")
    #expect(fixed(1.5e300, decimals: 2) == "1.5e+300")
    #expect(decimalsNeeded(21.5) == 1)
    #expect(decimalsNeeded(101325.3712) == 3)
    #expect(decimalsNeeded(5) == 0)
    #expect(duration(0.34) == "0.3 s")
    #expect(duration(-1) == "0.0 s")
    #expect(duration(720) == "12 min")
    #expect(timestamp(1_764_000_000.123) == "2025-11-24T16:00:00.123Z")
    #expect(timestamp(951_782_399.9996) == "2000-02-29T00:00:00.000Z")
    #expect(timestamp(.infinity) == "-")
    #expect(sparkline([0, 7, nil, 3.5, .nan]) == "▁█·▅·")
    #expect(sparkline([-1e308, 1e308]) == "▁█")
  }

  @Test func eventLinesAreOneLine() throws {
    let record = Record(
      device: "plant7", channel: "flow", unit: "1/s", time: 1_764_000_000, epoch: 3, sequence: 41,
      readingSequence: 17, content: .value(5))
    #expect(
      eventLine(.record(record), now: 0)
        == "2025-11-24T16:00:00.000Z plant7 flow 5.0 1/s epoch=3 seq=41 rseq=17")
    #expect(
      eventLine(.status(Status(device: "a\nb", isOnline: false)), now: 0)
        == "1970-01-01T00:00:00.000Z a\u{FFFD}b - offline")
    let boot = BootNotice(
      device: "p", epoch: 4, version: "1", cause: "failure", detail: "task\n", uncleanCount: 3,
      isSafe: true)
    #expect(
      eventLine(.boot(boot), now: 0)
        == "1970-01-01T00:00:00.000Z p - boot cause=failure detail=task\u{FFFD} unclean=3 "
        + "safe-mode epoch=4")
  }
}
