/// A campaign: chains of lives, cut as often as is asked for.
public struct Torture: Sendable {
  public let seed: UInt64
  public let mutant: Mutant
  /// Whether lives are short, and every image that a cut can leave is recovered.
  public let isExhaustive: Bool
  /// Whether blocks are sealed, mostly, with keys that change.
  public let isSealed: Bool

  public init(
    seed: UInt64, mutant: Mutant = .none, isExhaustive: Bool = false, isSealed: Bool = false
  ) {
    self.seed = seed
    self.mutant = mutant
    self.isExhaustive = isExhaustive
    self.isSealed = isSealed || mutant == .repeatsSalt
  }

  /// How a campaign ended.
  public struct Outcome: Sendable {
    public var figures = TortureFigures()
    /// What was wrong, and the seed whose first chain shows it again.
    public var violation: String?
    public var failingSeed: UInt64?
  }

  /// How many lives a chain has: enough for lanes to go round several times.
  static var lifeCountMax: Int { 12 }

  /// Runs chains until there were at least `cutCount` cuts, or one went wrong. Chain *n* is the
  /// first chain of the seed + *n*, so that a campaign of `--cuts 1` replays it.
  public func run(
    cutCount: Int, progress: (TortureFigures) -> Bool = { _ in true }
  ) -> Outcome {
    var outcome = Outcome()
    var chainSeed = seed
    let memory = TortureMemory()
    while outcome.figures.cutCount < cutCount {
      do {
        outcome.figures.add(try chain(chainSeed, memory))
      } catch {
        outcome.violation = (error as? Violation)?.text ?? "\(error)"
        outcome.failingSeed = chainSeed
        return outcome
      }
      chainSeed &+= 1
      if !progress(outcome.figures) { break }
    }
    return outcome
  }

  private func chain(_ seed: UInt64, _ memory: TortureMemory) throws -> TortureFigures {
    var chain = try Chain(
      seed: seed, mutant: mutant, isExhaustive: isExhaustive, isSealed: isSealed, memory: memory)
    for _ in 0..<Self.lifeCountMax { try chain.live() }
    return chain.figures
  }
}
