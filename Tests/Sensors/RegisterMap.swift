import Sensors

/// A device that is nothing but a map of registers with a pointer that counts up: every register
/// can be read, and written but for those that are `fixed`. What QEMU's models are.
struct RegisterMap: RegisterBus {
  var registers = [UInt8](repeating: 0, count: 256)
  var fixed: Set<UInt8> = []
  var address: UInt8
  /// Registers of two bytes behind one number, as thermometers have.
  var words: [UInt8: [UInt8]] = [:]
  var writes: [(register: UInt8, byte: UInt8)] = []
  var error: BusError?

  init(address: UInt8) { self.address = address }

  mutating func read(
    address: UInt8, register: UInt8, into: inout MutableSpan<UInt8>
  ) throws(BusError) {
    if let error { throw error }
    guard address == self.address else { throw .nack }
    for index in 0..<into.count {
      into[index] = words[register]?[index] ?? registers[Int(register) + index]
    }
  }

  mutating func write(
    address: UInt8, register: UInt8, _ bytes: Span<UInt8>
  ) throws(BusError) {
    if let error { throw error }
    guard address == self.address else { throw .nack }
    for index in 0..<bytes.count {
      let number = register + UInt8(index)
      writes.append((number, bytes[index]))
      if !fixed.contains(number) { registers[Int(number)] = bytes[index] }
    }
  }

  /// QEMU's dps310 after its reset: hw/sensor/dps310.c, `dps310_reset`. The product register is
  /// not answered, writes of MEAS_CFG are taken literally, results never change.
  static func emulatedDPS310() -> RegisterMap {
    var map = RegisterMap(address: 0x77)
    let dump: [UInt8] = [
      0xfe, 0x2f, 0xee, 0x02, 0x69, 0xa6, 0x00, 0x80, 0xf0, 0x00, 0x00, 0x00, 0x00, 0xff, 0x00,
      0x00, 0x0e, 0x1e, 0xdd, 0x13, 0xca, 0x5f, 0x21, 0x52, 0xf9, 0xc6, 0x04, 0xd1, 0xdb, 0x47,
      0x00, 0x5b, 0xfb, 0x3a, 0x00, 0x00, 0x20, 0x49, 0x4e, 0xa5, 0x90, 0x00, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0x60, 0x15, 0x02,
    ]
    map.registers.replaceSubrange(0..<dump.count, with: dump)
    return map
  }
}

/// Runs a measurement to its end, without waiting; traps when it takes more than 100 parts.
func measure(
  _ device: inout some SensorDriver, on bus: inout some RegisterBus
) throws(SensorError) -> (measurement: Measurement, waited: Int64) {
  var waited: Int64 = 0
  var progress = try device.begin(on: &bus)
  for _ in 0..<100 {
    switch progress {
    case .measured(let measurement): return (measurement, waited)
    case .waiting(let nanoseconds):
      waited += nanoseconds
      progress = try device.proceed(on: &bus)
    }
  }
  fatalError("the driver does not end")
}
