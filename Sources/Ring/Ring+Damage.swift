extension Ring {
  /// Writes nonsense where the producer keeps its position: what a task gone wild might do. Only
  /// drills and tests call it.
  public func damageHead() { head.store(0xDEAD_BEEF_DEAD_BEEF) }

  /// The same for the consumer's position.
  public func damageTail() { tail.store(0xDEAD_BEEF_DEAD_BEEF) }
}
