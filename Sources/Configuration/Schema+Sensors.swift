import Sensors

private let drivers: [Driver] = [.tmp105, .lm75, .dps310, .thermal]
private let quantities: [Quantity] = [.temperature, .pressure]

extension Schema {
  private static let sensorKeys = [
    "driver", "bus", "address", "every", "oversampling", "priority", "temperature",
    "pressure",
  ]

  /// Reads `sensors:`; a sensor with an error is left out whole, with its channels.
  mutating func readSensors(_ node: Int) {
    guard let entries = reader.entries(node, "sensors") else { return }
    for entry in entries {
      let before = reader.errorCount
      let channelCount = configuration.channels.count
      let sensor = readSensor(entry)
      if let sensor, reader.errorCount == before, board != nil {
        configuration.sensors.append(sensor)
      } else {
        configuration.channels.removeSubrange(channelCount...)
      }
    }
  }

  private mutating func readSensor(_ entry: Tree.Entry) -> SensorSettings? {
    guard let name = reader.name(entry.key, "the sensor's name") else { return nil }
    let path = "sensors.\(name)"
    guard let fields = reader.fields(entry.value, path, keys: Self.sensorKeys) else { return nil }
    let driver = readDriver(fields, entry.key)
    let period =
      fields.value("every").map { readPeriod($0) } ?? missing("every", "1 s", entry.key, path)
    guard let driver else {
      checkWithoutDriver(fields, name, entry.key)
      return nil
    }
    let bus =
      driver.isOnI2C ? readBus(fields, entry.key, path) : readZone(fields, driver, entry.key)
    let address = driver.isOnI2C ? readAddress(fields, driver, entry.key, path) : 0
    if let bus, let address, driver.isOnI2C { claim(address, on: bus, fields, entry.key) }
    let oversampling = readOversampling(fields, driver)
    var sensor = SensorSettings(
      name: name, driver: driver, bus: bus ?? "", address: address ?? 0, period: period ?? second,
      oversampling: oversampling)
    sensor.priority = readPriority(fields)
    let firstChannel = configuration.channels.count
    readQuantities(fields, &sensor, entry.key)
    setPriority(sensor.priority, fields, from: firstChannel)
    if let period, let node = fields.value("every") { checkPeriod(sensor, period, node) }
    return bus == nil || address == nil || period == nil ? nil : sensor
  }

  /// What can be checked when the driver is not known.
  private mutating func checkWithoutDriver(_ fields: Fields, _ name: String, _ key: Int) {
    if fields.value("bus") != nil { _ = readBus(fields, key, fields.path) }
    let sensor = SensorSettings(name: name, driver: .dps310, bus: "", address: 0, period: second)
    for quantity in quantities {
      guard let node = fields.value(quantity.name.description) else { continue }
      _ = readQuantity(node, quantity, fields, sensor, key)
    }
  }

  /// Reports a key that must be there.
  private mutating func missing<Value>(
    _ key: String, _ example: String, _ node: Int, _ path: String
  ) -> Value? {
    reader.error(
      node, "'\(path)' has no '\(key):'; expected one; write for example '\(key): \(example)'")
    return nil
  }

  private mutating func readDriver(_ fields: Fields, _ key: Int) -> Driver? {
    guard let node = fields.value("driver") else {
      return missing("driver", "tmp105", key, fields.path)
    }
    let words = drivers.map { $0.name.description }
    return reader.word(node, "'driver'", of: words).map { drivers[$0] }
  }

  /// 1 ms to 1 day.
  mutating func readPeriod(_ node: Int) -> Int64? {
    reader.duration(node, "'every'", in: millisecond...durationMax)
  }

  private mutating func readBus(_ fields: Fields, _ key: Int, _ path: String) -> String? {
    guard let node = fields.value("bus") else { return missing("bus", "i2c-1", key, path) }
    guard let name = reader.name(node, "'bus'") else { return nil }
    guard let board else { return name }
    let names = board.buses.map { $0.name }
    if names.contains(where: { $0.isSame(as: name) }) { return name }
    let near = nearest(to: name, in: names).map { "did you mean '\($0)'?" }
    reader.error(
      node,
      names.isEmpty
        ? "the board '\(board.name)' has no I2C bus; expected none in use; remove this sensor"
        : "the board '\(board.name)' has no bus \(quoted(name)); expected one of \(list(names)); "
          + (near ?? "choose one of them"))
    return nil
  }

  /// The thermal driver reads the board's zone, and has neither bus nor address.
  private mutating func readZone(_ fields: Fields, _ driver: Driver, _ key: Int) -> String? {
    for name in ["bus", "address"] {
      guard let node = fields.value(name) else { continue }
      reader.error(
        node,
        "the driver '\(driver.name.description)' has no '\(name)'; expected none, because it "
          + "reads the processor's own sensor; remove '\(name)'")
    }
    guard let board else { return "" }
    guard !board.thermalZone.isEmpty else {
      reader.error(
        key,
        "the board '\(board.name)' has no thermal zone; expected one for the driver "
          + "'\(driver.name.description)'; remove this sensor")
      return nil
    }
    return board.thermalZone
  }

