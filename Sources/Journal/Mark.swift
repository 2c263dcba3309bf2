/// A place in a lane: how many records lie before it since the lane began, and the identity of the
/// last of them.
///
/// Ordinals count what was ever put into a lane, over all epochs, from 0: by them a lost block is a
/// gap of known size. Epoch 0 is no epoch: nothing lies before the place.
public struct Mark: BitwiseCopyable, Equatable, Sendable {
  /// The number of records before the place, which is the ordinal of the next one.
  public var ordinal: UInt64
  /// Of the last record before the place.
  public var epoch: UInt64
  public var sequence: UInt64

  public init(ordinal: UInt64 = 0, epoch: UInt64 = 0, sequence: UInt64 = 0) {
    self.ordinal = ordinal
    self.epoch = epoch
    self.sequence = sequence
  }

  static var byteCount: Int { 24 }

  init(_ bytes: Bytes, at offset: Int) {
    ordinal = bytes.load(UInt64.self, at: offset)
    epoch = bytes.load(UInt64.self, at: offset + 8)
    sequence = bytes.load(UInt64.self, at: offset + 16)
  }

  func store(in bytes: Bytes, at offset: Int) {
    bytes.store(ordinal, at: offset)
    bytes.store(epoch, at: offset + 8)
    bytes.store(sequence, at: offset + 16)
  }
}
