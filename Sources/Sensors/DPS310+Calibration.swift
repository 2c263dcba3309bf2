/// The calibration coefficients of one DPS310 and what is computed with them (Infineon DPS310
/// datasheet V1.1, §4.9 and §8.11).
///
/// | bytes from 0x10 | coefficient | two's complement bits |
/// | --- | --- | ---: |
/// | 0, high half of 1 | c0 | 12 |
/// | low half of 1, 2 | c1 | 12 |
/// | 3, 4, high half of 5 | c00 | 20 |
/// | low half of 5, 6, 7 | c10 | 20 |
/// | 8 9, 10 11, 12 13, 14 15, 16 17 | c01, c11, c20, c21, c30 | 16 each |
public struct DPS310Calibration: Equatable, Sendable {
  public var c0: Int32
  public var c1: Int32
  public var c00: Int32
  public var c10: Int32
  public var c01: Int32
  public var c11: Int32
  public var c20: Int32
  public var c21: Int32
  public var c30: Int32

  /// Unpacks the 18 bytes from register 0x10 on.
  public init(_ bytes: InlineArray<18, UInt8>) {
    func word(_ index: Int) -> Int32 {
      Self.signed(UInt32(bytes[index]) << 8 | UInt32(bytes[index + 1]), bits: 16)
    }
    let b1 = UInt32(bytes[1])
    let b5 = UInt32(bytes[5])
    c0 = Self.signed(UInt32(bytes[0]) << 4 | b1 >> 4, bits: 12)
    c1 = Self.signed((b1 & 0x0f) << 8 | UInt32(bytes[2]), bits: 12)
    c00 = Self.signed(UInt32(bytes[3]) << 12 | UInt32(bytes[4]) << 4 | b5 >> 4, bits: 20)
    c10 = Self.signed((b5 & 0x0f) << 16 | UInt32(bytes[6]) << 8 | UInt32(bytes[7]), bits: 20)
    c01 = word(8)
    c11 = word(10)
    c20 = word(12)
    c21 = word(14)
    c30 = word(16)
  }

  /// The number that the low `bits` of `value` mean in two's complement.
  static func signed(_ value: UInt32, bits: UInt32) -> Int32 {
    precondition(bits > 0 && bits < 32)
    return Int32(bitPattern: value << (32 - bits)) >> Int32(32 - bits)
  }

  /// Degrees Celsius from the scaled raw temperature (§4.9.2).
  public func temperature(scaled t: Double) -> Double {
    Double(c0) * 0.5 + Double(c1) * t
  }

  /// Pascal from the scaled raw pressure and temperature (§4.9.1).
  public func pressure(scaled p: Double, temperature t: Double) -> Double {
    let cubic = Double(c10) + p * (Double(c20) + p * Double(c30))
    let cross = Double(c11) + p * Double(c21)
    return Double(c00) + p * cubic + t * Double(c01) + t * p * cross
  }
}

/// How many single measurements the device averages into one result: 2 to the power of the raw
/// value, which is also what the precision field of PRS_CFG and TMP_CFG holds (§8.3, §8.4).
public enum DPS310Oversampling: UInt8, Sendable {
  case x1 = 0
  case x2 = 1
  case x4 = 2
  case x8 = 3
  case x16 = 4
  case x32 = 5
  case x64 = 6
  case x128 = 7

  /// From the configuration's number: 1, 2, 4 … 128; anything else is nil.
  public init?(factor: UInt8) {
    guard factor != 0, factor & (factor - 1) == 0 else { return nil }
    self.init(rawValue: UInt8(factor.trailingZeroBitCount))
  }

  /// kP and kT, what a raw result is divided by (§4.9.3, table 9). Above 8 the result is longer
  /// than the register and is shifted (`needsShift`), which is why they fall back.
  public var scaleFactor: Double {
    switch self {
    case .x1: 524_288
    case .x2: 1_572_864
    case .x4: 3_670_016
    case .x8: 7_864_320
    case .x16: 253_952
    case .x32: 516_096
    case .x64: 1_040_384
    case .x128: 2_088_960
    }
  }

  /// Whether the result shift, P_SHIFT or T_SHIFT of CFG_REG, must be on: above 8 (§8.6).
  public var needsShift: Bool { rawValue > Self.x8.rawValue }

  /// How long one measurement takes, in nanoseconds (§8.3, table 16).
  public var measurementNanoseconds: Int64 {
    switch self {
    case .x1: 3_600_000
    case .x2: 5_200_000
    case .x4: 8_400_000
    case .x8: 14_800_000
    case .x16: 27_600_000
    case .x32: 53_200_000
    case .x64: 104_400_000
    case .x128: 206_800_000
    }
  }
}
