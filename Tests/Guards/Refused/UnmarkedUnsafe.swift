// module: Linux
// refused: error: expression uses unsafe constructs but is not marked with 'unsafe'

/// Strict memory safety: what is unsafe says so, and a sentence above it says why it is safe.
public func guardProbe(_ pointer: UnsafePointer<Int64>) -> Int64 { pointer.pointee }
