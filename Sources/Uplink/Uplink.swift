// The module Uplink: events from the journal to an MQTT broker. It owns the network, libmosquitto
// and the mark up to which the broker has the journal. Only the uplink task uses it. It must never
// lose an event that the journal holds, never block (but for name resolution), and never grow with
// the time that the broker is away.

import Configuration
import Journal
import Linux
import Ring

/// In which step of its work the uplink is: what its task slot shows.
public enum UplinkStep: UInt64, Sendable {
  /// No broker is configured, or the pause between two attempts.
  case waiting = 0
  /// Resolving the broker's name: the one step that the network can prolong, to some seconds.
  case resolving = 1
  case connecting = 2
  case open = 3
  case leaving = 4

  public var name: StaticString {
    switch self {
    case .waiting: "waiting"
    case .resolving: "resolving"
    case .connecting: "connecting"
    case .open: "open"
    case .leaving: "leaving"
    }
  }
}

/// The uplink task's state machine.
///
/// | phase | event | next |
/// | --- | --- | --- |
/// | waiting | the pause is over | connecting, or waiting after a fault |
/// | connecting | CONNACK accepts | open |
/// | connecting, open | a fault, or a deadline | waiting |
/// | open | asked to stop | draining |
/// | draining | nothing is left, or its deadline | leaving: "offline" is sent |
/// | leaving | acknowledged, or its deadline | ended |
/// | draining, leaving | a fault | ended |
/// | waiting, connecting | asked to stop | ended |
struct Uplink: ~Copyable {
  enum Phase: Equatable {
    case waiting(until: Int64)
    case connecting(deadline: Int64)
    case open
    case draining(deadline: Int64)
    case leaving(deadline: Int64)
    case ended
  }

  /// The longest sleep: keep-alive and the beat of the task want to be looked at once a second.
  static let sleepMax: Int64 = 1_000_000_000
  /// The same at the end, while the journal may still bring something.
  static let drainSleepMax: Int64 = 20_000_000
  /// How long after its start the task takes faults of the network for a machine that is still
  /// booting, and tries again after at most a second.
  static let bootPeriod: Int64 = 30_000_000_000
  /// A session that lived this long is a recovery: the fault before it is over, and the next pause
  /// is short again. Brokers that accept and then drop would else be named, and asked, all the
  /// time.
  static let proofPeriod: Int64 = 2_000_000_000
  /// The longest pause while the broker's certificate is not yet valid: the clock may be set any
  /// moment.
  static let clockPauseMax: Int64 = 5_000_000_000

  /// Between two looks at how long certificates are valid.
  static let expiryPeriod: Int64 = 60_000_000_000

  /// The longest pause while nothing answers, or the machine of the broker refuses: an attempt is a
  /// packet or two, so nobody is spared by waiting longer, and what was measured waits for it.
  static let networkPauseMax: Int64 = 3_000_000_000

  let context: UplinkContext
  let topics: Topics
  /// Its place changes when the broker sends this client away.
  var sessionSettings: SessionSettings
  /// How often in a row that was followed.
  var moveCount = 0
  let deviceProperty: [CChar]
  let startTime: Int64
  /// Of this boot.
  let present: BootOfEvents
  /// The earlier boot whose event was sent last.
  var past: BootOfEvents?
  /// The earlier boot of which events are sent again.
  var replayed: BootOfEvents?
  var encoder: SenMLEncoder
  /// Nil where nothing is compressed.
  let compressor: Compressor?
  var traceEncoder = TraceEncoder()
  /// Nil where nothing is traced.
  let trace: Trace?
  var logEncoder: LogEncoder
  var logSender: LogSender
  var crashSender: CrashSender
  var sequenceText = ByteBuffer(capacity: 24)
  var delivery: Delivery
  var backoff: Backoff
  var session: MQTTSession?
  /// Of the session, when it was last served.
  var sessionPhase = MQTTSession.Phase.connecting
  /// How often it was tried to connect.
  var attemptCount: UInt32 = 0
  /// Until when TCP's handshake must be done, in the present attempt.
  var reachTime: Int64 = .max
  /// How many bytes of the session had reached the broker's machine when that changed last.
  var arrivedByteCount: Int64 = 0
  var arrivedTime: Int64 = 0
  /// What the broker allows to be under way, in the open session.
  var receiveMaximum: UInt16 = 1
  var phase = Phase.waiting(until: 0)
  /// What was logged last, until a session is open again.
  var namedFault: UplinkFault?
  /// How many faults were logged.
  var namedFaultCount = 0
  var hasBeenOpen = false
  /// Which certificate is shown; nil where none is configured.
  var credentials: CredentialChoice?
  /// What TLS has agreed on in the last session.
  var security: SecurityReport?
  var expiry: ExpiryWatch
  /// When certificates are looked at again.
  var expiryTime: Int64 = 0
  /// That a certificate ends soon.
  var expiryCondition: Condition?
  /// When the open session counts as a recovery; nil when it does already.
  var proofTime: Int64?
  var namedRefusal: UInt8 = 0
  var namedProblem: String?
  var namedImpossible = false
  var namedLogRefusal = false
  /// Of the "offline" that the broker has still to acknowledge.
  var offlineMessageID: UInt16?
  var healthNews = HealthNews()
  var replays = ReplayQueue()
  var replayNews = ReplayNews()
  var pollItems: [PollItem]
  let anchor = Anchor()

