extension Ring {
  /// Puts a tail that can't be right back to `copy`, a position that the consumer kept elsewhere
  /// and that may be behind, never in front. For a consumer without a commit cell, before it
  /// attaches: with a tail out of bounds it would trap for ever. What lies between the copy and the
  /// lost tail is read again. Whether it changed anything.
  public func repairTail(from copy: UInt64) -> Bool {
    let head = self.head.load()
    // A head that is wrong is for the producer to repair: then the copy is no better.
    guard head &- tail.load() > capacity, head &- copy <= capacity else { return false }
    tail.store(copy)
    return true
  }
}
