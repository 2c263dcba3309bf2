// Invariants:
// - Drivers read from the simulated devices what the weather is there, to the sensor's resolution,
//   for every oversampling and many specimens, and only by doing what the data sheets allow.
// - What a data sheet forbids is not acknowledged.
// - The same seed gives the same readings.

import Ring
import Sensors
import Testing

@testable import Buses

@Suite struct SimulatedBusTests {
  /// Runs a measurement with the time going by as the driver asks.
  func measure(
    _ device: inout SensorDevice, on bus: inout SimulatedBus, now: inout Int64
  ) throws(SensorError) -> Measurement {
    _ = bus.maintain(now: now)
    var progress = try device.begin(on: &bus)
    for _ in 0..<100 {
      switch progress {
      case .measured(let measurement): return measurement
      case .waiting(let nanoseconds):
        now += nanoseconds
        _ = bus.maintain(now: now)
        progress = try device.proceed(on: &bus)
      }
    }
    fatalError("the driver does not end")
  }

  @Test func dps310EverySpecimenAndOversampling() throws {
    for seed in UInt64(0)..<100 {
      for power in UInt8(0)..<8 {
        var bus = SimulatedBus(seed: seed)
        bus.add(.dps310, address: 0x76)
        var device = SensorDevice(
          .dps310, address: 0x76, oversampling: 1 << power, measuresPressure: true)
        var now: Int64 = 1_000_000_000
        for _ in 0..<3 {
          let measurement = try measure(&device, on: &bus, now: &now)
          let truth = bus.truth(address: 0x76, at: now)
          #expect(abs(measurement.temperature.value - truth.temperature) < 0.01, "seed \(seed)")
          #expect(abs(measurement.pressure.value - truth.pressure) < 1, "seed \(seed)")
          now += 1_000_000_000
        }
      }
    }
  }

  @Test func dps310TemperatureOversampling() throws {
    for power in UInt8(0)..<8 {
      var bus = SimulatedBus(seed: 3)
      bus.add(.dps310, address: 0x77)
      var device = SensorDevice(.dps310, address: 0x77, oversampling: 1 << power)
      var now: Int64 = 0
      let measurement = try measure(&device, on: &bus, now: &now)
      let truth = bus.truth(address: 0x77, at: now)
      #expect(abs(measurement.temperature.value - truth.temperature) < 0.01)
      #expect(measurement.pressure == .nothing)
    }
  }

  @Test func thermometers() throws {
    for seed in UInt64(0)..<50 {
      var bus = SimulatedBus(seed: seed)
      bus.add(.tmp105, address: 0x48)
      bus.add(.lm75, address: 0x49)
      bus.add(.thermal, address: 0)
      var tmp105 = SensorDevice(.tmp105, address: 0x48)
      var lm75 = SensorDevice(.lm75, address: 0x49)
      var thermal = SensorDevice(.thermal, address: 0)
      var now: Int64 = 5_000_000_000
      for _ in 0..<20 {
        let a = try measure(&tmp105, on: &bus, now: &now).temperature.value
        let difference = bus.truth(address: 0x48, at: now).temperature - a
        #expect(difference >= 0 && difference < 0.0625 + 1 / 256, "seed \(seed)")
        let b = try measure(&lm75, on: &bus, now: &now).temperature.value
        #expect(abs(bus.truth(address: 0x49, at: now).temperature - b) < 0.13, "seed \(seed)")
        let c = try measure(&thermal, on: &bus, now: &now).temperature.value
        #expect(abs(bus.truth(address: 0, at: now).temperature + 25 - c) < 0.001)
        now += 33_000_000_000
      }
    }
  }

