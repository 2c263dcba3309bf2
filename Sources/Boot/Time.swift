import Linux

/// Sets the clock to the latest time that is known to have passed, when it says less: when the
/// image was made, or when the clock was last known to be right. A Pi has no clock of its own, says
/// 1970 at boot, and would find every certificate "not yet valid".
///
/// Each file holds seconds since 1970 as decimal digits.
public func raiseClock(from files: [String]) {
  var bound: Int64 = 0
  for file in files {
    if let seconds = readSeconds(file), seconds > bound { bound = seconds }
  }
  guard bound * 1_000_000_000 > Clock.real() else { return }
  do {
    try System.setRealTime(bound * 1_000_000_000)
    Log.info("boot: the clock is set to the last known time, \(bound) s since 1970")
  } catch {
    Log.warning("can't set the clock: \(error.text)")
  }
}

/// The number in the file; nil when there is none, or more than 11 digits, so that it stays below
/// the year 5138 and no damaged file stops the clock.
func readSeconds(_ file: String) -> Int64? {
  do {
    return decimalNumber(try readFile(file, limit: 64), digitCountMax: 11).map { Int64($0) }
  } catch {
    return nil
  }
}
