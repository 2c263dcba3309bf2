import CLinux

/// How often this process has called the C allocator since it was forked. Counted in the Embedded
/// binary; always 0 in ordinary builds.
public func allocationCount() -> UInt64 { weir_allocation_count() }
