/// Events that must not push each other out travel in lanes of their own.
public enum Lane: UInt8, BitwiseCopyable, Sendable {
  /// How many there are; their raw values are 0 ..< count.
  public static var count: Int { 2 }

  /// Alarms: committed at once, and no telemetry evicts them.
  case alarms = 0
  /// Everything else.
  case telemetry = 1
}

/// How a journal's file is divided. Decided when it is made; kept in its superblock.
///
/// | offset | size | what |
/// | ---: | ---: | --- |
/// | 0 | 512 | superblock, copy 0; the rest of its 4 KiB is zero |
/// | 4096 | 512 | superblock, copy 1; the rest of its 4 KiB is zero |
/// | 8192 | segments × blocks × block | the segments of the lane of alarms |
/// | then | segments × blocks × block | the segments of the lane of telemetry |
///
/// Each lane uses its segments in a circle.
public struct Geometry: Equatable, Sendable {
  /// The unit that is written: the flash's page. A power of two from 512 to 16384 bytes.
  public let blockByteCount: Int
  /// From 4 to 64.
  public let blocksPerSegment: Int
  /// At least `segmentCountMin` in each lane.
  public let alarmSegmentCount: Int
  public let telemetrySegmentCount: Int

  /// One that is written, one that is free ahead of it, and one to keep something in.
  public static var segmentCountMin: Int { 3 }
  /// 16 GiB of 64 KiB segments: with more, tables and recovery would no longer be small.
  public static var segmentCountMax: Int { 1 << 18 }
  /// Where the segments begin.
  public static var dataOffset: Int64 { 8192 }
  /// The smallest and the usual size of a journal, in bytes.
  public static var byteCountMin: Int64 { 1 << 20 }
  public static var byteCountDefault: Int64 { 64 << 20 }

  /// Nil for what the limits exclude.
  public init?(
    blockByteCount: Int, blocksPerSegment: Int, alarmSegmentCount: Int, telemetrySegmentCount: Int
  ) {
    guard blockByteCount >= 512, blockByteCount <= 16384,
      blockByteCount & (blockByteCount - 1) == 0,
      blocksPerSegment >= 4, blocksPerSegment <= 64,
      alarmSegmentCount >= Self.segmentCountMin, alarmSegmentCount <= Self.segmentCountMax,
      telemetrySegmentCount >= Self.segmentCountMin,
      telemetrySegmentCount <= Self.segmentCountMax
    else { return nil }
    self.blockByteCount = blockByteCount
    self.blocksPerSegment = blocksPerSegment
    self.alarmSegmentCount = alarmSegmentCount
    self.telemetrySegmentCount = telemetrySegmentCount
  }

  /// The product's: 4 KiB blocks in segments of 64 KiB, of which `alarmShare` (in percent, 1 to 90)
  /// are the alarms'. Nil below `byteCountMin`, and for what the limits exclude.
  public init?(byteCount: Int64, alarmShare: Int = 12) {
    guard byteCount >= Self.byteCountMin, alarmShare >= 1, alarmShare <= 90 else { return nil }
    let count = (byteCount - Self.dataOffset) / (16 * 4096)
    guard count <= Int64(Self.segmentCountMax) else { return nil }
    let share = max(Self.segmentCountMin, Int(count) * alarmShare / 100)
    let alarms = min(share, Int(count) - Self.segmentCountMin)
    self.init(
      blockByteCount: 4096, blocksPerSegment: 16, alarmSegmentCount: alarms,
      telemetrySegmentCount: Int(count) - alarms)
  }

  public var segmentByteCount: Int { blockByteCount * blocksPerSegment }

  /// How large the file is, in bytes.
  public var byteCount: Int64 {
    Self.dataOffset
      + Int64(alarmSegmentCount + telemetrySegmentCount) * Int64(segmentByteCount)
  }

  /// How much memory the tables of both lanes take, in bytes.
  public var tableByteCount: Int {
    SegmentTable.byteCount(alarmSegmentCount) + SegmentTable.byteCount(telemetrySegmentCount)
  }

  public func segmentCount(_ lane: Lane) -> Int {
    switch lane {
    case .alarms: alarmSegmentCount
    case .telemetry: telemetrySegmentCount
    }
  }

  /// Where a block lies in the file.
  func offset(_ lane: Lane, segment: Int, block: Int) -> Int64 {
    precondition(segment >= 0 && segment < segmentCount(lane))
    precondition(block >= 0 && block < blocksPerSegment)
    let first = lane == .alarms ? 0 : alarmSegmentCount
    return Self.dataOffset + Int64(first + segment) * Int64(segmentByteCount)
      + Int64(block) * Int64(blockByteCount)
  }
}
