import Configuration
import Journal
import Linux
import Ring

/// A boot of this device, and what is the same for all of its events.
final class BootOfEvents {
  let texts: BootTexts
  let topics: Topics
  /// What is to be added to its times; nil for the present boot, which asks its clock.
  let offset: Int64?
  /// Its number, for C.
  let property: [CChar]

  init(_ epoch: UInt64, channels: [ChannelSettings], topics: Topics, offset: Int64?) {
    texts = BootTexts(epoch: epoch, channels: channels)
    self.topics = topics
    self.offset = offset
    property = terminated("\(epoch)")
  }
}

// Events and gaps, as messages.
extension Uplink {
  /// Publishes messages while the window has room: at most a window of them.
  mutating func send(_ now: Int64) {
    guard now >= delivery.pauseEnd, openJournal() else { return }
    for _ in 0..<Int(Delivery.windowMax) {
      guard let first = delivery.next(receiveMaximum: receiveMaximum, now: now) else { return }
      let boot = boot(of: first)
      guard let last = fill(first, boot, now) else {
        delivery.take(first, now: now)
        delivery.noteImpossible(first)
        noteDropped("can't be sent: no message holds it", first.item)
        continue
      }
      switch publish(first, boot) {
      case .sent(let messageID):
        delivery.noteSent(last, messageID: messageID, now: now)
        context.slot.add(to: .published)
        context.slot.progress &+= 1
      case .impossible:
        delivery.noteImpossible(last)
        noteDropped(
          "can't be sent: larger than the broker takes, or its topic is not valid", first.item)
      case .failed(let fault):
        return fail(fault, now)
      }
    }
  }

  /// Whether the journal is there to be read.
  private mutating func openJournal() -> Bool {
    if delivery.open() { return true }
    if let problem = delivery.problem, problem != namedProblem {
      namedProblem = problem
      Log.error("the journal can't be read: \(problem)")
    }
    return false
  }

  /// The boot in which it happened.
  private mutating func boot(of outgoing: Delivery.Outgoing) -> BootOfEvents {
    let item = outgoing.item
    if item.epoch == context.epoch { return present }
    let known = outgoing.isReplayed ? replayed : past
    if let known, known.texts.epoch == item.epoch { return known }
    let facts = context.facts(item.epoch) ?? .unknown
    let boot = BootOfEvents(
      item.epoch, channels: facts.channels,
      topics: Topics(
        settings: context.settings, device: context.device, channels: facts.channels),
      offset: facts.offset)
    if outgoing.isReplayed { replayed = boot } else { past = boot }
    return boot
  }

  private func time(_ boot: BootOfEvents) -> MessageTime {
    if boot === present { return context.clock.messageTime() }
    return boot.offset.map { .absolute(offset: $0) } ?? .unknown
  }

  /// Makes the message of the event, and of those behind it that fit: of the same boot and topic.
  /// Returns the last of them; nil if the first one can't be written.
  private mutating func fill(
    _ first: Delivery.Outgoing, _ boot: BootOfEvents, _ now: Int64
  ) -> Delivery.Outgoing? {
    let time = time(boot)
    encoder.boot = boot.texts
    encoder.begin()
    guard append(first, time) else { return nil }
    delivery.take(first, now: now)
    var last = first
    let topic = topicNumber(of: first.item, boot)
    for _ in 1..<max(1, Int(context.settings.batchCount)) {
      guard let next = delivery.more(last), next.item.epoch == boot.texts.epoch,
        topicNumber(of: next.item, boot) == topic, append(next, time)
      else { break }
      delivery.take(next, now: now)
      last = next
    }
    encoder.finish()
    return last
  }

  private mutating func append(_ outgoing: Delivery.Outgoing, _ time: MessageTime) -> Bool {
    let isHistorical = outgoing.isHistorical
    return switch outgoing.item.content {
    case .event(let event):
      encoder.append(
        event, time, isHistorical: isHistorical, isReplayed: outgoing.isReplayed)
    case .thinned(let event):
      encoder.append(event, time, isThinned: true, isHistorical: isHistorical)
    case .gap(let gap):
      encoder.append(
        gap, outgoing.stream % 2 == 0 ? .alarms : .telemetry, isHistorical: isHistorical)
    }
  }

  /// Messages of the same number go to the same topic.
  private func topicNumber(of item: EventItem, _ boot: BootOfEvents) -> Int {
    switch item.content {
    case .event(let event), .thinned(let event): boot.topics.number(of: event)
    case .gap: Topics.gapNumber
    }
  }

  private mutating func publish(
    _ first: Delivery.Outgoing, _ boot: BootOfEvents
  ) -> PublishResult {
    sequenceText.removeAll()
    sequenceText.append(first.sequence)
    sequenceText.append(UInt8(0))
    var properties = MessageProperties(
      device: deviceProperty, epoch: boot.property, sequence: sequenceText)
    if first.isHistorical { properties.addHistorical() }
    let expiry = expirySeconds(first)
    if expiry > 0 { properties.addExpiry(seconds: expiry) }
    if let trace, boot === present, !first.isReplayed, case .event(let event) = first.item.content {
      let note = HopNote(word: context.notes?[event.sequence] ?? 0)
      traceEncoder.encode(event, trace, note, now: Clock.boot())
      properties.add(traceEncoder)
    }
    let topic = boot.topics.topic(topicNumber(of: first.item, boot))
    // Safe: the buffer outlives the call.
    let result = unsafe encoder.buffer.withBytes {
      unsafe session?.publish(topic: topic, payload: $0, retained: false, properties: properties)
    }
    return result ?? .failed(.dropped)
  }

  /// 0 for a message that the broker keeps for ever.
  private func expirySeconds(_ outgoing: Delivery.Outgoing) -> UInt32 {
    let isAlarm: Bool
    switch outgoing.item.content {
    case .event(let event), .thinned(let event): isAlarm = event.lane == .alarms
    case .gap: return 0
    }
    return isAlarm ? context.settings.alarmExpirySeconds : context.settings.expirySeconds
  }

  private mutating func noteDropped(_ why: StaticString, _ item: EventItem) {
    context.slot.add(to: .eventsDropped)
    if !namedImpossible {
      namedImpossible = true
      Log.error(
        "an event of boot \(item.epoch) is dropped and counted (events-dropped): \(why)")
    }
  }
}

extension Delivery.Outgoing {
  /// The event's number in its boot; of a gap, that of the last event in it.
  fileprivate var sequence: UInt64 {
    switch item.content {
    case .event(let event), .thinned(let event): event.sequence
    case .gap(let gap): gap.through.sequence
    }
  }
}
