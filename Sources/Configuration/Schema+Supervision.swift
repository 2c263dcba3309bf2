extension Schema {
  private static let supervisionKeys = [
    "deadline", "restarts", "within", "pause", "pause_max", "forgive",
  ]
  private static let millisecond: Int64 = 1_000_000
  private static let second: Int64 = 1_000_000_000

  /// Reads `supervision:`; a wrong value leaves the default, the others stand.
  mutating func readSupervision(_ node: Int) {
    guard let fields = reader.fields(node, "supervision", keys: Self.supervisionKeys) else {
      return
    }
    var settings = SupervisionSettings()
    func time(
      _ reader: inout Reader, _ key: String, _ range: ClosedRange<Int64>, _ value: inout Int64
    ) {
      guard let node = fields.value(key) else { return }
      value = reader.duration(node, "'\(key)'", in: range) ?? value
    }
    time(&reader, "deadline", 100 * Self.millisecond...60 * Self.second, &settings.deadline)
    time(&reader, "within", Self.second...durationMax, &settings.period)
    time(&reader, "pause", Self.millisecond...durationMax, &settings.pauseFirst)
    time(&reader, "pause_max", Self.millisecond...durationMax, &settings.pauseMax)
    time(&reader, "forgive", 0...durationMax, &settings.forgivenAfter)
    if let node = fields.value("restarts"),
      let value = reader.integer(node, "'restarts'", in: 1...1_000_000)
    {
      settings.restartCountMax = UInt32(value)
    }
    if settings.pauseMax < settings.pauseFirst {
      let place = fields.value("pause_max") ?? fields.value("pause") ?? node
      reader.error(
        place,
        "'pause_max' is shorter than 'pause'; expected at least as much; correct the one or the "
          + "other")
      settings.pauseFirst = SupervisionSettings().pauseFirst
      settings.pauseMax = SupervisionSettings().pauseMax
    }
    configuration.supervision = settings
  }
}
