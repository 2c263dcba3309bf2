// The module Configuration: `gateway.yaml` and `board.yaml`, their schema and their errors. It
// reads files and allocates, at start only. The tasks translate what they need of it into fixed
// memory before they begin.

import Linux
import Sensors

/// What `gateway.yaml` says, checked against the board. Every list keeps the file's order.
public struct Configuration: Sendable {
  /// The device's name in topics and payloads: 1 to 64 of `A-Z a-z 0-9 - _ .`.
  public var device: String = "weir"
  public var network = NetworkSettings()
  public var journal = JournalConfiguration()
  public var uplink = UplinkSettings()
  public var supervision = SupervisionSettings()
  public var sensors: [SensorSettings] = []
  public var lines: [LineSettings] = []
  /// All channels; a reading's `channel` is the index in this list.
  public var channels: [ChannelSettings] = []
  public var overload = OverloadSettings()
  public var sensing = SensingSettings()
  /// Where what must survive a restart is kept: the boot epoch, the lower bound of the time.
  public var stateFolder: String = "/var/lib/weir"

  public init() {}
}

/// One sensor: which driver, where, how often. Its channels follow.
public struct SensorSettings: Sendable {
  public var name: String
  public var driver: Driver
  /// The board's name of the bus, such as `i2c-1`; for `thermal` the board's zone.
  public var bus: String
  /// 7-bit; 0 where the driver has none.
  public var address: UInt8
  /// Nanoseconds between samples: 1 ms to 1 day.
  public var period: Int64
  /// Pressure and temperature oversampling of a DPS310: 1, 2, 4 … 128. 1 elsewhere.
  public var oversampling: UInt8
  /// The index in `Configuration.channels` for each quantity that is wanted.
  public var temperatureChannel: UInt16?
  public var pressureChannel: UInt16?
  /// Of all its channels.
  public var priority = Priority.normal

  public init(
    name: String, driver: Driver, bus: String, address: UInt8, period: Int64,
    oversampling: UInt8 = 1, temperatureChannel: UInt16? = nil, pressureChannel: UInt16? = nil
  ) {
    self.name = name
    self.driver = driver
    self.bus = bus
    self.address = address
    self.period = period
    self.oversampling = oversampling
    self.temperatureChannel = temperatureChannel
    self.pressureChannel = pressureChannel
  }
}

/// How a GPIO line is read.
public enum LineMode: UInt8, BitwiseCopyable, Sendable {
  /// The level, sampled every `period`.
  case level = 0
  /// An event for every edge.
  case edges = 1
  /// The number of pulses (active edges) in every `period`.
  case counter = 2
}

public enum LineEdge: UInt8, BitwiseCopyable, Sendable {
  case rising = 0
  case falling = 1
  case both = 2
}

public enum LinePull: UInt8, BitwiseCopyable, Sendable {
  case asIs = 0
  case none = 1
  case up = 2
  case down = 3
}

/// One GPIO input line, with its one channel.
public struct LineSettings: Sendable {
  public var name: String
  /// The board's name of the chip, such as `header`.
  public var chip: String
  /// The line's offset on that chip.
  public var offset: UInt32
  public var mode: LineMode
  public var edge: LineEdge
  public var pull: LinePull
  public var activeLow: Bool
  /// 0 for none.
  public var debounceMicroseconds: UInt32
  /// Nanoseconds; 0 for `edges`.
  public var period: Int64
  public var channel: UInt16
  public var priority = Priority.normal

  public init(
    name: String, chip: String, offset: UInt32, mode: LineMode, edge: LineEdge = .both,
    pull: LinePull = .asIs, activeLow: Bool = false, debounceMicroseconds: UInt32 = 0,
    period: Int64 = 0, channel: UInt16
  ) {
    self.name = name
    self.chip = chip
    self.offset = offset
    self.mode = mode
    self.edge = edge
    self.pull = pull
    self.activeLow = activeLow
    self.debounceMicroseconds = debounceMicroseconds
    self.period = period
    self.channel = channel
  }
}

/// One stream of readings and what is done to it before it leaves.
public struct ChannelSettings: Sendable {
  /// Unique, such as `boiler.temperature`: 1 to 64 of `A-Z a-z 0-9 - _ .`.
  public var name: String
  /// SenML unit after all stages (RFC 8428 and the IANA registry); empty for none.
  public var unit: String
  /// Applied in this order; at most `stageCountMax`.
  public var stages: [StageSettings]
  public var priority = Priority.normal

  public init(name: String, unit: String, stages: [StageSettings] = []) {
    self.name = name
    self.unit = unit
    self.stages = stages
  }
}

/// The most stages of one channel.
public let stageCountMax = 8
/// The most channels of one gateway.
public let channelCountMax = 256

