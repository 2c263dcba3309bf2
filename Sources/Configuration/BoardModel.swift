/// What `boards/NAME/board.yaml` says of a board, as far as the gateway itself needs it. The parts
/// that only the image and the emulator need are read by the scripts in cross/.
public struct Board: Sendable {
  public var name: String = ""
  public var summary: String = ""
  public var buses: [BoardBus] = []
  public var chips: [BoardChip] = []
  public var thermalZone: String = ""
  public var consoleDevice: String = ""
  public var networkInterface: String = ""
  /// The hardware's watchdog; empty where the board has none.
  public var watchdogDevice: String = ""
  /// How long it waits to be fed: 5 s to a day, in whole seconds.
  public var watchdogSeconds: Int32 = 15
  /// Modules in the order in which they are loaded, by file name below /lib/modules.
  public var modules: [String] = []
  /// The seed of simulated devices.
  public var seed: UInt64 = 0

  public init() {}
}

/// One I²C bus of a board: a device file, or simulated devices.
public struct BoardBus: Sendable {
  public var name: String
  /// `/dev/i2c-1`; empty for a simulated bus.
  public var device: String
  public var simulated: [SimulatedDevice]

  public init(name: String, device: String, simulated: [SimulatedDevice] = []) {
    self.name = name
    self.device = device
    self.simulated = simulated
  }
}

/// A device model on a simulated bus.
public struct SimulatedDevice: Sendable {
  /// `tmp105` or `dps310`.
  public var model: String
  public var address: UInt8

  public init(model: String, address: UInt8) {
    self.model = model
    self.address = address
  }
}

/// One GPIO chip of a board, found by its label, with the names that people use for its lines.
public struct BoardChip: Sendable {
  public var name: String
  /// The kernel's label of the chip, such as `pinctrl-bcm2835`; empty for a simulated chip.
  public var label: String
  /// Names such as `GPIO17` or `pin11` and the offset that each means.
  public var lines: [(name: String, offset: UInt32)]
  /// How many lines the chip has.
  public var lineCount: UInt32
  /// Simulated chips drive these lines: offset, and pulses per second.
  public var simulated: [(offset: UInt32, hertz: Double)]

  public init(
    name: String, label: String, lineCount: UInt32,
    lines: [(name: String, offset: UInt32)] = [],
    simulated: [(offset: UInt32, hertz: Double)] = []
  ) {
    self.name = name
    self.label = label
    self.lineCount = lineCount
    self.lines = lines
    self.simulated = simulated
  }
}
