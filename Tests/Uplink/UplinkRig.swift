import Configuration
import Foundation
import Linux
import Ring
import Testing

@testable import Uplink

/// An uplink and the producer of its events, driven by the test itself, turn by turn.
struct UplinkRig: ~Copyable {
  static let channels = [
    ChannelSettings(name: "boiler.temperature", unit: "Cel"),
    ChannelSettings(name: "door", unit: ""),
  ]

  var uplink: Uplink
  var producer: Producer<Event>
  let slot: TaskSlot
  let bell: Doorbell
  let bellCounter: EventCounter
  let stopCounter: EventCounter
  let context: UplinkContext
  private let mapping: SharedMapping
  private(set) var nextSequence: UInt64 = 0

  init(_ port: Int, capacity: Int = 1024, _ change: (inout UplinkSettings) -> Void = { _ in })
    throws
  {
    prepareUplinkProcess()
    var plan = ArenaPlan()
    let ringRegion = plan.reserve(byteCount: Ring<Event>.byteCount(capacity: capacity))
    let slotRegion = plan.reserve(byteCount: TaskSlot.byteCount)
    let bellRegion = plan.reserve(byteCount: Doorbell.byteCount)
    // Everything that can fail comes first: a half-made noncopyable value can't be undone.
    let mapping = try SharedMapping(byteCount: plan.byteCount)
    let bellCounter = try EventCounter()
    let stopCounter = try EventCounter()
    // Safe: the mapping lives as long as this rig.
    let arena = unsafe Arena(base: mapping.base, byteCount: mapping.byteCount)
    let ring = Ring<Event>.format(arena[ringRegion], capacity: capacity)
    slot = TaskSlot.format(arena[slotRegion])
    bell = Doorbell.format(arena[bellRegion])
    producer = Producer(ring)
    var settings = UplinkSettings()
    settings.host = "127.0.0.1"
    settings.port = UInt16(port)
    settings.retrySecondsMax = 1
    settings.clientIdentifier = "uplink-test"
    settings.keepAliveSeconds = 5
    change(&settings)
    var context = UplinkContext(
      settings: settings, channels: UplinkRig.channels, device: "plant7", epoch: 3,
      version: "test", ring: ring, doorbell: bell,
      doorbellDescriptor: bellCounter.descriptor.number,
      stopDescriptor: stopCounter.descriptor.number, slot: slot,
      clock: ClockTrust(lowerBound: 0, isPlausibleEnough: true))
    context.deadlines.connect = 2_000_000_000
    context.deadlines.acknowledgement = 3_000_000_000
    self.context = context
    uplink = Uplink(context, seed: 1)
    self.mapping = mapping
    self.bellCounter = bellCounter
    self.stopCounter = stopCounter
  }

  /// Puts values into the ring, as many as fit; returns how many.
  @discardableResult
  mutating func produce(_ count: Int = 1) -> Int {
    for index in 0..<count {
      let event = Event(
        kind: .value, channel: 0, time: Clock.boot(), sequence: nextSequence,
        readingSequence: nextSequence, value: Double(nextSequence) / 16)
      guard producer.push(event) else { return index }
      nextSequence += 1
      if bell.needsRing() { bellCounter.signal() }
    }
    return count
  }

  /// Turns until the condition holds. False when the deadline passes first.
  mutating func turn(
    seconds: Double, until condition: (borrowing Uplink) throws -> Bool
  ) rethrows -> Bool {
    let deadline = Date().addingTimeInterval(seconds)
    while Date() < deadline {
      if try condition(uplink) { return true }
      uplink.turn()
    }
    return try condition(uplink)
  }

  /// Turns until the broker has acknowledged all that was produced.
  mutating func turnUntilEmpty(seconds: Double) -> Bool {
    let ring = context.ring
    return turn(seconds: seconds) { _ in ring.tail.load() == ring.head.load() }
  }

  mutating func turnUntilOpen(seconds: Double = 10) -> Bool {
    turn(seconds: seconds) { $0.phase == .open }
  }

  /// Turns until this fault was named.
  mutating func turnUntil(_ fault: UplinkFault, seconds: Double = 10) -> Bool {
    turn(seconds: seconds) { $0.namedFault == fault }
  }

  /// Asks the uplink to stop and turns until it has; the seconds that it took.
  mutating func stop() -> Double {
    let start = Date()
    stopCounter.signal()
    _ = turn(seconds: 5) { $0.phase == .ended }
    return Date().timeIntervalSince(start)
  }
}
