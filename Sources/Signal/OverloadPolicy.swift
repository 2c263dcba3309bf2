import Ring

/// How much a channel matters when the gateway is overloaded.
public enum ChannelPriority: UInt8, BitwiseCopyable, Sendable {
  /// Sampled less often, and its windows widened, from level 1 on.
  case low = 0
  /// Its windows are widened from level 2 on.
  case normal = 1
  /// Never changed.
  case high = 2
}

/// What the gateway does when the consumer of its events, or the pipeline itself, is slower than
/// what feeds it: the numbers of the configuration's `overload:`.
///
/// The *fill* is that of the fullest ring, in percent: of the events' ring less its reserve, of the
/// readings' rings as a whole. At 100 something is dropped.
public struct OverloadPolicy: BitwiseCopyable, Sendable, Equatable {
  /// The fill at which each level begins: 1 to 100, ascending. Above 100: never.
  public var firstBegin: UInt8
  public var secondBegin: UInt8
  public var thirdBegin: UInt8
  /// A level ends when the fill is so far below its begin, for `endAfter`: at most `firstBegin`.
  public var margin: UInt8
  /// A fill must last so long for the next higher level, in ns.
  public var beginAfter: Int64
  /// And so long for the next lower one, in ns.
  public var endAfter: Int64
  /// Windows are wider by this factor for each level: 1 to `factorMax`.
  public var widen: UInt8
  /// How many events of the output's capacity only alarms may use.
  public var reserve: UInt32

  public static var factorMax: UInt8 { 10 }

  /// How long the fill must last. A pipeline that was restarted, or a broker's hiccup, leaves a
  /// full ring that is empty again some ms later: that is no overload. A buffer of the smallest
  /// size (256 events) takes 1,000 events a second for so long.
  public static var beginAfterUsual: Int64 { 250_000_000 }

  public init(
    begins: (UInt8, UInt8, UInt8), margin: UInt8, beginAfter: Int64 = beginAfterUsual,
    endAfter: Int64, widen: UInt8, reserve: UInt32
  ) {
    precondition(begins.0 >= 1 && begins.0 < begins.1 && begins.1 < begins.2)
    precondition(margin >= 1 && margin <= begins.0 && beginAfter >= 0 && endAfter >= 0)
    precondition(widen >= 1 && widen <= Self.factorMax)
    firstBegin = begins.0
    secondBegin = begins.1
    thirdBegin = begins.2
    self.margin = margin
    self.beginAfter = beginAfter
    self.endAfter = endAfter
    self.widen = widen
    self.reserve = reserve
  }

  /// No levels and no reserve.
  public static var off: OverloadPolicy {
    OverloadPolicy(begins: (253, 254, 255), margin: 1, endAfter: 0, widen: 1, reserve: 0)
  }

  /// The fill at which `level` (1 to 3) begins.
  func begin(of level: UInt8) -> Int {
    precondition(level >= 1 && level <= OverloadWord.levelMax)
    return Int(level == 1 ? firstBegin : level == 2 ? secondBegin : thirdBegin)
  }

  /// By how much the windows of a channel are wider at `level`.
  func windowFactor(_ priority: ChannelPriority, level: UInt8) -> UInt32 {
    let isWidened =
      switch priority {
      case .low: level >= 1
      case .normal: level >= 2
      case .high: false
      }
    return isWidened ? power(of: widen, level) : 1
  }
}

/// `factor` to the power of `level`, which is at most 3: at most 1,000.
public func power(of factor: UInt8, _ level: UInt8) -> UInt32 {
  precondition(factor <= OverloadPolicy.factorMax && level <= OverloadWord.levelMax)
  var product: UInt32 = 1
  for _ in 0..<level { product *= UInt32(factor) }
  return product
}

/// Decides the overload level from the fill: one level at a time, up when the fill has been at the
/// begin of the next for `beginAfter`, down when it has been `margin` below the begin of the
/// present one for `endAfter`. Between the two it stays, so that it cannot flap.
///
/// It knows no clock and keeps little: a successor that is given the level goes on, and only starts
/// to wait anew.
struct OverloadGauge: BitwiseCopyable {
  /// Where the fill draws the level.
  private enum Pull: UInt8, BitwiseCopyable {
    case none
    case up
    case down
  }

  private var pull = Pull.none
  /// Since when, ns.
  private var since: Int64 = 0

  init() {}

  /// Takes the fill (percent, 0 to 100) at `now`, in ns. Returns the level that follows `level`.
  mutating func level(after level: UInt8, fill: Int, now: Int64, policy: OverloadPolicy) -> UInt8 {
    let wanted = pull(level, fill, policy)
    if wanted != pull || now < since {
      pull = wanted
      since = now
    }
    switch pull {
    case .none:
      return level
    case .up:
      guard now - since >= policy.beginAfter else { return level }
      since = now
      return level + 1
    case .down:
      guard now - since >= policy.endAfter else { return level }
      since = now
      return level - 1
    }
  }

  private func pull(_ level: UInt8, _ fill: Int, _ policy: OverloadPolicy) -> Pull {
    if level < OverloadWord.levelMax, fill >= policy.begin(of: level + 1) { return .up }
    if level > 0, fill <= policy.begin(of: level) - Int(policy.margin) { return .down }
    return .none
  }
}
