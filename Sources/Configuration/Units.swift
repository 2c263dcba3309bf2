// The units that SenML knows: RFC 8428 §12.1, RFC 8798 §2, and what IANA's registry "SenML Units"
// got later.

/// The primary units, which is what the field `u` of a record may hold.
let senMLUnits = [
  "m", "kg", "g", "s", "A", "K", "cd", "mol", "Hz", "rad", "sr", "N", "Pa", "J", "W", "C", "V",
  "F", "Ohm", "S", "Wb", "T", "H", "Cel", "lm", "lx", "Bq", "Gy", "Sv", "kat", "m2", "m3", "l",
  "m/s", "m/s2", "m3/s", "l/s", "W/m2", "cd/m2", "bit", "bit/s", "lat", "lon", "pH", "dB", "dBW",
  "Bspl", "count", "/", "%", "%RH", "%EL", "EL", "1/s", "1/min", "beat/min", "beats", "S/m", "B",
  "VA", "VAs", "var", "vars", "J/m", "kg/m3", "deg", "NTU",
]

/// Words that people write, and what to write in their place. The first part are the secondary
/// units (RFC 8798 §3), which a receiver need not understand, with their factor to the primary
/// one.
private let unitHints: [(word: String, hint: String)] = [
  ("hPa", "Pa, after 'scale: {factor: 100}'"),
  ("mm", "m, after 'scale: {factor: 0.001}'"),
  ("cm", "m, after 'scale: {factor: 0.01}'"),
  ("km", "m, after 'scale: {factor: 1000}'"),
  ("mV", "V, after 'scale: {factor: 0.001}'"),
  ("mA", "A, after 'scale: {factor: 0.001}'"),
  ("kW", "W, after 'scale: {factor: 1000}'"),
  ("Wh", "J, after 'scale: {factor: 3600}'"),
  ("kWh", "J, after 'scale: {factor: 3600000}'"),
  ("Ah", "C, after 'scale: {factor: 3600}'"),
  ("MHz", "Hz, after 'scale: {factor: 1000000}'"),
  ("ms", "s, after 'scale: {factor: 0.001}'"),
  ("min", "s, after 'scale: {factor: 60}'"),
  ("h", "s, after 'scale: {factor: 3600}'"),
  ("km/h", "m/s, after 'scale: {factor: 0.2777777777777778}'"),
  ("ppm", "/, after 'scale: {factor: 0.000001}'"),
  ("ug/m3", "kg/m3, after 'scale: {factor: 0.000000001}'"),
  ("mm/h", "m/s, after 'scale: {factor: 0.0000002777777777777778}'"),
  ("dBm", "dBW, after 'scale: {offset: -30}'"),
  ("kPa", "Pa, after 'scale: {factor: 1000}'"),
  ("mbar", "Pa, after 'scale: {factor: 100}'"),
  ("bar", "Pa, after 'scale: {factor: 100000}'"),
  ("l/min", "l/s, after 'scale: {factor: 0.016666666666666666}'"),
  ("m3/h", "m3/s, after 'scale: {factor: 0.0002777777777777778}'"),
  ("°C", "Cel"), ("degC", "Cel"), ("celsius", "Cel"), ("Celsius", "Cel"), ("c", "Cel"),
  ("°F", "Cel: SenML has no Fahrenheit"), ("degF", "Cel: SenML has no Fahrenheit"),
  ("percent", "%"), ("rpm", "1/min"), ("ohm", "Ohm"), ("Ω", "Ohm"), ("volt", "V"), ("L", "l"),
  ("pascal", "Pa"), ("lux", "lx"), ("counts", "count"), ("pulses", "count"), ("bytes", "B"),
]

/// Whether `unit` may stand in the field `u`.
func isSenMLUnit(_ unit: String) -> Bool { senMLUnits.contains { $0.isSame(as: unit) } }

/// What to write for a unit that SenML does not have.
func unitRemedy(_ unit: String) -> String {
  if let known = unitHints.first(where: { $0.word.isSame(as: unit) }) {
    return "write \(known.hint)"
  }
  if let near = nearest(to: unit, in: senMLUnits) { return "did you mean '\(near)'?" }
  return "use one of \(list(senMLUnits, limit: 80))"
}
