import ArgumentParser
import Dispatch
import Foundation
import Torture

struct TortureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "torture",
    abstract: "Cut a simulated journal's power, and see that nothing durable is lost.",
    discussion: """
      Runs journals on a simulated disk and cuts them at every write and sync: what was in flight \
      arrives in any part and order, torn at any sector. After each cut the journal is recovered, \
      and must hold every event that it reported durable, in order, none twice, none invented, \
      with exact gaps.

      The exit status is 0 when it always did, and 1 when it did not: then the command that \
      replays the failure is printed.
      """)

  @Option(help: "Where the random numbers begin (default: any).") var seed: UInt64?
  @Option(help: "How many cuts to make, at least.") var cuts = 100_000
  @Option(help: "How many campaigns run at the same time, on a processor each.") var jobs = 1
  @Option(
    help: """
      Build a fault into the journal, which must be found: dropsSync, overwritesTail, \
      skipsChecksum, reportsEarly or repeatsSalt.
      """)
  var mutant = "none"

  @Flag(help: "Short workloads, and all that a cut of them can leave.") var exhaustive = false
  @Flag(help: "Seal blocks, with keys that change; no nonce may come twice.") var sealed = false

  func validate() throws {
    if cuts < 1 { throw ValidationError("--cuts must be at least 1") }
    if jobs < 1 || jobs > 64 { throw ValidationError("--jobs must be from 1 to 64") }
    if Mutant(rawValue: mutant) == nil {
      throw ValidationError("--mutant: there is no '\(mutant)'; see --help")
    }
  }

  func run() throws {
    let seed = self.seed ?? UInt64.random(in: 0...999_999)
    let mutant = Mutant(rawValue: mutant) ?? .none
    let start = Date()
    // Not print, which may keep the seed until the end: a crash would take it along.
    FileHandle.standardOutput.write(Data("torture: seed \(seed), \(cuts) cuts\n".utf8))
    let meter = Meter(jobs: jobs, cutCount: cuts)
    DispatchQueue.concurrentPerform(iterations: jobs) { job in
      let campaign = Torture(
        seed: seed &+ UInt64(job) << 32, mutant: mutant, isExhaustive: exhaustive,
        isSealed: sealed)
      let share = (cuts + jobs - 1) / jobs
      let outcome = campaign.run(cutCount: share) { meter.show($0, job: job) }
      meter.end(outcome, job: job)
    }
    let (figures, failure) = meter.result()
    let seconds = Date().timeIntervalSince(start)
    print(
      "torture: \(figures.cutCount) cuts in \(Int(seconds)) s, of which "
        + "\(figures.secondCutCount) in a recovery and \(figures.damageCount) with damage; "
        + "\(figures.lifeCount) lives, \(figures.commitCount) commits "
        + "(\(figures.failedCommitCount) failed), \(figures.gapCount) gaps")
    if figures.sealedBlockCount > 0 {
      print("torture: \(figures.sealedBlockCount) blocks were sealed, each with a nonce of its own")
    }
    guard let failure else { return print("torture: nothing durable was lost") }
    print("torture: FAILED: \(failure.violation ?? "")")
    var options = mutant == .none ? "" : " --mutant \(mutant.rawValue)"
    if exhaustive { options += " --exhaustive" }
    if sealed { options += " --sealed" }
    print("replay: weirctl torture --seed \(failure.failingSeed ?? 0) --cuts 1\(options)")
    throw ExitCode(1)
  }
}

/// Adds up what the campaigns report, and shows it on a terminal.
private final class Meter: @unchecked Sendable {
  private let lock = NSLock()
  private var figures: [TortureFigures]
  private var failure: Torture.Outcome?
  private let cutCount: Int
  private var shown = Date()

  init(jobs: Int, cutCount: Int) {
    figures = [TortureFigures](repeating: TortureFigures(), count: jobs)
    self.cutCount = cutCount
  }

  /// False: another campaign has failed, so this one can end.
  func show(_ one: TortureFigures, job: Int) -> Bool {
    lock.lock()
    defer { lock.unlock() }
    figures[job] = one
    let now = Date()
    if isatty(2) == 1, now.timeIntervalSince(shown) > 0.5 {
      shown = now
      let count = figures.reduce(0) { $0 + $1.cutCount }
      FileHandle.standardError.write(Data("\r\(count) of \(cutCount) cuts".utf8))
    }
    return failure == nil
  }

  func end(_ outcome: Torture.Outcome, job: Int) {
    lock.lock()
    defer { lock.unlock() }
    figures[job] = outcome.figures
    if outcome.violation != nil, failure == nil { failure = outcome }
  }

  func result() -> (TortureFigures, Torture.Outcome?) {
    if isatty(2) == 1 { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
    var sum = TortureFigures()
    for one in figures { sum.add(one) }
    return (sum, failure)
  }
}
