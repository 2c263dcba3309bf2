/// How much a sensor or line matters when the gateway is overloaded.
public enum Priority: UInt8, BitwiseCopyable, Sendable {
  /// Sampled less often, and its windows widened, from level 1 on.
  case low = 0
  /// Its windows are widened from level 2 on.
  case normal = 1
  /// Never changed.
  case high = 2
}

/// What happens when events are made faster than they are sent, or readings faster than they are
/// taken.
public struct OverloadSettings: Sendable, Equatable {
  /// The fill of the buffer, in percent, at which levels 1, 2 and 3 begin: ascending, 1 to 100.
  public var levels: (UInt8, UInt8, UInt8) = (50, 75, 90)
  /// A level ends when the fill is so many percent below its begin: 1 to the first level's begin.
  public var margin: UInt8 = 20
  /// And has been for so long, in nanoseconds: 100 ms to 1 h.
  public var recovery: Int64 = 5_000_000_000
  /// By how much sampling of low priority is slower at each level: 1 to 10.
  public var slow: UInt8 = 2
  /// By how much windows are wider at each level: 1 to 10.
  public var widen: UInt8 = 2
  /// Percent of the buffer that only alarms may use: 1 to 50.
  public var alarmReserve: UInt8 = 6

  /// The smallest reserve: what a buffer of 256 events, the smallest, has as a sixteenth.
  public static let reserveMin: UInt32 = 16

  public init() {}

  /// How many events of a buffer of `capacity` only alarms may use.
  public func reserve(of capacity: UInt32) -> UInt32 {
    max(Self.reserveMin, UInt32(UInt64(capacity) * UInt64(alarmReserve) / 100))
  }

  public static func == (one: OverloadSettings, other: OverloadSettings) -> Bool {
    one.levels == other.levels && one.margin == other.margin && one.recovery == other.recovery
      && one.slow == other.slow && one.widen == other.widen
      && one.alarmReserve == other.alarmReserve
  }
}

/// How the tasks that read sensors and lines get the processor.
public struct SensingSettings: Sendable, Equatable {
  /// The priority of SCHED_RR, 1 to `realtimeMax`; 0 for the ordinary scheduler.
  public var realtime: UInt8 = 0
  /// The processors that they may run on, each below `cpuCountMax`; empty for all.
  public var cpus: [UInt16] = []

  /// Below the kernel's 99 there must be room for the supervisor, which stands above its tasks.
  public static let realtimeMax: UInt8 = 98
  /// As many as the kernel's set of processors has bits (CPU_SETSIZE).
  public static let cpuCountMax: UInt16 = 1024

  public init() {}
}
