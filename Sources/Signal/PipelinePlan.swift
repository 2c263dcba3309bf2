import Ring

/// Why a plan cannot be made.
public enum PlanError: Error, Sendable, Equatable {
  /// The plan has as many channels as its memory was made for.
  case tooManyChannels
  /// The plan has as many stages as its memory was made for, or the channel has
  /// `channelStageCountMax`.
  case tooManyStages
  /// A stage was given before the first channel.
  case noChannel
  /// A parameter of the stage is out of its range.
  case invalidStage
}

/// What the pipeline does to each channel: the stages in their order, each with the place of its
/// state. Made once at start, then only read; the memory stays the owner's.
///
/// The size of the plan and of the state follows from the configuration: a channel without
/// stages costs 12 bytes, and 32 more of state where its priority is low; a stage 56 bytes and its
/// own state.
@safe public struct PipelinePlan {
  private let channels: UnsafeMutablePointer<PlannedChannel>
  private let stages: UnsafeMutablePointer<PlannedStage>
  private let channelCapacity: Int
  private let stageCapacity: Int

  /// How many channels the plan has; a reading's `channel` is below it.
  public private(set) var channelCount = 0
  /// How many stages all channels have together.
  public private(set) var stageCount = 0
  /// The bytes of state that `Pipeline` needs: its own and those of all stages. A multiple of 8.
  public private(set) var stateByteCount = MemoryLayout<PipelineState>.size
  /// What is done under overload.
  public var overload = OverloadPolicy.off

  /// The bytes of memory for a plan of that size. A multiple of 8.
  public static func byteCount(channelCount: Int, stageCount: Int) -> Int {
    stagesOffset(channelCount) + stageCount * MemoryLayout<PlannedStage>.stride
  }

  private static func stagesOffset(_ channelCount: Int) -> Int {
    (channelCount * MemoryLayout<PlannedChannel>.stride + 7) & ~7
  }

  /// An empty plan. The caller gives `byteCount(channelCount:stageCount:)` bytes, aligned to 8,
  /// that outlive the plan and that nobody else uses. At most 65,536 channels and as many stages.
  public init(memory: UnsafeMutableRawPointer, channelCount: Int, stageCount: Int) {
    precondition(channelCount >= 0 && channelCount <= 65_536)
    precondition(stageCount >= 0 && stageCount <= 65_535)
    // Safe: both tables lie side by side inside the bytes that the caller gave, aligned.
    unsafe channels = memory.bindMemory(to: PlannedChannel.self, capacity: channelCount)
    unsafe stages = (memory + Self.stagesOffset(channelCount))
      .bindMemory(to: PlannedStage.self, capacity: stageCount)
    channelCapacity = channelCount
    stageCapacity = stageCount
  }

  /// Adds the next channel, still without stages.
  public mutating func appendChannel(
    priority: ChannelPriority = .normal
  ) throws(PlanError) {
    guard channelCount < channelCapacity else { throw .tooManyChannels }
    var channel = PlannedChannel(
      firstStage: UInt16(stageCount), stageCount: 0, slowedOffset: 0, priority: priority)
    if priority == .low {
      channel.slowedOffset = UInt32(stateByteCount)
      stateByteCount += MemoryLayout<SlowedRun>.size
    }
    // Safe: the index is below the capacity.
    unsafe (channels + channelCount).initialize(to: channel)
    channelCount += 1
  }

  /// Adds a stage to the channel that was added last.
  public mutating func append(_ spec: StageSpec) throws(PlanError) {
    guard channelCount > 0 else { throw .noChannel }
    guard spec.isValid else { throw .invalidStage }
    let last = channelCount - 1
    // Safe: the indices are below the capacities.
    let full = unsafe Int(channels[last].stageCount) == channelStageCountMax
    guard stageCount < stageCapacity, !full else { throw .tooManyStages }
    let stage = PlannedStage(spec: spec, stateOffset: UInt32(stateByteCount), feedsAlarm: false)
    unsafe (stages + stageCount).initialize(to: stage)
    if case .alarm = spec {
      // A window that an alarm waits for is never widened: the alarm would come later.
      for index in stages(of: last) { unsafe stages[index].feedsAlarm = true }
    }
    unsafe channels[last].stageCount += 1
    stageCount += 1
    stateByteCount += spec.stateByteCount
  }

