// The module Signal: what is done to readings between the sensors and the uplink. It has the
// stages (filters, windows, alarms) and the pipeline that runs them over rings with an atomic
// commit. Its state is bytes in memory that it is given; it owns none. The pipeline's task and
// tests may call it. It must never allocate, make a system call, wait, read a clock, or trap
// because of what a reading holds: a reading that traps would be read again after the restart.

/// The latest time that the stages compute with, in ns since boot: 146 years. Times of readings are
/// clamped to 0…`timeMax`, so that no sum or difference of two of them and a span can overflow.
public let timeMax: Int64 = 1 << 62

/// How long a window or a pending alarm waits for readings of its own time that are still on their
/// way, in ns, before the clock decides: a DPS310 with 128-fold oversampling takes 206 ms for one
/// value (datasheet V1.1, table 16), and the transfer and the rings well under 44 ms. A later
/// reading of the same channel decides at once.
public let graceMax: Int64 = 250_000_000

/// The grace for a stage that measures `span` ns: a short stage waits no longer than itself.
func grace(for span: Int64) -> Int64 { min(span, graceMax) }

/// A time that the stages can compute with.
func clampedTime(_ time: Int64) -> Int64 { min(max(time, 0), timeMax) }