  @Test func sameSeedSameReadings() throws {
    func run(_ seed: UInt64) throws -> [Measurement] {
      var bus = SimulatedBus(seed: seed)
      bus.add(.dps310, address: 0x77)
      var device = SensorDevice(.dps310, address: 0x77, measuresPressure: true)
      var now: Int64 = 0
      var found: [Measurement] = []
      for _ in 0..<20 {
        found.append(try measure(&device, on: &bus, now: &now))
        now += 1_000_000_000
      }
      return found
    }
    #expect(try run(7) == run(7))
    #expect(try run(7) != run(8))
  }

  @Test func forbiddenThings() throws {
    var bus = SimulatedBus(seed: 1)
    bus.add(.dps310, address: 0x77)
    bus.add(.tmp105, address: 0x48)
    func read(_ address: UInt8, _ register: UInt8, _ count: Int) throws {
      var bytes = [UInt8](repeating: 0, count: count)
      var span = bytes.mutableSpan
      try bus.read(address: address, register: register, into: &span)
    }
    func write(_ address: UInt8, _ register: UInt8, _ bytes: [UInt8]) throws {
      try bus.write(address: address, register: register, bytes.span)
    }
    for (address, register, count): (UInt8, UInt8, Int) in [
      (0x50, 0, 1), (0x48, 0, 2), (0x48, 0, 1), (0x48, 4, 2), (0x48, 1, 2), (0x77, 0, 3),
      (0x77, 3, 3), (0x77, 0x10, 17), (0x77, 0x0e, 1), (0x77, 0x08, 3), (0x77, 0x33, 1),
    ] {
      #expect(throws: BusError.nack) { try read(address, register, count) }
    }
    for (address, register, bytes): (UInt8, UInt8, [UInt8]) in [
      (0x48, 0, [1, 2]), (0x48, 1, [1, 2]), (0x77, 0x0d, [1]), (0x77, 0x0c, [1]),
      (0x77, 0x62, [2]), (0x77, 0x06, [0x80]), (0x77, 0x10, [0]), (0x77, 0x08, [7]),
    ] {
      #expect(throws: BusError.nack) { try write(address, register, bytes) }
    }
    try write(0x77, 0x08, [2])
    #expect(throws: BusError.nack, "a command during a command") { try write(0x77, 0x08, [1]) }
    #expect(throws: BusError.nack, "a result before it is ready") { try read(0x77, 3, 3) }
    _ = bus.maintain(now: 3_600_000)
    try read(0x77, 3, 3)
    #expect(throws: BusError.nack, "a result twice") { try read(0x77, 3, 3) }
  }

  @Test func powerCut() throws {
    var bus = SimulatedBus(seed: 2)
    bus.add(.dps310, address: 0x77)
    bus.add(.tmp105, address: 0x48)
    var dps310 = SensorDevice(.dps310, address: 0x77, measuresPressure: true)
    var tmp105 = SensorDevice(.tmp105, address: 0x48)
    var now: Int64 = 0
    for _ in 0..<5 {
      let a = try measure(&dps310, on: &bus, now: &now)
      #expect(abs(a.pressure.value - bus.truth(address: 0x77, at: now).pressure) < 1)
      let b = try measure(&tmp105, on: &bus, now: &now)
      #expect(abs(b.temperature.value - bus.truth(address: 0x48, at: now).temperature) < 0.07)
      now += 1_000_000_000
      _ = bus.maintain(now: now)
      bus.cutPower(address: 0x77)
      bus.cutPower(address: 0x48)
      now += 100_000_000
    }
  }

  @Test func injectedFaults() throws {
    var bus = SimulatedBus(seed: 2)
    bus.add(.tmp105, address: 0x48)
    var device = SensorDevice(.tmp105, address: 0x48)
    var now: Int64 = 0
    for (fault, error): (SimulatedFault, BusError) in [
      (.absent, .nack), (.timeout, .timeout), (.stuck, .stuck),
    ] {
      bus.inject(fault, address: 0x48, count: 1)
      #expect(throws: SensorError.bus(error)) { try measure(&device, on: &bus, now: &now) }
      device.forget()
      _ = try measure(&device, on: &bus, now: &now)
    }
  }
}
