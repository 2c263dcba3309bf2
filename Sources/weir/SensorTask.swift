import Buses
import Configuration
import Linux
import Ring
import Sensors

/// The sense task of one bus: steps every sensor that is due, commits their readings together, and
/// sleeps until the next is due.
struct SensorTask<Bus: ManagedBus & ~Copyable>: ~Copyable {
  private var desk: SenseDesk
  private var bus: Bus
  private var sources: [SensorSource] = []
  private let sensors: [SensorSettings]
  private var isFailing: [Bool]
  private var busIsStuck = false

  init(_ context: SenseContext, _ bus: consuming Bus) {
    desk = SenseDesk(context)
    self.bus = bus
    sensors = SensePlan.sensors(context.configuration, of: context.target)
    isFailing = Array(repeating: false, count: sensors.count)
    let start = desk.startTime()
    for sensor in sensors {
      let device = SensorDevice(
        sensor.driver, address: sensor.address, oversampling: sensor.oversampling,
        measuresPressure: sensor.pressureChannel != nil)
      sources.append(
        SensorSource(
          device: device, schedule: SenseSchedule(first: start, period: sensor.period),
          temperatureChannel: sensor.temperatureChannel, pressureChannel: sensor.pressureChannel))
    }
    desk.settle()
  }

  /// One round over the sensors, and a sleep.
  mutating func turn() {
    Drills.turn()
    desk.context.slot.beat(
      step: SenseStep.maintaining, now: Clock.boot(),
      within: desk.deadline + SenseStep.maintenanceNanosecondsMax)
    maintain()
    desk.ledger.flushOverflow(now: Clock.boot())
    for index in sources.indices { step(index) }
    desk.commit()
    showCondition()
    var wake = Int64.max
    for index in sources.indices {
      wake = min(wake, sources[index].wakeTime(next: desk.ledger.next(channel(index))))
    }
    desk.sleep(until: wake)
  }

  /// The channel whose sequence number is the sensor's: all its channels go together.
  private func channel(_ index: Int) -> UInt16 {
    // One of them is there: the source's initializer has checked it.
    sources[index].temperatureChannel ?? sources[index].pressureChannel ?? 0
  }

  private mutating func step(_ index: Int) {
    let now = Clock.boot()
    desk.context.slot.beat(
      step: SenseStep.reading + UInt64(index), now: now, within: desk.deadline)
    var output = SenseOutput()
    var next = desk.ledger.next(channel(index))
    let stride = desk.stride(sensors[index].priority)
    let news = sources[index].step(
      now: now, next: &next, stride: stride, bus: &bus, output: &output)
    desk.ledger.record(output)
    if let channel = sources[index].temperatureChannel {
      desk.ledger.setNext(channel, to: next)
    }
    if let channel = sources[index].pressureChannel { desk.ledger.setNext(channel, to: next) }
    if output.failureCount > 0 {
      desk.context.slot.add(UInt64(output.failureCount), to: .busErrors)
    }
    switch news {
    case .nothing: break
    case .recovered:
      isFailing[index] = false
      Log.notice("sensor \(sensors[index].name) reads again")
    case .failed(let reason):
      isFailing[index] = true
      Log.warning(
        "sensor \(sensors[index].name): "
          + sensorFaultText(sensors[index], reason, desk.context.board))
    }
  }

  /// What the supervisor, `weir health` and the broker are told of this bus.
  private func showCondition() {
    let count = isFailing.count { $0 }
    desk.context.slot.condition =
      busIsStuck
      ? Condition(.busStuck)
      : count > 0 ? Condition(.sensorsFailing, number: UInt32(count)) : .fine
  }

  private mutating func maintain() {
    switch bus.maintain(now: Clock.boot()) {
    case .nothing: break
    case .recovered:
      desk.context.slot.add(1, to: .busRecoveries)
      Log.warning("bus \(desk.context.target.name) was stuck; its controller has been reset")
      busIsStuck = false
    case .failed(let error):
      desk.context.slot.add(1, to: .busRecoveries)
      if !busIsStuck {
        Log.error(
          "bus \(desk.context.target.name) is stuck and its controller cannot be reset "
            + "(\(error.call): \(error.text)); switch the devices off and on")
      }
      busIsStuck = true
    }
  }
}

/// What is wrong with a sensor and what to do, in one line.
func sensorFaultText(_ sensor: SensorSettings, _ reason: Quality, _ board: Board) -> String {
  let place =
    sensor.driver.isOnI2C ? "0x" + String(sensor.address, radix: 16) + " on \(sensor.bus)" : ""
  switch reason {
  case .good: return "good"
  case .nack: return "nobody answers at \(place); check its power, wiring and address"
  case .timeout: return "a transfer to \(place) timed out; check wiring and pull-ups"
  case .busStuck: return "bus \(sensor.bus) is stuck: a line is held low; check wiring and devices"
  case .busFault: return "a transfer to \(place) failed; check wiring and bus speed"
  case .deviceFault:
    return "what answers at \(place) is no \(sensor.driver.name); check driver and address"
  case .notReady: return "no measurement from \(place), which takes commands; replace it"
  case .outOfRange: return "measures beyond its range; check its place"
  case .absent:
    if !sensor.driver.isOnI2C {
      return "no thermal zone of type \(board.thermalZone); check the board's thermal.zone"
    }
    return "there is no bus \(sensor.bus); check that the board has it and its module is loaded"
  }
}
