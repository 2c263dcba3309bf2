import Configuration
import Journal
import Linux
import Ring

/// What was told last of the journal, and what was said of the whole matter.
struct ReplayNews {
  /// Of the open session.
  var hasSubscribed = false
  var checkpoint: JournalCheckpoint?
  var checkpointTime: Int64 = 0
  var checkpointMessageID: UInt16?
  /// Said once in the life of the task.
  var namedSubscription = false
  var namedCheckpoint = false
  var namedIgnored = false

  mutating func noteSessionEnd() {
    hasSubscribed = false
    checkpoint = nil
    checkpointMessageID = nil
  }
}

// The checkpoint, and what receivers ask for again.
extension Uplink {
  /// Does what is due: the subscription, the checkpoint, and the requests.
  mutating func serveReplays(_ now: Int64) {
    guard phase == .open, delivery.openArchive() else { return }
    subscribe(now)
    if replayNews.checkpoint == nil
      || now - replayNews.checkpointTime >= context.deadlines.checkpoint
    {
      tellCheckpoint(now)
    }
    takeRequests(now)
    if let replay = delivery.replay, replay.isDone {
      delivery.endReplay()
      replays.finish(replay.answer)
    }
    if delivery.replay == nil, let request = replays.next() { delivery.begin(request) }
    publishAnswers(now)
  }

  private mutating func subscribe(_ now: Int64) {
    guard phase == .open, !replayNews.hasSubscribed else { return }
    replayNews.hasSubscribed = true
    switch session?.subscribe(topics.replay) {
    case .failed(let fault)?: fail(fault, now)
    case .impossible?: nameSubscription()
    case .sent?, nil: break
    }
  }

  private mutating func nameSubscription() {
    guard !replayNews.namedSubscription else { return }
    replayNews.namedSubscription = true
    Log.warning(
      "the broker does not let this client subscribe to \(topics.replayName): receivers can't ask "
        + "for events again; allow it")
  }

  /// Tells what the journal holds, if that has changed.
  mutating func tellCheckpoint(_ now: Int64) {
    guard delivery.openArchive(), session != nil, sessionPhase == .open else { return }
    replayNews.checkpointTime = now
    var checkpoint = delivery.checkpoint()
    if context.tasks.isEmpty { checkpoint.add(context.slot) }
    for task in context.tasks { checkpoint.add(task.slot) }
    guard checkpoint != replayNews.checkpoint else { return }
    replayNews.checkpoint = checkpoint
    let payload = checkpoint.payload(
      device: context.device, epoch: context.epoch, offset: context.clock.offset, now: now)
    switch session?.publishStatus(payload, topic: topics.checkpoint) {
    case .sent(let messageID)?: replayNews.checkpointMessageID = messageID
    case .failed(let fault)?: fail(fault, now)
    case .impossible?, nil: break
    }
  }

  private mutating func takeRequests(_ now: Int64) {
    guard phase == .open, let result = session?.takeRequests() else { return }
    if result.isRefused { nameSubscription() }
    replays.ignore(result.ignoredCount)
    for payload in result.payloads { replays.add(payload, now: now) }
    if replays.ignoredCount > 0, !replayNews.namedIgnored {
      replayNews.namedIgnored = true
      Log.warning(
        "requests on \(topics.replayName) come faster than they may: some get no answer")
    }
  }

  private mutating func publishAnswers(_ now: Int64) {
    // Each turn sends one, or forgets one.
    while phase == .open, let answer = replays.answer {
      let payload = answer.payload
      switch session?.publishText(payload, topic: topics.replayed) {
      case .sent(let messageID)?: replays.noteSent(messageID: messageID)
      case .impossible?: replays.noteImpossible()
      case .failed(let fault)?: return fail(fault, now)
      case nil: return
      }
    }
  }

  /// Whether the acknowledgement was that of an answer, or of the checkpoint.
  mutating func noteReplay(_ acknowledgement: Acknowledgement) -> Bool {
    if acknowledgement.messageID == replayNews.checkpointMessageID {
      replayNews.checkpointMessageID = nil
      if acknowledgement.code >= 0x80, !replayNews.namedCheckpoint {
        replayNews.namedCheckpoint = true
        Log.warning(
          "the broker refuses \(topics.checkpointName) with reason code \(acknowledgement.code): "
            + "receivers can't tell what they lack; allow it")
      }
      return true
    }
    return replays.noteDone(messageID: acknowledgement.messageID)
  }
}

extension JournalCheckpoint {
  fileprivate mutating func add(_ slot: TaskSlot) {
    storedCount &+= slot[.stored]
    evictedCount &+= slot[.evicted]
    droppedCount &+= slot[.eventsDropped]
  }
}
