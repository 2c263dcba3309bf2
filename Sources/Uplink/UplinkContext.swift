import Configuration
import Linux
import Ring

/// How it is known that CLOCK_REALTIME is right. Until then times are sent as relative.
public struct ClockTrust: Sendable {
  /// It is surely later than this: when the program was built, or the last time that was saved.
  /// In ns since 1970.
  public var lowerBound: Int64
  /// Whether being later than the lower bound is enough. True for a service: the system it runs
  /// on looks after its clock. False for PID 1, where the kernel must say that the clock is
  /// synchronized.
  public var isPlausibleEnough: Bool

  public init(lowerBound: Int64, isPlausibleEnough: Bool) {
    self.lowerBound = lowerBound
    self.isPlausibleEnough = isPlausibleEnough
  }

  /// Whether a clock that shows `real` is right.
  public func trusts(real: Int64, isSynchronized: Bool) -> Bool {
    guard real >= lowerBound else { return false }
    return isPlausibleEnough || isSynchronized
  }

  /// How a message that is sent now writes its times. UTC is mapped once for each message.
  func messageTime() -> MessageTime {
    let boot = Clock.boot()
    let real = Clock.real()
    return trusts(real: real, isSynchronized: Clock.isSynchronized)
      ? .absolute(offset: real - boot) : .relative(now: boot)
  }
}

/// The waits of the uplink, in nanoseconds.
public struct UplinkDeadlines: Sendable {
  /// From the first SYN to CONNACK.
  public var connect: Int64 = 15_000_000_000
  /// From the last acknowledgement, while messages are under way. Twice `connect`, so that a slow
  /// line that could connect at all is not cut.
  public var acknowledgement: Int64 = 30_000_000_000
  /// At the end: for events that are still in the ring.
  public var drain: Int64 = 1_000_000_000
  /// At the end: for the broker's answer to "offline". With `drain` less than the 2 s that are
  /// promised.
  public var leave: Int64 = 500_000_000

  public init() {}
}

/// Everything that the uplink is given.
public struct UplinkContext: Sendable {
  public var settings: UplinkSettings
  public var channels: [ChannelSettings]
  public var device: String
  public var epoch: UInt64
  public var version: String
  public var ring: Ring<Event>
  public var doorbell: Doorbell
  /// The event counter that a producer signals when the doorbell needs it.
  public var doorbellDescriptor: Int32
  /// Readable when the task must end: signals, for example.
  public var stopDescriptor: Int32
  public var slot: TaskSlot
  public var clock: ClockTrust
  public var deadlines = UplinkDeadlines()

  public init(
    settings: UplinkSettings, channels: [ChannelSettings], device: String, epoch: UInt64,
    version: String, ring: Ring<Event>, doorbell: Doorbell, doorbellDescriptor: Int32,
    stopDescriptor: Int32, slot: TaskSlot, clock: ClockTrust
  ) {
    self.settings = settings
    self.channels = channels
    self.device = device
    self.epoch = epoch
    self.version = version
    self.ring = ring
    self.doorbell = doorbell
    self.doorbellDescriptor = doorbellDescriptor
    self.stopDescriptor = stopDescriptor
    self.slot = slot
    self.clock = clock
  }
}
