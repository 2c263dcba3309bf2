// module: Signal
// refused: error: cannot use allocating (type|operation) .* in -no-allocations mode

/// An object that escapes is an allocation.
public final class GuardProbe {
  var sum: Int64 = 0
}

public func guardProbe() -> GuardProbe { GuardProbe() }
