/// Which topics of a session have a number that stands for them (MQTT 5, section 3.3.2.3.4). The
/// numbers are those of one connection: a session that ends takes them with it.
///
/// Full means: the topics that come later are sent whole.
struct TopicAliases {
  /// As many as there are channels, and some for logs and gaps.
  static let countMax = 272

  /// How a topic is to be sent.
  enum Use: Equatable {
    /// Whole, without a number.
    case whole
    /// Whole, with the number that stands for it from here on.
    case introduced(UInt16)
    /// Only with its number.
    case known(UInt16)

    var isTopicLeftOut: Bool {
      if case .known = self { true } else { false }
    }
  }

  private let countMax: Int
  private var hashes: [UInt64] = []
  private var topics: [[CChar]] = []

  /// The broker's Topic Alias Maximum (section 3.2.2.3.8); 0 for none.
  init(maximum: UInt16) { countMax = min(Int(maximum), Self.countMax) }

  func use(of topic: [CChar]) -> Use {
    if countMax == 0 { return .whole }
    let hash = Self.hash(topic)
    for index in hashes.indices where hashes[index] == hash && topics[index] == topic {
      return .known(UInt16(index + 1))
    }
    return hashes.count < countMax ? .introduced(UInt16(hashes.count + 1)) : .whole
  }

  /// The message that introduced the next number is under way.
  mutating func noteIntroduced(_ topic: [CChar]) {
    precondition(hashes.count < countMax)
    hashes.append(Self.hash(topic))
    topics.append(topic)
  }

  /// FNV-1a, 64 bits.
  private static func hash(_ topic: [CChar]) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for character in topic {
      hash = (hash ^ UInt64(UInt8(bitPattern: character))) &* 0x100_0000_01B3
    }
    return hash
  }
}
