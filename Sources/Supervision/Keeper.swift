import Linux

/// The keeper: a task that lives for a few small writes, because a card can make a writer wait for
/// seconds, in which the supervisor would see nothing.
public enum Keeper {
  public static let title = "keeper"

  /// Its line of the task table. Each step writes one thing that must survive a restart, as it is
  /// when the keeper is forked, and says whether that succeeded; it is called whenever anybody asks
  /// for the keeper, so it writes nothing that is written already. When one failed, all are tried
  /// again later.
  public static func declaration(_ steps: [() -> Bool], stopPhase: UInt8) -> TaskDeclaration {
    var declaration = TaskDeclaration(
      name: "keeper", policy: .onDemand, stopPhase: stopPhase,
      body: .task { _ in
        var succeeded = true
        for step in steps where !step() { succeeded = false }
        exitProcess(succeeded ? 0 : 1)
      })
    // It writes files of root's.
    declaration.rights = .system()
    return declaration
  }
}
