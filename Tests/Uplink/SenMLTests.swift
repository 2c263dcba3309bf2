// Invariants:
// - every message is JSON with one record, whatever is in the event and in the names;
// - numbers read back as exactly the numbers of the event;
// - names hold only what RFC 8428 allows, and every record has a value;
// - times are absolute only while the clock is right.

import Configuration
import Drivers
import Foundation
import Ring
import Seeds
import Testing

@testable import Uplink

struct SenMLTests {
  /// 2025-11-24T16:00:00.123456789Z, when the machine has been up for 5 s.
  let offset: Int64 = 1_764_000_000_123_456_789 - 5_000_000_000

  func encode(
    _ event: Event, _ time: MessageTime? = nil,
    _ channels: [ChannelSettings] = [ChannelSettings(name: "boiler.temperature", unit: "Cel")]
  ) throws -> String {
    var encoder = SenMLEncoder(device: "plant7", epoch: 3, channels: channels)
    let isEncoded = encoder.encode(event, time ?? .absolute(offset: offset))
    try #require(isEncoded)
    let text = encoder.buffer.text
    let record = try fields(text)
    let values = ["v", "vb", "vs", "vd"].filter { record[$0] != nil }
    #expect(values.count == 1, "\(text)")
    return text
  }

  func event(_ kind: EventKind, value: Double = 21.4375, quality: Quality = .good) -> Event {
    Event(
      kind: kind, channel: 0, time: 5_000_000_000, sequence: 41, readingSequence: 17, value: value,
      quality: quality, minimum: -1.5, maximum: 1e300, span: 10_000_000_000, count: 12)
  }