  /// The stages of one channel, as indices for `stage(_:)`.
  func stages(of channel: Int) -> Range<Int> {
    precondition(channel >= 0 && channel < channelCount)
    // Safe: the index was just checked.
    let planned = unsafe channels[channel]
    return Int(planned.firstStage)..<Int(planned.firstStage) + Int(planned.stageCount)
  }

  /// How much the channel matters under overload.
  func priority(of channel: Int) -> ChannelPriority {
    precondition(channel >= 0 && channel < channelCount)
    // Safe: the index was just checked.
    return unsafe channels[channel].priority
  }

  /// Where the state keeps the channel's `SlowedRun`; nil where it is never slowed.
  func slowedOffset(of channel: Int) -> Int? {
    precondition(channel >= 0 && channel < channelCount)
    // Safe: the index was just checked.
    let offset = unsafe Int(channels[channel].slowedOffset)
    return offset == 0 ? nil : offset
  }

  func stage(_ index: Int) -> PlannedStage {
    precondition(index >= 0 && index < stageCount)
    // Safe: the index was just checked.
    return unsafe stages[index]
  }

  /// A word that differs, all but surely, between plans whose states have different layouts.
  var layout: UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a, 64 bits at a time
    for channel in 0..<channelCount {
      if let offset = slowedOffset(of: channel) {
        hash = (hash ^ UInt64(offset)) &* 0x100_0000_01b3
      }
      for index in stages(of: channel) {
        hash = (hash ^ UInt64(channel)) &* 0x100_0000_01b3
        hash = (hash ^ UInt64(stage(index).stateOffset)) &* 0x100_0000_01b3
      }
    }
    return (hash ^ UInt64(stateByteCount)) &* 0x100_0000_01b3 | 1
  }
}

struct PlannedChannel: BitwiseCopyable {
  var firstStage: UInt16
  var stageCount: UInt16
  /// From the begin of the pipeline's state; 0: none, as the state begins with `PipelineState`.
  var slowedOffset: UInt32
  var priority: ChannelPriority
}

struct PlannedStage: BitwiseCopyable {
  var spec: StageSpec
  /// From the begin of the pipeline's state.
  var stateOffset: UInt32
  /// Whether an alarm of the channel comes after it.
  var feedsAlarm: Bool
}

/// The pipeline's own state, at the begin of its state bytes.
///
/// | offset | size | field |
/// | ---: | ---: | --- |
/// | 0 | 8 | `layout` of the plan that the rest was made by; 0 before the first start |
/// | 8 | 8 | `nextSequence`: the sequence of the next event |
/// | 16 | 8 | `droppedFirst`: the sequence of the first event of the gap not yet told |
/// | 24 | 8 | `droppedCount`: the events of that gap, 0 without one |
/// | 32 | 8 | `droppedTotal`: all events dropped in this epoch |
/// | 40 | 8 | `readingTotal`: all readings taken in this epoch |
/// | 48 | 8 | `rejectedTotal`: those of them whose channel does not exist |
/// | 56 | 8 | `batchTotal`: commits in this epoch |
/// | 64 | 8 | `overloadLevel`, 0 to 3 |
struct PipelineState: BitwiseCopyable {
  var layout: UInt64
  var nextSequence: UInt64
  var droppedFirst: UInt64
  var droppedCount: UInt64
  var droppedTotal: UInt64
  var readingTotal: UInt64
  var rejectedTotal: UInt64
  var batchTotal: UInt64
  var overloadLevel: UInt64
}
