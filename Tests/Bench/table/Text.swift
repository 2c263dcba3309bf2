import Linux

/// To the right; with a negative width to the left.
public func padded(_ text: String, _ width: Int) -> String {
  var blanks = ""
  for _ in 0..<max(abs(width) - text.utf8.count, 0) { blanks += " " }
  return width < 0 ? text + blanks : blanks + text
}

/// A number that is not negative, with so many digits after the point.
public func decimal(_ value: Double, digits: Int) -> String {
  var scale = 1
  for _ in 0..<digits { scale *= 10 }
  let scaled = Int((value * Double(scale)).rounded())
  if digits == 0 { return "\(scaled)" }
  var fraction = "\(scaled % scale)"
  while fraction.utf8.count < digits { fraction = "0" + fraction }
  return "\(scaled / scale)." + fraction
}

/// One line of the report.
public func line(_ text: String) {
  writeStandardOutput(text + "\n")
}
