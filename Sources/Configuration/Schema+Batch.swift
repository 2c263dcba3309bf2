extension Schema {
  private static let batchKeys = ["events", "size", "age"]
  private static let eventCounts: ClosedRange<Int64> = 1...1000

  /// Reads `batch:` and `compression:` of the uplink.
  mutating func readBatch(_ fields: Fields, _ uplink: inout UplinkSettings) {
    if let node = fields.value("batch") {
      // The short form is a number alone.
      if reader.tree.text(node) != nil, !reader.tree.isNull(node) {
        readEventCount(node, "'batch'", &uplink.batch)
      } else if let fields = reader.fields(node, "uplink.batch", keys: Self.batchKeys) {
        readLimits(fields, &uplink.batch)
      }
    }
    guard let node = fields.value("compression"),
      let index = reader.word(node, "'compression'", of: ["none", "zstd"]), index == 1
    else { return }
    guard uplink.version == .v5 else {
      reader.warning(
        node,
        "'compression' is told in the content type of a message, which MQTT 3.1.1 has not; "
          + "expected 'version: 5'; messages are sent as they are")
      return
    }
    uplink.batch.isCompressed = true
  }

  private mutating func readLimits(_ fields: Fields, _ batch: inout BatchSettings) {
    // Who only names a size or an age wants as many as these allow.
    batch.eventCount = UInt16(Self.eventCounts.upperBound)
    if let node = fields.value("events") { readEventCount(node, "'events'", &batch) }
    if let node = fields.value("size"),
      let value = reader.size(node, "'size'", in: 1000...Int64(BatchSettings.byteCountMax))
    {
      batch.byteCount = UInt32(value)
    }
    if let node = fields.value("age"),
      let value = reader.duration(node, "'age'", in: 0...60 * second)
    {
      batch.age = value
    }
  }

  private mutating func readEventCount(
    _ node: Int, _ what: String, _ batch: inout BatchSettings
  ) {
    guard let value = reader.integer(node, what, in: Self.eventCounts) else { return }
    batch.eventCount = UInt16(value)
  }
}
