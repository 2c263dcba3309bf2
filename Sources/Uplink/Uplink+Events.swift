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
    let count = sendMessages(now)
    // Small packets that follow each other go out together.
    if count > 1 { session?.endBurst() }
  }

  /// Returns how many messages it has published.
  private mutating func sendMessages(_ now: Int64) -> Int {
    var count = 0
    let time = context.clock.messageTime()
    for _ in 0..<Int(Delivery.windowMax) {
      guard let first = delivery.next(receiveMaximum: receiveMaximum, now: now) else { break }
      let boot = boot(of: first)
      guard let topic = fill(first, boot, now, time) else {
        delivery.take(first, now: now)
        delivery.noteImpossible(first)
        noteDropped("can't be sent: no message holds it", first.item)
        continue
      }
      if count == 1 { session?.beginBurst() }
      switch publish(first, boot, topic) {
      case .sent(let messageID):
        delivery.noteSent(first, messageID: messageID, now: now)
        context.slot.add(to: .published)
        context.slot.progress &+= 1
        count += 1
      case .impossible:
        delivery.noteImpossible(first)
        noteDropped(
          "can't be sent: larger than the broker takes, or its topic is not valid", first.item)
      case .failed(let fault):
        fail(fault, now)
        return 0
      }
    }
    return count
  }

  /// Keeps messages of several events below what the broker takes.
  mutating func limitMessages() {
    guard let maximum = session?.maximumPacketSize() else {
      encoder.byteCountLimit = .max
      return
    }
    // Beside the payload: the topic; device, epoch and seq, which have their names with them; the
    // content type, the trace and its hops, which have at most 400 bytes with the fixed header.
    let beside = topics.byteCountMax + deviceProperty.count + 2 * 20 + 400
    encoder.byteCountLimit = max(0, Int(maximum) - beside)
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

  /// Makes the message of the event, and of those behind it that fit: of the same boot and stream,
  /// and for topics that go together. Returns the number of the topic; nil if the first one can't
  /// be written.
  private mutating func fill(
    _ first: Delivery.Outgoing, _ boot: BootOfEvents, _ now: Int64, _ presentTime: MessageTime
  ) -> Int? {
    let time =
      boot === present ? presentTime : boot.offset.map { .absolute(offset: $0) } ?? .unknown
    encoder.boot = boot.texts
    encoder.begin()
    guard append(first.item, of: first, time) else { return nil }
    delivery.take(first, now: now)
    var topic = topicNumber(of: first.item, isOne: boot.topics.isOne)
    if encoder.room > 0 { addMore(to: first, boot, now, time, &topic) }
    encoder.finish()
    delivery.company.note(byteCount: encoder.buffer.count, recordCount: encoder.recordCount)
    return topic
  }

  private mutating func addMore(
    to first: Delivery.Outgoing, _ boot: BootOfEvents, _ now: Int64, _ time: MessageTime,
    _ topic: inout Int
  ) {
    let epoch = boot.texts.epoch
    let isOne = boot.topics.isOne
    let count = delivery.source(of: first).takeMore { item in
      guard encoder.room > 0, item.epoch == epoch,
        let together = Topics.number(of: topic, and: topicNumber(of: item, isOne: isOne)),
        append(item, of: first, time)
      else { return false }
      topic = together
      return true
    }
    delivery.noteTaken(first, count: count, now: now)
  }

  @inline(__always)
  private mutating func append(
    _ item: EventItem, of first: Delivery.Outgoing, _ time: MessageTime
  ) -> Bool {
    let isHistorical = first.isHistorical
    return switch item.content {
    case .event(let event):
      encoder.append(event, time, isHistorical: isHistorical, isReplayed: first.isReplayed)
    case .thinned(let event):
      encoder.append(event, time, isThinned: true, isHistorical: isHistorical)
    case .gap(let gap):
      encoder.append(
        gap, first.stream % 2 == 0 ? .alarms : .telemetry, isHistorical: isHistorical)
    }
  }

  /// Messages of the same number go to the same topic.
  @inline(__always)
  private func topicNumber(of item: EventItem, isOne: Bool) -> Int {
    switch item.content {
    case .event(let event), .thinned(let event): Topics.number(of: event, isOne: isOne)
    case .gap: Topics.gapNumber
    }
  }

  private mutating func publish(
    _ first: Delivery.Outgoing, _ boot: BootOfEvents, _ topicNumber: Int
  ) -> PublishResult {
    sequenceText.removeAll()
    sequenceText.append(first.sequence)
    sequenceText.append(UInt8(0))
    // What the longer content type takes is no gain yet.
    let longer =
      MessageProperties.compressedContentType.utf8CodeUnitCount
      - MessageProperties.contentType.utf8CodeUnitCount
    // Safe: only read during the call.
    let isCompressed =
      compressor.map { compressor in
        unsafe encoder.buffer.withBytes { unsafe compressor.compress($0, saving: longer) }
      } ?? false
    var properties = MessageProperties(
      device: deviceProperty, epoch: boot.property, sequence: sequenceText,
      isCompressed: isCompressed)
    if first.isHistorical { properties.addHistorical() }
    let expiry = expirySeconds(first)
    if expiry > 0 { properties.addExpiry(seconds: expiry) }
    if let trace, boot === present, !first.isReplayed, case .event(let event) = first.item.content {
      let note = HopNote(word: context.notes?[event.sequence] ?? 0)
      traceEncoder.encode(event, trace, note, now: Clock.boot())
      properties.add(traceEncoder)
    }
    let topic = boot.topics.topic(topicNumber)
    let result: PublishResult?
    if isCompressed, let compressor {
      // Safe: the compressor's memory outlives the call.
      result = unsafe compressor.withBytes {
        unsafe session?.publish(topic: topic, payload: $0, retained: false, properties: properties)
      }
    } else {
      // Safe: the buffer outlives the call.
      result = unsafe encoder.buffer.withBytes {
        unsafe session?.publish(topic: topic, payload: $0, retained: false, properties: properties)
      }
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
