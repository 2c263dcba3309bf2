// Invariants checked:
// - A file that uses every key gives exactly the values that it says, without a problem.
// - A file that uses only the needed keys gives the documented defaults.

import Sensors
import Testing

@testable import Configuration

@Suite struct GoodFiles {
  @Test func everyKey() throws {
    let result = read(Samples.gateway)
    #expect(texts(result.problems) == [])
    let configuration = result.configuration
    #expect(configuration.device == "boiler-room-7")
    #expect(configuration.stateFolder == "/var/lib/weir-7")
    #expect(configuration.sensors.map { $0.name } == ["boiler", "room", "soc"])
    #expect(configuration.lines.map { $0.name } == ["flow", "door", "key"])
    #expect(
      configuration.channels.map { $0.name } == [
        "boiler.temp", "room.temperature", "room.pressure", "soc.temperature", "flow", "door",
        "key",
      ])
    #expect(
      configuration.channels.map { $0.unit } == ["Cel", "Cel", "Pa", "Cel", "1/s", "", ""])
    #expect(
      configuration.channels[0].stages == [
        .scale(factor: 1.5, offset: -0.5), .median(width: 5),
        .smooth(timeConstant: 10_000_000_000),
        .deadband(delta: 0.1, silence: 60_000_000_000), .window(span: 10_000_000_000),
        .alarm(above: true, threshold: 80, hysteresis: 2, hold: 5_000_000_000),
        .alarm(above: false, threshold: -4.25, hysteresis: 0, hold: 0),
      ])
  }

  @Test func sensorsAndLines() throws {
    let configuration = read(Samples.gateway).configuration
    let room = try #require(configuration.sensors.first { $0.name == "room" })
    #expect(room.driver == .dps310)
    #expect(room.bus == "i2c-1")
    #expect(room.address == 0x77)
    #expect(room.period == 1_500_000_000)
    #expect(room.oversampling == 16)
    #expect(room.temperatureChannel == 1)
    #expect(room.pressureChannel == 2)
    let soc = try #require(configuration.sensors.last)
    #expect(soc.bus == "cpu-thermal")
    #expect(soc.pressureChannel == nil)
    let flow = try #require(configuration.lines.first)
    #expect(flow.chip == "header")
    #expect(flow.offset == 17)
    #expect(flow.mode == .counter)
    #expect(flow.edge == .falling)
    #expect(flow.pull == .up)
    #expect(flow.activeLow)
    #expect(flow.debounceMicroseconds == 5000)
    #expect(flow.period == 1_000_000_000)
    #expect(flow.channel == 4)
    let door = configuration.lines[1]
    #expect(door.mode == .level && door.offset == 22 && door.pull == .asIs && !door.activeLow)
    let key = configuration.lines[2]
    #expect(key.pull == .none)
    #expect(key.mode == .edges && key.offset == 27 && key.edge == .both && key.period == 0)
  }

  @Test func networkAndUplink() {
    let configuration = read(Samples.gateway).configuration
    let network = configuration.network
    #expect(network.hostname == "boiler-7")
    #expect(network.interface == "eth1")
    #expect(network.address == "192.0.2.7/24")
    #expect(network.gateway == "192.0.2.1")
    #expect(network.nameServers == ["192.0.2.1", "192.0.2.2"])
    #expect(network.timeServers == ["192.0.2.1", "pool.ntp.org"])
    let uplink = configuration.uplink
    #expect(uplink.host == "broker.example")
    #expect(uplink.port == 8884)
    #expect(uplink.usesTLS)
    #expect(uplink.version == .v311)
    #expect(uplink.clientIdentifier == "b7")
    #expect(uplink.user == "plant")
    #expect(uplink.password == "s: #ecret")
    #expect(uplink.caFile == "/boot/ca.pem")
    #expect(uplink.certificateFile == "/boot/certificate.pem")
    #expect(uplink.keyFile == "/boot/key.pem")
    #expect(uplink.topic == "plant/{device}/{channel}")
    #expect(uplink.statusTopic == "plant/{device}")
    #expect(uplink.inFlightWindow == 10)
    #expect(uplink.keepAliveSeconds == 60)
    #expect(uplink.bufferEventCount == 1024)
    #expect(uplink.retrySecondsMax == 300)
    #expect(uplink.logThreshold == nil)
    #expect(!uplink.isTraced)
    #expect(uplink.backfillRate == 500)
    #expect(uplink.batch.eventCount == 64 && uplink.batch.byteCount == 16_000)
    #expect(uplink.batch.age == 500_000_000 && !uplink.batch.isCompressed)
  }

  @Test func journal() {
    let journal = read(Samples.gateway).configuration.journal
    #expect(journal.byteCount == 16 << 20 && journal.alarmShare == 20)
    #expect(journal.full == .thin && journal.alarmsFull == .stop)
    #expect(journal.commitDelay == 1_000_000_000 && !journal.isDelta)
  }

  @Test func supervision() {
    let supervision = read(Samples.gateway).configuration.supervision
    #expect(supervision.deadline == 1_000_000_000 && supervision.restartCountMax == 5)
    #expect(supervision.period == 60_000_000_000)
    #expect(supervision.pauseFirst == 50_000_000 && supervision.pauseMax == 5_000_000_000)
    #expect(supervision.forgivenAfter == 2_000_000_000)
  }

  @Test func overloadAndSensing() {
    let configuration = read(Samples.gateway).configuration
    let overload = configuration.overload
    #expect(overload.levels == (40, 60, 80) && overload.margin == 15)
    #expect(overload.recovery == 10_000_000_000)
    #expect(overload.slow == 3 && overload.widen == 4 && overload.alarmReserve == 10)
    #expect(configuration.sensing.realtime == 20 && configuration.sensing.cpus == [1, 3])
    #expect(configuration.sensors.map(\.priority) == [.normal, .low, .normal])
    #expect(configuration.lines.map(\.priority) == [.high, .normal, .normal])
    #expect(
      configuration.channels.map(\.priority) == [
        .normal, .low, .low, .normal, .high, .normal, .normal,
      ])
    #expect(OverloadSettings().reserve(of: 256) == 16)
    #expect(OverloadSettings().reserve(of: 16384) == 983)
    #expect(overload.reserve(of: 1_048_576) == 104_857)
  }

  @Test func defaults() {
    let result = read(
      """
      device: a_b.c
      uplink: {broker: "mqtt://192.0.2.1"}
      sensors:
        t: {driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s, temperature: }
      """)
    #expect(texts(result.problems) == [])
    let configuration = result.configuration
    #expect(configuration.stateFolder == "/var/lib/weir")
    #expect(configuration.network.hostname == "a-b-c")
    #expect(configuration.network.interface == "eth0")
    #expect(configuration.network.address == "")
    #expect(configuration.uplink.port == 1883)
    #expect(!configuration.uplink.usesTLS)
    #expect(configuration.uplink.version == .v5)
    #expect(configuration.uplink.logThreshold == .warning && configuration.uplink.isTraced)
    #expect(configuration.uplink.clientIdentifier == "a_b.c")
    #expect(configuration.uplink.topic == "weir/{device}/{channel}")
    #expect(configuration.channels.map { $0.name } == ["t.temperature"])
    #expect(configuration.channels[0].priority == .normal)
    #expect(configuration.supervision == SupervisionSettings())
    #expect(configuration.journal == JournalConfiguration())
    #expect(configuration.uplink.backfillRate == 0)
    #expect(configuration.uplink.batch == BatchSettings())
    #expect(configuration.overload == OverloadSettings())
    #expect(configuration.sensing == SensingSettings())
  }

  @Test func windowsLineEndsAndByteOrderMark() {
    let text = "\u{feff}" + Samples.gateway.split(separator: "\n").joined(separator: "\r\n")
    let result = read(text)
    #expect(texts(result.problems) == [])
    #expect(result.configuration.channels.count == 7)
  }

  @Test func anchorsAndJSON() {
    let result = read(
      """
      {"device": "j", "uplink": {"broker": "mqtt://h"}, "sensors": {
        "a": {"driver": "lm75", "bus": "i2c-1", "address": 72, "every": "1 s",
          "temperature": &t {"stages": [{"median": 3}]}},
        "b": {"driver": "lm75", "bus": "i2c-1", "address": "0x49", "every": "1 s",
          "temperature": *t}}}
      """)
    #expect(texts(result.problems) == [])
    #expect(
      result.configuration.channels.map { $0.stages } == [[.median(width: 3)], [.median(width: 3)]])
  }

  @Test func board() throws {
    let board = Samples.board
    #expect(board.name == "rpi-3b")
    #expect(board.summary == "Raspberry Pi 3 Model B")
    #expect(board.consoleDevice == "ttyS1")
    #expect(board.watchdogDevice == "/dev/watchdog0")
    #expect(board.networkInterface == "eth0")
    #expect(board.thermalZone == "cpu-thermal")
    #expect(board.modules == ["i2c-bcm2835", "i2c-dev"])
    #expect(board.seed == 7)
    #expect(board.buses.map { $0.device } == ["/dev/i2c-1", ""])
    #expect(board.buses[1].simulated.map { $0.model } == ["tmp105", "dps310"])
    #expect(board.buses[1].simulated.map { $0.address } == [0x48, 0x77])
    #expect(board.chips.map { $0.lineCount } == [54, 8])
    #expect(board.chips[0].lines.map { $0.offset } == [17, 17, 22, 27])
    #expect(board.chips[1].simulated.map { $0.hertz } == [2.5])
  }
}

func read(_ text: String, board: Board? = Samples.board) -> ConfigurationResult {
  readConfiguration(Array(text.utf8), name: "gateway.yaml", board: board)
}

func texts(_ problems: [Problem]) -> [String] { problems.map { $0.text } }