  @Test func golden() throws {
    let head = #"[{"bn":"plant7/","n":"boiler.temperature""#
    let tail = #","t":1764000000.123456,"epoch":3,"seq":41,"rseq":17}]"#
    let gapTail = #","t":1764000000.123456,"epoch":3,"seq":41}]"#
    #expect(try encode(event(.value)) == head + #","u":"Cel","v":21.4375"# + tail)
    #expect(
      try encode(event(.window)) == head
        + #","u":"Cel","v":21.4375,"min":-1.5,"max":1e+300,"count":12,"span":10"# + tail)
    #expect(
      try encode(event(.alarmRaised)) == head + #","u":"Cel","v":21.4375,"alarm":"raised""# + tail)
    #expect(
      try encode(event(.alarmCleared)) == head + #","u":"Cel","v":21.4375,"alarm":"cleared""#
        + tail)
    #expect(
      try encode(event(.edge, value: 1)) == head + #","vb":true,"edge":"rising""# + tail)
    #expect(
      try encode(event(.edge, value: 0)) == head + #","vb":false,"edge":"falling""# + tail)
    #expect(
      try encode(event(.value, value: .nan, quality: .nack)) == head
        + #","vs":"nack","quality":"nack""# + tail)
    #expect(
      try encode(event(.missedDeadlines)) == head
        + #","vs":"gap","gap":"missed-deadlines","first":17,"count":12"# + gapTail)
    #expect(
      try encode(event(.lostEdges)) == head
        + #","vs":"gap","gap":"lost-edges","first":17,"count":12"# + gapTail)
    #expect(
      try encode(event(.droppedReadings)) == head
        + #","vs":"gap","gap":"dropped-readings","first":17,"count":12"# + gapTail)
    #expect(
      try encode(event(.droppedEvents)) == #"[{"bn":"plant7/""#
        + #","vs":"gap","gap":"dropped-events","first":17,"count":12"# + gapTail)
  }

  @Test func whatOverloadDoesIsTold() throws {
    let tail = #","t":1764000000.123456,"epoch":3,"seq":41}]"#
    var slowed = event(.slowedSampling)
    slowed.span = 23
    #expect(
      try encode(slowed) == #"[{"bn":"plant7/","n":"boiler.temperature""#
        + #","vs":"gap","gap":"slowed","first":17,"count":12,"last":39"# + tail)
    var level = event(.overload)
    level.count = 3
    #expect(try encode(level) == #"[{"bn":"plant7/","vs":"overload","overload":3"# + tail)
    // What a damaged pipeline writes is only wrong, never fatal.
    slowed.span = .min
    slowed.readingSequence = .max
    _ = try encode(slowed)
  }

  @Test func everyQualityHasItsWord() throws {
    var words: Set<String> = []
    for raw in UInt8(1)...8 {
      let quality = try #require(Quality(rawValue: raw))
      let record = try fields(try encode(event(.value, value: .nan, quality: quality)))
      #expect(record["vs"] as? String == record["quality"] as? String)
      words.insert(record["vs"] as? String ?? "")
    }
    #expect(words.count == 8)
  }

  @Test func numbersReadBack() throws {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed \(seed)")
    var random = seed
    var values: [Double] = [
      0, -0.0, 5, 0.1, 1e-5, 1e16, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
      .leastNormalMagnitude,
      101325.0625,
    ]
    for _ in 0..<2000 {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let value = Double(bitPattern: random ^ random >> 29)
      if value.isFinite { values.append(value) }
    }
    for value in values {
      // Foundation's JSON numbers are off in the last digit, so the digits are read here.
      let text = try encode(event(.value, value: value))
      let digits = text.split(separator: #""v":"#)[1].prefix { $0 != "," }
      #expect(Double(digits) == value, "\(text)")
    }
  }

  /// What sensors give has few digits, and a way of its own.
  @Test func shortNumbersAreAsSwiftWritesThem() {
    var random = SeededRandom(seed: testSeed("short numbers"))
    var values = [0.001, 0.0099, 9.999999, 10, 99.999999, 100, 999_999_999.999999, 999_999_999]
    for digitCount in 1...15 {
      for _ in 0..<200 {
        let most = UInt64(repeatElement(10, count: digitCount).reduce(1, *))
        values.append(Double(UInt64.random(in: 0..<most, using: &random)) / 1e6)
        values.append(-values[values.count - 1])
      }
    }
    for value in values where value == 0 || value.magnitude >= 0.001 {
      var buffer = ByteBuffer(capacity: 100)
      buffer.append(value)
      #expect(buffer.text == value.description)
    }
  }

  @Test func whollyWrittenNumbers() {
    var random = SeededRandom(seed: testSeed("whole numbers"))
    var values: [UInt64] = [0, .max]
    var power: UInt64 = 1
    for _ in 0..<20 {
      values += [power - 1, power, power + 1]
      for _ in 0..<100 { values.append(UInt64.random(in: 0...power, using: &random)) }
      power = power &* 10
    }
    for value in values {
      // With room to spare, and with none.
      for capacity in [100, value.description.utf8.count] {
        var buffer = ByteBuffer(capacity: capacity)
        buffer.append(value)
        #expect(buffer.text == value.description && !buffer.hasOverflowed)
      }
    }
  }

  @Test func infinityIsNoNumberOfJSON() throws {
    let record = try fields(try encode(event(.value, value: .infinity)))
    #expect(record["vs"] as? String == "not-a-number")
  }

  @Test func timesAreRelativeUntilTheClockIsRight() throws {
    let before = try fields(try encode(event(.value), .relative(now: 17_500_000_000)))
    #expect(before["t"] as? Double == -12.5)
    let now = try fields(try encode(event(.value), .relative(now: 5_000_000_000)))
    #expect(now["t"] as? Double == 0)
    // A kernel timestamp a little ahead of our clock is now, not the future.
    let after = try fields(try encode(event(.value), .relative(now: 4_999_000_000)))
    #expect(after["t"] as? Double == 0)
    var trust = ClockTrust(lowerBound: 1000, isPlausibleEnough: false)
    #expect(!trust.trusts(real: 999, isSynchronized: true))
    #expect(!trust.trusts(real: 1000, isSynchronized: false))
    #expect(trust.trusts(real: 1000, isSynchronized: true))
    trust.isPlausibleEnough = true
    #expect(trust.trusts(real: 1000, isSynchronized: false))
    #expect(!trust.trusts(real: 999, isSynchronized: true))
  }

  @Test func secondsAreExact() {
    var buffer = ByteBuffer(capacity: 100)
    for nanoseconds: Int64 in [0, 999, 1000, -1, -999, -1000, -1_500_000_000, 60_000_000_000, .max]
    {
      buffer.append(secondsOf: nanoseconds)
      buffer.append(UInt8(ascii: " "))
    }
    #expect(
      buffer.text == "0 0 0.000001 0 0 -0.000001 -1.5 60 9223372036.854775 ")
  }

  @Test func namesAreMadeValid() throws {
    #expect(senMLName("boiler-7_a.b") == "boiler-7_a.b")
    #expect(senMLName("_x") == "x_x")
    #expect(senMLName("a\"b\\\u{1}é") == "a_b____")
    let channels = [ChannelSettings(name: "_a", unit: "a\"\\\u{1}é")]
    let record = try fields(try encode(event(.value), nil, channels))
    #expect(record["n"] as? String == "_a")
    #expect(record["u"] as? String == "a\"\\\u{1}é")
  }

  @Test func theLongestRecordFits() throws {
    let long = String(repeating: "n", count: 64)
    var encoder = SenMLEncoder(
      device: long, epoch: .max,
      channels: [ChannelSettings(name: long, unit: String(repeating: "\"", count: 64))])
    let number = -2.2250738585072014e-308
    let event = Event(
      kind: .window, channel: 0, time: .max, sequence: .max, readingSequence: .max, value: number,
      minimum: number, maximum: number, span: .max, count: .max)
    let fits = encoder.encode(event, .absolute(offset: 0))
    #expect(fits)
    #expect(encoder.buffer.count < 700)
    _ = try fields(encoder.buffer.text)
    // Longer than the buffer, and a channel that is not there: told, not cut.
    var other = SenMLEncoder(
      device: "a", epoch: 0,
      channels: [ChannelSettings(name: "b", unit: String(repeating: "u", count: 1024))])
    let isCut = other.encode(event, .absolute(offset: 0))
    #expect(!isCut)
    let isStranger = other.encode(
      Event(kind: .value, channel: 1, time: 0), .absolute(offset: 0))
    #expect(!isStranger)
  }

  /// In a message of many, each record says the same as alone, but for what the message says once.
  @Test func recordsOfAMessageSayWhatTheySayAlone() throws {
    var random = SeededRandom(seed: testSeed("records of a message"))
    for _ in 0..<100 {
      var batch = BatchSettings()
      batch.eventCount = 64
      batch.byteCount = 1 << 16
      var encoder = SenMLEncoder(device: "plant7", epoch: 3, channels: channels, batch: batch)
      encoder.begin()
      var expected: [[String: String]] = []
      var sequence = UInt64.random(in: 0..<1_000_000_000_000, using: &random)
      var readings = [0, UInt64.random(in: 0..<300_000_000, using: &random)]
      while encoder.room > 0 {
        let event = someEvent(sequence, &readings, &random)
        let isHistorical = Int.random(in: 0..<4, using: &random) == 0
        let isTaken = encoder.append(
          event, .absolute(offset: 1_764_000_000_000_000_000), isHistorical: isHistorical)
        #expect(isTaken == (event.channel < 2))
        if isTaken { expected.append(try alone(event, isHistorical)) }
        sequence += Int.random(in: 0..<4, using: &random) == 0 ? 3 : 1
      }
      encoder.finish()
      #expect(try resolved(encoder.buffer.text) == expected)
    }
  }

  private var channels: [ChannelSettings] {
    [
      ChannelSettings(name: "boiler.temperature", unit: "Cel"),
      ChannelSettings(name: "flow", unit: ""),
    ]
  }

  /// `readings` has the number of each channel's last reading.
  private func someEvent(
    _ sequence: UInt64, _ readings: inout [UInt64], _ random: inout SeededRandom
  ) -> Event {
    let kinds: [EventKind] = [.value, .value, .value, .value, .window, .edge, .missedDeadlines]
    let channel = Int.random(in: 0..<2, using: &random)
    readings[channel] += Int.random(in: 0..<4, using: &random) == 0 ? 5 : 1
    return Event(
      kind: kinds.randomElement(using: &random) ?? .value,
      // Now and then of a channel that is not there.
      channel: Int.random(in: 0..<8, using: &random) == 0 ? 9 : UInt16(channel),
      time: Int64.random(in: -2000..<200_000, using: &random) * 1_000_000,
      sequence: sequence, readingSequence: readings[channel],
      value: [21.5, -0.0, 0, 101325.0625, 1e-9, .nan].randomElement(using: &random) ?? 0,
      quality: Int.random(in: 0..<8, using: &random) == 0 ? .nack : .good, minimum: 1, maximum: 2,
      span: 1_000_000_000, count: 4)
  }

  /// The record of the event in a message of its own, and the time as a whole.
  private func alone(_ event: Event, _ isHistorical: Bool) throws -> [String: String] {
    var encoder = SenMLEncoder(device: "plant7", epoch: 3, channels: channels)
    encoder.begin()
    let fits = encoder.append(
      event, .absolute(offset: 1_764_000_000_000_000_000), isHistorical: isHistorical)
    #expect(fits)
    encoder.finish()
    return try #require(resolved(encoder.buffer.text).first)
  }

  /// The records of a message, each whole.
  private func resolved(_ text: String) throws -> [[String: String]] {
    let list = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
    var baseTime = 0.0
    var last: (epoch: Int, sequence: UInt64)?
    var readings: [String: UInt64] = [:]
    return try list.map { record in
      baseTime = record["bt"] as? Double ?? baseTime
      let epoch = record["epoch"] as? Int ?? last?.epoch
      let sequence = record["seq"] as? UInt64 ?? last.map { $0.sequence + 1 }
      last = (try #require(epoch), try #require(sequence))
      var whole = record.mapValues { "\($0)" }
      whole["bn"] = nil
      whole["bt"] = nil
      whole["epoch"] = epoch.map { "\($0)" }
      whole["seq"] = sequence.map { "\($0)" }
      let channel = try #require(record["n"] as? String)
      if record["gap"] == nil {
        let reading = record["rseq"] as? UInt64 ?? readings[channel].map { $0 + 1 }
        readings[channel] = reading
        whole["rseq"] = reading.map { "\($0)" }
      }
      let time = baseTime + (try #require(record["t"] as? Double))
      whole["t"] = "\(Int64((time * 10_000).rounded()))"
      return whole
    }
  }

  @Test func topics() {
    var settings = UplinkSettings()
    let channels = [ChannelSettings(name: "a.b", unit: "")]
    var topics = Topics(settings: settings, device: "d", channels: channels)
    #expect(topics.channels == [terminated("weir/d/a.b")])
    #expect(topics.status == terminated("weir/d/status"))
    #expect(topics.gap == terminated("weir/d/gap"))
    #expect(topics.overload == terminated("weir/d/overload"))
    #expect(topics.topic(topics.number(of: event(.overload))) == topics.overload)
    #expect(topics.topic(topics.number(of: event(.droppedEvents))) == topics.gap)
    #expect(topics.topic(topics.number(of: event(.slowedSampling))) == topics.channels[0])
    #expect(topics.boot == terminated("weir/d/boot"))
    settings.topic = "{channel}/x/{device}/{channel}/{other}"
    settings.statusTopic = "here"
    topics = Topics(settings: settings, device: "d", channels: channels)
    #expect(topics.channels == [terminated("a.b/x/d/a.b/{other}")])
    #expect(topics.gap == terminated("here-gap"))
  }
}
