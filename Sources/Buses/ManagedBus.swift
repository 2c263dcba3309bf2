// The module Buses: what the sense tasks read through. I²C adapters, the thermal zone and GPIO
// chips of the kernel, and their simulated twins. It owns the descriptors; a bus allocates when it
// is opened or recovered, never for a transfer. Only the sense tasks and tests use it; it must not
// log.

import Linux
import Sensors

/// A bus that looks after itself between transfers.
public protocol ManagedBus: RegisterBus, ~Copyable {
  /// Called by the owner before it uses the bus, at least once a second while it does. `now` is in
  /// ns of CLOCK_BOOTTIME. This is where a bus that is stuck gets recovered, which may block for
  /// some tens of milliseconds.
  mutating func maintain(now: Int64) -> BusMaintenance
}

/// What `maintain` did.
public enum BusMaintenance: Sendable {
  case nothing
  /// The bus was stuck and has been reset; whether that helped, the next transfer shows.
  case recovered
  /// The bus is stuck and could not be reset.
  case failed(SystemError)
}
