import Ring

/// One sensor of a sense task: its driver, its schedule, and what to do when it fails. It makes no
/// system call and knows no clock: the task, or a test, says what time it is.
///
/// What must survive the task's death is one number, the sequence of the next deadline (`next`),
/// which the caller commits together with the readings. All else is found anew.
public struct SensorSource: Sendable {
  public let schedule: SenseSchedule
  /// The channels to feed; at least one.
  public let temperatureChannel: UInt16?
  public let pressureChannel: UInt16?
  private var device: SensorDevice
  private var backoff = SenseBackoff()
  private var activity = Activity.idle

  /// The measurement of deadline `sequence` goes on at `time`.
  private enum Activity: Equatable, Sendable {
    case idle
    case measuring(sequence: UInt64, time: Int64)
  }

  public init(
    device: SensorDevice, schedule: SenseSchedule, temperatureChannel: UInt16?,
    pressureChannel: UInt16? = nil
  ) {
    precondition(temperatureChannel != nil || pressureChannel != nil)
    self.device = device
    self.schedule = schedule
    self.temperatureChannel = temperatureChannel
    self.pressureChannel = pressureChannel
  }

  /// Why the sensor is not read, or nil.
  public var fault: Quality? { backoff.reason }

  /// When `step` has something to do.
  public func wakeTime(next: UInt64) -> Int64 {
    switch activity {
    case .idle: schedule.deadline(next)
    case .measuring(_, let time): time
    }
  }

  /// Does what is due at `now`. Deadlines before `next` are done with; `next` moves on, and every
  /// deadline that it passes is in `output`: as a reading, or in a reading of the missed ones.
  ///
  /// One step makes at most one measurement, or one part of it, and takes as long as its transfers.
  ///
  /// Under overload only each deadline is taken whose number `stride` divides. Those in between are
  /// left out, and said to be, as soon as one is taken: so a change of `stride` counts from the
  /// next taken deadline on, and a death in between changes nothing.
  public mutating func step<Bus: RegisterBus & ~Copyable>(
    now: Int64, next: inout UInt64, stride: UInt32 = 1, bus: inout Bus, output: inout SenseOutput
  ) -> SenseNews {
    let before = next
    let news = measure(now: now, next: &next, bus: &bus, output: &output)
    guard next > before, activity == .idle else { return news }
    let count = SenseSchedule.leftOut(from: next, stride: stride)
    if let temperatureChannel {
      output.appendLeftOut(count, from: next, channel: temperatureChannel, time: now)
    }
    if let pressureChannel {
      output.appendLeftOut(count, from: next, channel: pressureChannel, time: now)
    }
    next += UInt64(count)
    return news
  }

  private mutating func measure<Bus: RegisterBus & ~Copyable>(
    now: Int64, next: inout UInt64, bus: inout Bus, output: inout SenseOutput
  ) -> SenseNews {
    switch activity {
    case .measuring(let sequence, let time):
      guard now >= time else { return .nothing }
      // The sequence was not passed yet: nobody else moves `next`.
      precondition(sequence == next)
      return advance(sequence, now: now, next: &next, bus: &bus, output: &output, isFirst: false)
    case .idle:
      switch schedule.due(next: next, now: now) {
      case .later:
        return .nothing
      case .missedOnly(let count):
        miss(count, now: now, next: &next, output: &output)
        return .nothing
      case .now(let missed, let sequence):
        miss(missed, now: now, next: &next, output: &output)
        if let reason = backoff.holds(at: now) {
          finish(sequence, .failure(reason), now: now, next: &next, output: &output)
          return .nothing
        }
        return advance(sequence, now: now, next: &next, bus: &bus, output: &output, isFirst: true)
      }
    }
  }

  private mutating func advance<Bus: RegisterBus & ~Copyable>(
    _ sequence: UInt64, now: Int64, next: inout UInt64, bus: inout Bus,
    output: inout SenseOutput, isFirst: Bool
  ) -> SenseNews {
    do throws(SensorError) {
      let progress = try isFirst ? device.begin(on: &bus) : device.proceed(on: &bus)
      switch progress {
      case .waiting(let nanoseconds):
        activity = .measuring(sequence: sequence, time: now + nanoseconds)
        return .nothing
      case .measured(let measurement):
        activity = .idle
        finish(sequence, .success(measurement), now: now, next: &next, output: &output)
        return backoff.succeed() ? .recovered : .nothing
      }
    } catch {
      activity = .idle
      device.forget()
      output.failureCount += 1
      let reason = error.quality
      finish(sequence, .failure(reason), now: now, next: &next, output: &output)
      return backoff.fail(reason, now: now) ? .failed(reason) : .nothing
    }
  }

  private enum Outcome {
    case success(Measurement)
    case failure(Quality)
  }

  /// Gives deadline `sequence` its reading in every channel.
  private func finish(
    _ sequence: UInt64, _ outcome: Outcome, now: Int64, next: inout UInt64,
    output: inout SenseOutput
  ) {
    func add(_ channel: UInt16?, _ measured: Measured) {
      guard let channel else { return }
      let isGood = measured.quality == .good
      output.append(
        Reading(
          time: now, sequence: sequence, value: isGood ? measured.value : .nan, channel: channel,
          quality: measured.quality))
    }
    switch outcome {
    case .success(let measurement):
      add(temperatureChannel, measurement.temperature)
      add(pressureChannel, measurement.pressure)
    case .failure(let reason):
      add(temperatureChannel, Measured(value: 0, quality: reason))
      add(pressureChannel, Measured(value: 0, quality: reason))
    }
    next = sequence + 1
  }

  private func miss(
    _ count: UInt32, now: Int64, next: inout UInt64, output: inout SenseOutput
  ) {
    guard count > 0 else { return }
    func add(_ channel: UInt16?) {
      guard let channel else { return }
      output.append(
        Reading(
          time: now, sequence: next, value: .nan, count: count, channel: channel,
          kind: .missedDeadlines))
    }
    add(temperatureChannel)
    add(pressureChannel)
    next += UInt64(count)
  }
}
