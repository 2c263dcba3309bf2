// module: Linux
// refused: error: .*never used

/// Warnings are errors.
public func guardProbe() { let unused = 1 }
