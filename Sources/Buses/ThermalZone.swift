import Linux
import Sensors

/// The kernel's thermal zone of one type, such as `cpu-thermal`, as the bus of a `ThermalSensor`:
/// register 0 is the temperature in thousandths of a degree, 32 bits, big-endian.
public struct ThermalZone: ManagedBus, ~Copyable {
  /// More zones than any SoC has.
  static let zoneCountMax = 32

  /// What the zone's file `type` says.
  public let type: String
  private let folder: String
  private var file: FileDescriptor?

  /// `folder` is /sys/class/thermal but in tests.
  public init(type: String, folder: String = "/sys/class/thermal") {
    self.type = type
    self.folder = folder
  }

  public mutating func maintain(now: Int64) -> BusMaintenance { .nothing }

  public mutating func read(
    address: UInt8, register: UInt8, into: inout MutableSpan<UInt8>
  ) throws(BusError) {
    guard register == 0, into.count == 4 else { throw .nack }
    if file == nil { file = find() }
    guard file != nil else { throw .absent }
    var text = InlineArray<24, UInt8>(repeating: 0)
    var count = 0
    do throws(SystemError) {
      var span = text.mutableSpan
      count = try file!.read(at: 0, into: &span)
    } catch {
      // The zone may have gone and come back under another number.
      file = nil
      // EAGAIN is what zones say that have not measured yet.
      throw error.number == .again ? .timeout : .fault(error.number.rawValue)
    }
    guard let value = decimal(text.span.extracting(first: count)) else {
      throw .fault(Errno.io.rawValue)
    }
    let bits = UInt32(bitPattern: value)
    for index in 0..<4 { into[index] = UInt8(truncatingIfNeeded: bits >> (24 - 8 * UInt32(index))) }
  }

  /// A thermal zone has nothing to write.
  public mutating func write(
    address: UInt8, register: UInt8, _ bytes: Span<UInt8>
  ) throws(BusError) {
    throw .nack
  }

  private func find() -> FileDescriptor? {
    for index in 0..<Self.zoneCountMax {
      let zone = "\(folder)/thermal_zone\(index)"
      guard let found = try? readFile(zone + "/type", limit: 256) else { continue }
      guard String(decoding: found, as: UTF8.self) == type + "\n" else { continue }
      if let file = try? FileDescriptor(opening: zone + "/temp", .readOnly) { return file }
    }
    return nil
  }
}

/// The number that a file of sysfs holds: an optional minus, digits, an end of line. Nil for
/// anything else, and for what does not fit.
func decimal(_ text: Span<UInt8>) -> Int32? {
  var value: Int64 = 0
  var digitCount = 0
  var isNegative = false
  for index in text.indices {
    let character = text[index]
    if index == 0, character == UInt8(ascii: "-") {
      isNegative = true
    } else if character >= UInt8(ascii: "0"), character <= UInt8(ascii: "9"), digitCount < 10 {
      value = value * 10 + Int64(character - UInt8(ascii: "0"))
      digitCount += 1
    } else if character == UInt8(ascii: "\n"), index == text.count - 1 {
      break
    } else {
      return nil
    }
  }
  guard digitCount > 0 else { return nil }
  return Int32(exactly: isNegative ? -value : value)
}
