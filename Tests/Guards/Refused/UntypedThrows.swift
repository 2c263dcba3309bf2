// module: Linux
// refused: error: .*(untyped throws|any Error|existential)

/// Embedded Swift has no boxed errors: every function names the error that it throws.
public enum GuardProbe: Error { case failed }

public func guardProbe() throws { throw GuardProbe.failed }
