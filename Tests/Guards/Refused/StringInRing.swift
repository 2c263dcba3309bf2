// module: Ring
// refused: error: cannot use allocating (type|operation) .* in -no-allocations mode

/// Joining strings makes a new one.
public func guardProbe(_ name: String) -> String { name + ", which is not known here" }
