import CLinux

/// Sets a variable of this process's environment (setenv(3)), unless it is set already: what the
/// user said stands.
public func setEnvironment(_ name: StaticString, _ value: StaticString) {
  precondition(name.hasPointerRepresentation && value.hasPointerRepresentation)
  // Safe: literals are terminated, and setenv copies them.
  name.withUTF8Buffer { name in
    unsafe name.withMemoryRebound(to: CChar.self) { name in
      value.withUTF8Buffer { value in
        unsafe value.withMemoryRebound(to: CChar.self) { value in
          // It fails only for lack of memory or a name with "=", which no caller has.
          _ = unsafe setenv(
            name.baseAddress.unsafelyUnwrapped, value.baseAddress.unsafelyUnwrapped, 0)
        }
      }
    }
  }
}

/// A write to a connection that the other side has closed fails with EPIPE, instead of ending the
/// process (SIGPIPE is ignored).
public func ignoreBrokenPipes() {
  weir_signal_ignore(SIGPIPE)
}

/// Gives back the pages of code that were needed only to start: parsing, handshakes, and what the
/// kernel mapped around them. Costs some microseconds of page faults for those in use. For a task
/// that has reached its steady state.
public func releaseCodePages() { weir_release_code() }

/// Gives the kernel back what was allocated and freed: before a fork, so that no child has it, and
/// behind a start that needed more than the steady state does.
public func releaseFreedMemory() { weir_release_heap() }
