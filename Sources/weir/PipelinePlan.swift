import Configuration
import Signal

/// Makes the pipeline's plan of the configuration's channels, in memory that is never freed: it is
/// made once, before the first fork, and every pipeline process reads it.
///
/// The configuration was checked, so a stage that the plan refuses is a mistake of the program: the
/// two must agree on what is valid.
func makePipelinePlan(
  _ channels: [ChannelSettings], overload: OverloadPolicy = .off
) -> PipelinePlan {
  var stageCount = 0
  for channel in channels { stageCount += channel.stages.count }
  let byteCount = PipelinePlan.byteCount(channelCount: channels.count, stageCount: stageCount)
  // Safe: the memory has the size and the alignment that the plan asks for, and lives for ever.
  var plan = unsafe PipelinePlan(
    memory: .allocate(byteCount: max(byteCount, 8), alignment: 8), channelCount: channels.count,
    stageCount: stageCount)
  do throws(PlanError) {
    for channel in channels {
      try plan.appendChannel(priority: ChannelPriority(channel.priority))
      for stage in channel.stages { try plan.append(StageSpec(stage)) }
    }
  } catch {
    preconditionFailure("a checked configuration has a stage that the pipeline refuses")
  }
  plan.overload = overload
  return plan
}

extension ChannelPriority {
  init(_ priority: Priority) {
    switch priority {
    case .low: self = .low
    case .normal: self = .normal
    case .high: self = .high
    }
  }
}

extension OverloadPolicy {
  /// The policy as the pipeline knows it, for an output of `capacity` events.
  init(_ settings: OverloadSettings, capacity: UInt32) {
    self.init(
      begins: settings.levels, margin: settings.margin, endAfter: settings.recovery,
      widen: settings.widen, reserve: settings.reserve(of: capacity))
  }
}

extension StageSpec {
  /// The stage as the pipeline knows it: the same parameters.
  init(_ settings: StageSettings) {
    switch settings {
    case .scale(let factor, let offset):
      self = .scale(factor: factor, offset: offset)
    case .median(let width):
      self = .median(width: width)
    case .smooth(let timeConstant):
      self = .smooth(timeConstant: timeConstant)
    case .deadband(let delta, let silence):
      self = .deadband(delta: delta, silence: silence)
    case .window(let span):
      self = .window(span: span)
    case .alarm(let above, let threshold, let hysteresis, let hold):
      self = .alarm(above: above, threshold: threshold, hysteresis: hysteresis, hold: hold)
    }
  }
}