  /// `seed` spreads the pauses.
  init(_ context: UplinkContext, seed: UInt64) {
    let settings = context.settings
    topics = Topics(settings: settings, device: context.device, channels: context.channels)
    sessionSettings = SessionSettings(
      settings, device: context.device, epoch: context.epoch, version: context.version,
      statusTopic: topics.status)
    deviceProperty = terminated(context.device)
    present = BootOfEvents(
      context.epoch, channels: context.channels, topics: topics, offset: nil)
    encoder = SenMLEncoder(
      device: context.device, epoch: context.epoch, channels: context.channels,
      batch: settings.batch)
    compressor =
      settings.batch.isCompressed && settings.version == .v5
      ? Compressor(messageByteCountMax: encoder.buffer.capacity) : nil
    trace = settings.isTraced && settings.version == .v5 ? context.trace : nil
    logEncoder = LogEncoder(device: context.device, epoch: context.epoch)
    logSender = LogSender(
      context.logs, cursors: context.logCursors, threshold: settings.logThreshold)
    crashSender = CrashSender(context.crashes, cursor: context.crashCursor)
    let ceilingMax = Int64(settings.retrySecondsMax) * 1_000_000_000
    backoff = Backoff(ceilingMax: ceilingMax, seed: seed)
    var journal = context.journal
    journal.source.life = FileStorage.SignOfLife(
      context.slot, step: UplinkStep.open.rawValue, limit: context.deadlines.turn)
    delivery = Delivery(
      journal, window: sessionSettings.inFlightWindow,
      pause: Backoff(ceilingMax: ceilingMax, seed: seed &+ 1), backfillRate: settings.backfillRate,
      batch: settings.batch)
    startTime = Clock.boot()
    if !settings.certificateFile.isEmpty {
      credentials = CredentialChoice(
        configured: CredentialPair(
          certificateFile: settings.certificateFile, keyFile: settings.keyFile),
        keptFile: context.keptPairFile)
    }
    expiry = ExpiryWatch(firstDays: Int64(settings.expiryWarningDays))
    pollItems = [
      PollItem(context.stopDescriptor), PollItem(context.doorbellDescriptor), PollItem(-1),
    ]
    self.context = context
  }

  /// Works until the stop descriptor is readable, and at most two seconds longer.
  mutating func run() {
    if context.settings.host.isEmpty {
      Log.notice("no broker is configured (uplink.broker): readings stay on this device")
    }
    while phase != .ended { turn() }
  }

  /// One turn of the loop: what is due, then a sleep of at most a second, then what came.
  mutating func turn() {
    let now = Clock.boot()
    if attemptCount == 0 {
      // Not connected yet: the code for it comes from the card, with that of all other tasks.
      context.slot.begin(step: step.rawValue, now: now, within: context.deadlines.turn)
    } else {
      context.slot.beat(step: step.rawValue, now: now, within: context.deadlines.turn)
    }
    context.turnHook()
    context.slot.allocationCount = allocationCount()
    context.slot.condition = condition
    advance(now)
    watchExpiry(now)
    tellHealth(now)
    if phase == .ended { return }
    Log.catchUp()
    sleep()
    if pollItems[0].hasInput { stop(Clock.boot()) }
  }

