import Configuration
import Linux
import Ring

// Connecting, publishing, and what becomes of faults.
extension Uplink {
  mutating func connect() {
    context.slot.beat(
      step: UplinkStep.resolving.rawValue, now: Clock.boot(), within: context.deadlines.resolve)
    renewWithoutDescriptors()
    prepareSecurity()
    let fault: UplinkFault?
    do {
      session = try MQTTSession(sessionSettings)
      sessionPhase = .connecting
      fault = session?.begin(sessionSettings) ?? nil
    } catch let error {
      fault = error
    }
    // Resolving the name may have taken a while.
    let later = Clock.boot()
    if let fault { return fail(fault, later) }
    phase = .connecting(deadline: later + context.deadlines.connect)
    attemptCount &+= 1
    reachTime =
      attemptCount % 4 == 0 ? .max : later + min(context.deadlines.reach, context.deadlines.connect)
  }

  /// A process that has used up its descriptors can never connect again: its successor can.
  private func renewWithoutDescriptors() {
    do {
      _ = try EventCounter()
    } catch {
      guard error.number == .tooManyFiles else { return }
      Log.error("no descriptor is left for a connection: starting anew")
      exitProcess(71)
    }
  }

  /// Lets the session do what the poll found.
  mutating func service() {
    let outcome = session?.service(pollItems[2])
    guard let outcome else { return }
    let now = Clock.boot()
    // Also before a fault: what the broker acknowledged, it has.
    takeAcknowledgements(now)
    switch outcome {
    case .isOver(let fault):
      fail(fault, now)
    case .goesOn(let newPhase):
      let wasOpen = sessionPhase == .open
      sessionPhase = newPhase
      if newPhase == .open, !wasOpen { greet(now) }
    }
  }

  /// A session is open: tells everybody that we are here.
  private mutating func greet(_ now: Int64) {
    context.slot.add(to: .connects)
    if !hasBeenOpen { Log.info("connected to \(sessionSettings.place)") }
    hasBeenOpen = true
    proofTime = now + Uplink.proofPeriod
    receiveMaximum = session?.receiveMaximum() ?? 1
    limitMessages()
    phase = .open
    noteCertificateAccepted()
    noteSecurity()
    expiryTime = now
    watchExpiry(now)
    delivery.beginSession()
    publishOnline(now)
    publishBoot(now)
  }

  /// Names the end of a fault once the session has lived for a while.
  mutating func noteRecovery(_ now: Int64) {
    guard phase == .open, let time = proofTime, now >= time else { return }
    proofTime = nil
    moveCount = 0
    backoff.reset()
    // Most of OpenSSL, and of what it allocated, is needed for the handshake alone.
    releaseFreedMemory()
    releaseCodePages()
    guard namedFault != nil else { return }
    namedFault = nil
    Log.notice("the connection to \(sessionSettings.place) holds")
  }

  private mutating func takeAcknowledgements(_ now: Int64) {
    // Copied out, because what is done with them needs all of this structure.
    var list: [Acknowledgement] = []
    session?.takeAcknowledgements { list.append($0) }
    for acknowledgement in list {
      switch delivery.note(acknowledgement, now: now) {
      case .acknowledged: context.slot.add(to: .acknowledged)
      case .acknowledgedAfterRefusal:
        context.slot.add(to: .acknowledged)
        namedRefusal = 0
        Log.notice("the broker accepts what it had refused")
      case .refused: nameRefusal()
      case .dropped:
        context.slot.add(to: .eventsDropped)
        Log.error(
          "the broker calls a message invalid (code \(acknowledgement.code)): it is dropped")
      case .foreign:
        if noteLog(acknowledgement, now) || noteCrash(acknowledgement, now)
          || noteReplay(acknowledgement)
        {
          continue
        }
        if case .leaving = phase, acknowledgement.messageID == offlineMessageID { end() }
      }
    }
  }

  private mutating func nameRefusal() {
    let code = delivery.refusalCode
    guard code != namedRefusal else { return }
    namedRefusal = code
    switch code {
    case 0x87:
      Log.error("the broker does not let this client publish: allow \(context.settings.topic)")
    case 0x97: Log.error("the broker's quota for this client is used up")
    default: Log.error("the broker refuses messages with reason code \(code)")
    }
  }

  mutating func watchAcknowledgements(_ now: Int64) {
    guard phase == .open, delivery.underWayCount > 0 else { return }
    let arrived = session?.arrivedByteCount() ?? nil
    if let arrived, arrived != arrivedByteCount {
      arrivedByteCount = arrived
      arrivedTime = now
    }
    // Where the kernel does not say what arrived, only the broker's word counts.
    let progressTime = max(delivery.progressTime, arrived == nil ? 0 : arrivedTime)
    let limit = arrived == nil ? context.deadlines.acknowledgement : context.deadlines.progress
    guard
      now - progressTime >= limit
        || now - delivery.progressTime >= context.deadlines.acknowledgement
    else { return }
    fail(.acknowledgementTimeout, now)
  }

  /// Ends the session, names the cause if it is a new one, and waits.
  mutating func fail(_ fault: UplinkFault, _ now: Int64) {
    let wasOpen = phase == .open
    closeSession()
    if !wasOpen { context.slot.add(to: .connectFailures) }
    switch phase {
    case .draining, .leaving, .ended:
      phase = .ended
      return
    case .waiting, .connecting, .open: break
    }
    if follow(fault, now) || showAnotherCertificate(fault, now, wasOpen: wasOpen) { return }
    let pause = max(backoff.next(limit: pauseLimit(fault, now)), pauseMin(fault))
    phase = .waiting(until: now + pause)
    if let namedFault, fault == namedFault || fault.isVagueForm(of: namedFault) { return }
    namedFault = fault
    namedFaultCount += 1
    Log.warning("\(fault.text(sessionSettings.place)); trying again until it works")
  }

  /// What only a person can end is not worth a short pause.
  private func pauseMin(_ fault: UplinkFault) -> Int64 {
    guard case .moved = fault else { return 0 }
    return Int64(context.settings.retrySecondsMax) * 500_000_000
  }

  /// Some faults are known to pass soon.
  private func pauseLimit(_ fault: UplinkFault, _ now: Int64) -> Int64 {
    switch fault {
    case .certificateNotYetValid: Uplink.clockPauseMax
    case .network, .nameServerSilent, .nameUnknown, .connectTimeout:
      !hasBeenOpen && now - startTime < Uplink.bootPeriod
        ? 1_000_000_000 : Uplink.networkPauseMax
    default: .max
    }
  }

  private mutating func closeSession() {
    session = nil
    proofTime = nil
    delivery.noteSessionEnd()
    logSender.noteSessionEnd()
    crashSender.noteSessionEnd()
    replays.noteSessionEnd()
    replayNews.noteSessionEnd()
  }

  /// Replaces birth by "offline", and waits for the broker to have it.
  mutating func leave(_ now: Int64) {
    tellCheckpoint(now)
    if phase == .ended { return }
    let payload = sessionSettings.offlinePayload
    switch session?.publishStatus(payload, topic: topics.status) {
    case .sent(let messageID)?:
      offlineMessageID = messageID
      phase = .leaving(deadline: now + context.deadlines.leave)
    case .impossible?, .failed?, nil: end()
    }
  }

  mutating func end() {
    if session != nil, sessionPhase == .open { session?.leave() }
    closeSession()
    phase = .ended
  }
}
