// module: Linux

/// The twin of the refused probes: the error is typed, and what is unsafe is marked.
public enum GuardProbe: Error { case failed }

public func guardProbe(_ pointer: UnsafePointer<Int64>) throws(GuardProbe) -> Int64 {
  // The caller promises that the pointer is valid for the length of the call.
  let value = unsafe pointer.pointee
  guard value >= 0 else { throw .failed }
  return value
}