/// One stage of a channel's pipeline, with its parameters. Times are nanoseconds.
public enum StageSettings: Sendable, Equatable {
  /// value × factor + offset.
  case scale(factor: Double, offset: Double)
  /// The median of the last `width` values: odd, 3 to 31.
  case median(width: UInt8)
  /// Exponential smoothing with a time constant, right for uneven periods: 1 ms to 1 day.
  case smooth(timeConstant: Int64)
  /// Passes a value that differs by more than `delta` from the last one passed, or after `silence`.
  case deadband(delta: Double, silence: Int64)
  /// One minimum/mean/maximum/count for every `span`, aligned to multiples of it since boot.
  case window(span: Int64)
  /// Raised when the value is beyond `threshold` for `hold`; cleared when it is back by
  /// `hysteresis`. `above` says which side is bad. The value itself passes on.
  case alarm(above: Bool, threshold: Double, hysteresis: Double, hold: Int64)
}

/// How the gateway joins its network. Only PID 1 acts on it.
public struct NetworkSettings: Sendable {
  public var hostname: String = ""
  public var interface: String = ""
  /// Empty for DHCP, or `192.0.2.7/24`.
  public var address: String = ""
  public var gateway: String = ""
  public var nameServers: [String] = []
  public var timeServers: [String] = []

  public init() {}
}

/// How the supervisor judges the tasks, and what it does about them. Times are nanoseconds.
public struct SupervisionSettings: Equatable, Sendable {
  /// So long a task may take for one step of its work before it counts as stalled: 100 ms to 60 s.
  /// A step that may rightly take longer (resolving a name, freeing a bus) has its own limit.
  public var deadline: Int64 = 2_000_000_000
  /// So many deaths of a task are borne within `period`, 1 to 1,000,000; then it is given up.
  public var restartCountMax: UInt32 = 30
  /// 1 s to 1 day.
  public var period: Int64 = 600_000_000_000
  /// Before the second start in a row (the first comes at once), doubled up to `pauseMax`: 1 ms to
  /// 1 day, as `pauseMax`.
  public var pauseFirst: Int64 = 100_000_000
  public var pauseMax: Int64 = 10_000_000_000
  /// A task that lived for so long has made up for earlier deaths: 0 s to 1 day.
  public var forgivenAfter: Int64 = 1_000_000_000

  public init() {}
}

/// How events are put together into messages.
public struct BatchSettings: Equatable, Sendable {
  /// The largest message, in bytes, before compression: what receivers and brokers take.
  public static let byteCountMax: UInt32 = 65_536

  /// Events in a message, at most: 1 to 1000.
  public var eventCount: UInt16 = 1
  /// Bytes of a message, at most, before compression: 1000 to `byteCountMax`. One event is sent
  /// even if it is longer.
  public var byteCount: UInt32 = byteCountMax
  /// How old, in ns, the oldest event of a message may be when the message is sent for want of
  /// company, 0 to 1 min: 0 puts together only what is there. Alarms never wait.
  public var age: Int64 = 0
  /// Whether messages are compressed with zstd (MQTT 5 only) where that makes them smaller.
  public var isCompressed = false

  public init() {}
}

public enum MQTTVersion: UInt8, BitwiseCopyable, Sendable {
  case v311 = 4
  case v5 = 5
}

/// Where the readings go.
public struct UplinkSettings: Sendable {
  public var host: String = ""
  public var port: UInt16 = 1883
  public var usesTLS = false
  public var version = MQTTVersion.v5
  public var clientIdentifier: String = ""
  public var user: String = ""
  public var password: String = ""
  /// PEM files; empty for none. `caFile` empty with TLS means the system's certificates.
  public var caFile: String = ""
  public var certificateFile: String = ""
  public var keyFile: String = ""
  /// So many seconds the broker keeps telemetry, and alarms, for receivers that are away (MQTT 5
  /// only); 0 for ever.
  public var expirySeconds: UInt32 = 0
  public var alarmExpirySeconds: UInt32 = 0
  /// Whether to go where the broker sends this client (MQTT 5 only).
  public var followsMoves = false
  /// So many days before a certificate of TLS ends it is warned of, 1 to 365.
  public var expiryWarningDays: UInt16 = 30
  /// The topic of a channel's events: `{device}` and `{channel}` are replaced.
  public var topic: String = "weir/{device}/{channel}"
  /// The topic of birth and will.
  public var statusTopic: String = "weir/{device}/status"
  /// 1 to 1000: messages sent and not yet acknowledged.
  public var inFlightWindow: UInt16 = 32
  public var keepAliveSeconds: UInt16 = 30
  /// Events that wait for the journal: a power of two, 256 to 1,048,576.
  public var bufferEventCount: UInt32 = 4096
  /// The longest pause between two attempts, in seconds.
  public var retrySecondsMax: UInt32 = 60
  /// After an outage older events follow behind the present ones, at most so many in a second; 0
  /// for as many as the broker takes.
  public var backfillRate: UInt32 = 0
  /// What one message may hold.
  public var batch = BatchSettings()
  /// Lines of the tasks' logs from this level on are sent; nil for none.
  public var logThreshold: LogLevel? = .warning
  /// Whether each message carries its trace context and the times of its hops (MQTT 5 only).
  public var isTraced = true

  public init() {}
}
