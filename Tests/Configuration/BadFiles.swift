// Invariants checked, for every kind of mistake:
// - it is reported once, with its exact line and column, what was expected and what to do;
// - nothing else is reported, and every problem is one line;
// - the broken part is left out and the others stand.

import Testing

@testable import Configuration

@Suite struct BadSensors {
  @Test(arguments: cases(SensorMistakes.sensors)) func sensor(_ mistake: Case) {
    let result = read(head + mistake.text)
    mistake.check(result.problems)
    // The first of two stands where the second took its address.
    let isClash = mistake.text.contains("\n  b:")
    let count = !mistake.isError || isClash ? 1 : 0
    #expect(result.configuration.sensors.count == count)
    #expect(result.configuration.channels.count == count)
    #expect(result.configuration.uplink.host == "h")
  }

  @Test(arguments: cases(SensorMistakes.periods)) func period(_ mistake: Case) {
    let rest = "driver: lm75, bus: i2c-1, address: 0x48, temperature: {}"
    let result = read(head + "sensors:\n  t: {\(mistake.text), \(rest)}")
    mistake.check(result.problems)
    #expect(result.configuration.sensors.isEmpty)
  }

  @Test(arguments: cases(SensorMistakes.stages)) func stages(_ mistake: Case) {
    let sensor = "driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s, temperature:"
    let text = "sensors:\n  t: {\(sensor)\n    {stages: [\(mistake.text)]}}\n"
    let result = read(head + text)
    mistake.check(result.problems)
    #expect(result.configuration.sensors.count == (mistake.isError ? 0 : 1))
  }

  @Test func whatTheSensorCannotDo() {
    func problems(_ oversampling: Int, _ every: String, _ quantities: String) -> [String] {
      let fields = "driver: dps310, bus: i2c-1, address: 0x77, oversampling: \(oversampling)"
      let text = "sensors:\n  t: {\(fields), every: \(every), \(quantities)}"
      return texts(read(head + text).problems)
    }
    #expect(problems(128, "413.6 ms", "pressure: {}") == [])
    #expect(problems(128, "206.8 ms", "temperature: {}") == [])
    #expect(
      problems(128, "413 ms", "pressure: {}") == [
        "gateway.yaml:5:76: error: 'every' is '413 ms'; expected at least 413.6 ms, which the "
          + "measurement takes with oversampling 128; sample less often, or lower 'oversampling'"
      ])
    #expect(problems(128, "206 ms", "temperature: {}").count == 1)
    #expect(problems(1, "7.2 ms", "pressure: {}") == [])
    #expect(problems(1, "7 ms", "pressure: {}").count == 1)
  }
}

@Suite struct BadLines {
  @Test(arguments: cases(LineMistakes.lines)) func line(_ mistake: Case) {
    let result = read(head + "lines:\n  l: {\(mistake.text)}")
    mistake.check(result.problems)
    #expect(result.configuration.lines.count == (mistake.isError ? 0 : 1))
    #expect(result.configuration.channels.count == result.configuration.lines.count)
  }

  @Test func withoutBoard() {
    let sensor = "driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s, temperature: {}"
    let result = read(head + "sensors: {t: {\(sensor)}}\n", board: nil)
    #expect(result.problems.isEmpty)
    #expect(result.configuration.channels.isEmpty && result.configuration.sensors.isEmpty)
  }
}

@Suite struct BadSections {
  @Test(arguments: cases(SectionMistakes.network)) func network(_ mistake: Case) {
    let start = head.replacing("state: /s", with: "lines: {}")
    let result = read(start + "network:\n  interface: eth9\n\(mistake.text)")
    mistake.check(result.problems)
    // The network's other values stand.
    #expect(result.configuration.network.interface == "eth9")
  }

  @Test(arguments: cases(SectionMistakes.uplink)) func uplink(_ mistake: Case) {
    let result = read("device: d\nlines: {}\nuplink:\n\(mistake.text)")
    mistake.check(result.problems)
    #expect(result.configuration.uplink.host.isEmpty == mistake.isError)
    #expect(result.configuration.uplink.password.isEmpty || !mistake.isError)
    #expect(!texts(result.problems).joined().contains("hunter2"))
    #expect(!result.problems.contains { $0.textWithSource.contains("hunter2") })
  }

  /// A wrong value is the usual one; the others stand.
  @Test(arguments: cases(JournalMistakes.journal)) func journal(_ mistake: Case) {
    let result = read(head + "journal: \(mistake.text)\nlines: {}")
    mistake.check(result.problems)
    let journal = result.configuration.journal
    if mistake.text.contains("commit: 7 s") { #expect(journal.commitDelay == 7_000_000_000) }
    if mistake.isError {
      #expect(journal.byteCount == JournalConfiguration().byteCount && journal.alarmShare == 12)
      #expect(journal.full == .dropOldest && journal.isDelta)
      // Not off: nothing may be written in the clear.
      let isBroken = journal.encryption?.isBroken == true
      #expect(isBroken == mistake.text.contains("encryption"))
    }
  }

  /// A wrong value is the usual one; the others stand.
  @Test(arguments: cases(SupervisionMistakes.supervision)) func supervision(_ mistake: Case) {
    let result = read(head + "supervision: \(mistake.text)\nlines: {}")
    mistake.check(result.problems)
    let settings = result.configuration.supervision
    #expect(settings.pauseFirst <= settings.pauseMax)
    if mistake.text.contains("forgive: 7 s") { #expect(settings.forgivenAfter == 7_000_000_000) }
    if mistake.isError {
      #expect(settings.deadline == SupervisionSettings().deadline)
      #expect(settings.restartCountMax == SupervisionSettings().restartCountMax)
    }
  }

  /// A policy with a mistake is the usual one, as a whole.
  @Test(arguments: cases(OverloadMistakes.overload)) func overload(_ mistake: Case) {
    let result = read(head + "overload: \(mistake.text)\nlines: {}")
    mistake.check(result.problems)
    if mistake.isError { #expect(result.configuration.overload == OverloadSettings()) }
  }

  @Test(arguments: cases(OverloadMistakes.sensing)) func sensing(_ mistake: Case) {
    let result = read(head + "sensing: \(mistake.text)\nlines: {}")
    mistake.check(result.problems)
    if mistake.isError { #expect(result.configuration.sensing == SensingSettings()) }
  }

  @Test(arguments: cases(SectionMistakes.files)) func file(_ mistake: Case) {
    mistake.check(read(mistake.text).problems)
  }
}