  /// Does what the clock and the ring make due.
  mutating func advance(_ now: Int64) {
    switch phase {
    case .waiting(let until):
      if now >= until, !context.settings.host.isEmpty { connect() }
    case .connecting(let deadline):
      if now >= min(deadline, reachDeadline) { fail(connectFault, now) }
    case .open:
      sendCrash(now)
      guard phase == .open else { return }
      send(now)
      serveReplays(now)
      sendLog(now)
      watchAcknowledgements(now)
      noteRecovery(now)
    case .draining(let deadline):
      send(now)
      sendLog(now)
      if phase == .ended { return }
      let isDone = delivery.isEmpty() && !logSender.isWaiting && !context.hasMoreToCome()
      if isDone || now >= deadline { leave(now) }
    case .leaving(let deadline):
      if now >= deadline { end() }
    case .ended: break
    }
  }

  private var step: UplinkStep {
    switch phase {
    case .waiting, .ended: .waiting
    case .connecting: .connecting
    case .open: .open
    case .draining, .leaving: .leaving
    }
  }

  private var reachDeadline: Int64 { sessionPhase == .connecting ? reachTime : .max }

  private var connectFault: UplinkFault {
    sessionPhase == .connecting ? .connectTimeout : .silent
  }

  /// Sleeps until something happens, then lets the session do what it can.
  private mutating func sleep() {
    let wantsDoorbell = armIfIdle()
    pollItems[1] = PollItem(wantsDoorbell ? context.doorbellDescriptor : -1)
    pollItems[2] = session?.pollItem() ?? PollItem(-1)
    let now = Clock.boot()
    let left = max(0, min(nextDeadline(now) - now, context.deadlines.turn))
    let milliseconds = (left + 999_999) / 1_000_000
    context.slot.beat(step: step.rawValue, now: now, within: left + context.deadlines.turn)
    do {
      _ = try poll(&pollItems, timeoutMilliseconds: Int32(milliseconds))
    } catch {
      Log.error("poll failed: \(error.text)")
      Futex.pause(nanoseconds: 100_000_000)
    }
    if wantsDoorbell {
      context.doorbell.disarm()
      if pollItems[1].hasInput { EventCounter.acknowledge(context.doorbellDescriptor) }
    }
    service()
  }

  /// Arms the doorbell if nothing waits and an event could be sent. False when there is no
  /// reason to wait for events, or when one came meanwhile.
  private mutating func armIfIdle() -> Bool {
    switch phase {
    case .open:
      guard Clock.boot() >= delivery.pauseEnd,
        !delivery.isWindowFull(receiveMaximum: receiveMaximum)
      else { return false }
      context.doorbell.arm()
      guard delivery.hasMore(receiveMaximum: receiveMaximum, now: Clock.boot()) else {
        return true
      }
      context.doorbell.disarm()
      return false
    case .waiting, .connecting, .draining, .leaving, .ended: return false
    }
  }

  private mutating func nextDeadline(_ now: Int64) -> Int64 {
    let latest = now + Self.sleepMax
    switch phase {
    case .waiting(let until):
      return context.settings.host.isEmpty ? latest : min(latest, until)
    case .connecting(let deadline): return min(latest, deadline, reachDeadline)
    case .leaving(let deadline): return min(latest, deadline)
    case .draining(let deadline):
      return min(now + Self.drainSleepMax, deadline)
    case .open:
      if now < delivery.pauseEnd { return min(latest, delivery.pauseEnd) }
      if delivery.hasMore(receiveMaximum: receiveMaximum, now: now) { return now }
      // Only looking for more may have shown that there is none.
      if delivery.replayWantsTurn { return now }
      let company = delivery.companyTime(now) ?? latest
      return min(latest, company, delivery.backfillTime(now) ?? latest)
    case .ended: return now
    }
  }

  private mutating func stop(_ now: Int64) {
    // Asked once; the descriptor stays readable.
    pollItems[0] = PollItem(-1)
    switch phase {
    case .open:
      phase = .draining(deadline: now + context.deadlines.drain)
      delivery.company.isOver = true
    case .waiting, .connecting: end()
    case .draining, .leaving, .ended: break
    }
  }
}

/// The uplink task from its start to its end: works until the context's stop descriptor is
/// readable, and at most two seconds longer. `seed` spreads the pauses between attempts.
public func serveUplink(_ context: UplinkContext, seed: UInt64) {
  prepareUplinkProcess()
  var uplink = Uplink(context, seed: seed)
  uplink.run()
}

/// What the process of the uplink does once, before its first session.
func prepareUplinkProcess() {
  // The resolver asks each name server twice and waits 2 s each time, instead of 5 s: the longest
  // time that this task can be deaf to everything else.
  setEnvironment("RES_OPTIONS", "timeout:2 attempts:2")
  // libmosquitto writes to TLS connections without MSG_NOSIGNAL.
  ignoreBrokenPipes()
  MQTTSession.prepareProcess()
}