  private mutating func readAddress(
    _ fields: Fields, _ driver: Driver, _ key: Int, _ path: String
  ) -> UInt8? {
    let range = driver.addresses
    let span = "\(hex(UInt32(range.lowerBound))) to \(hex(UInt32(range.upperBound)))"
    guard let node = fields.value("address") else {
      return missing("address", hex(UInt32(range.lowerBound)), key, path)
    }
    let name = driver.name.description
    guard let text = reader.tree.text(node), let value = parseInteger(text) else {
      reader.refuse(
        node, "'address'", expected: "an I2C address, \(span) for \(name)",
        remedy: "write for example \(hex(UInt32(range.lowerBound)))")
      return nil
    }
    guard value >= Int64(range.lowerBound), value <= Int64(range.upperBound) else {
      // A bare 48 is a common slip for 0x48.
      let meant = parseInteger("0x" + text).flatMap { UInt8(exactly: $0) }
      let isSlip = meant.map { range.contains($0) } ?? false
      reader.refuse(
        node, "'address'", expected: "\(span), which is what a \(name) can have",
        remedy: isSlip ? "did you mean 0x\(text)?" : "look it up on the sensor's board")
      return nil
    }
    return UInt8(value)
  }

  private mutating func claim(_ address: UInt8, on bus: String, _ fields: Fields, _ key: Int) {
    let node = fields.value("address") ?? key
    if let first = usedAddresses.first(where: { $0.address == address && $0.bus.isSame(as: bus) }) {
      reader.error(
        node,
        "the address \(hex(UInt32(address))) of '\(bus)' is taken on line "
          + "\(reader.tree.nodes[first.node].line); expected one sensor at an address; change one "
          + "of them")
    } else {
      usedAddresses.append((bus, address, node))
    }
  }

  private mutating func readOversampling(_ fields: Fields, _ driver: Driver) -> UInt8 {
    guard let node = fields.value("oversampling") else { return 1 }
    guard driver == .dps310 else {
      reader.error(
        node,
        "the driver '\(driver.name.description)' has no 'oversampling'; expected it for dps310 "
          + "only; remove it")
      return 1
    }
    let words = ["1", "2", "4", "8", "16", "32", "64", "128"]
    return reader.word(node, "'oversampling'", of: words).map { 1 << UInt8($0) } ?? 1
  }

  private mutating func readQuantities(
    _ fields: Fields, _ sensor: inout SensorSettings, _ key: Int
  ) {
    var count = 0
    for quantity in quantities {
      let word = quantity.name.description
      guard let node = fields.value(word) else { continue }
      count += 1
      guard sensor.driver.measures(quantity) else {
        reader.error(
          node,
          "a \(sensor.driver.name.description) measures no \(word); expected "
            + "\(measured(by: sensor.driver)); remove '\(word)'")
        continue
      }
      let channel = readQuantity(node, quantity, fields, sensor, key)
      switch quantity {
      case .temperature: sensor.temperatureChannel = channel
      case .pressure: sensor.pressureChannel = channel
      }
    }
    if count == 0 {
      reader.error(
        key,
        "'\(fields.path)' has no quantity; expected at least one of temperature, pressure; "
          + "write for example 'temperature: {}'")
    }
  }

  private func measured(by driver: Driver) -> String {
    list(quantities.filter { driver.measures($0) }.map { $0.name.description })
  }

  private mutating func readQuantity(
    _ node: Int, _ quantity: Quantity, _ fields: Fields, _ sensor: SensorSettings, _ key: Int
  ) -> UInt16? {
    let word = quantity.name.description
    guard
      let channel = reader.fields(
        node, "\(fields.path).\(word)", keys: ["channel", "unit", "stages"])
    else { return nil }
    return readChannel(
      channel, defaultName: "\(sensor.name).\(word)", defaultUnit: quantity.unit.description,
      period: sensor.period, at: reader.tree.isNull(node) ? key : node)
  }

  /// What one measurement takes a DPS310, in microseconds, for the oversampling 1, 2, 4 … 128
  /// (datasheet V1.1, table 16).
  private static let dps310Microseconds: [Int64] = [
    3_600, 5_200, 8_400, 14_800, 27_600, 53_200, 104_400, 206_800,
  ]
  /// A 12-bit conversion of a TMP105, typical (TI SLLS648D, electrical characteristics).
  private static let tmp105Conversion = 220 * millisecond

  private mutating func checkPeriod(_ sensor: SensorSettings, _ period: Int64, _ node: Int) {
    switch sensor.driver {
    case .dps310:
      let index = sensor.oversampling.trailingZeroBitCount
      let one = Self.dps310Microseconds[index] * 1000
      // Pressure is compensated by a temperature, so that it takes two measurements.
      let least = sensor.pressureChannel == nil ? one : 2 * one
      guard period < least else { return }
      reader.refuse(
        node, "'every'",
        expected:
          "at least \(durationText(least)), which the measurement takes "
          + "with oversampling \(sensor.oversampling)",
        remedy: "sample less often, or lower 'oversampling'")
    case .tmp105:
      guard period < Self.tmp105Conversion else { return }
      reader.warning(
        node,
        "'every' is \(reader.describe(node)), but a tmp105 measures every "
          + "\(durationText(Self.tmp105Conversion)); expected no less; values will repeat")
    case .lm75, .thermal:
      return
    }
  }
}
