import Linux

/// What a task that is taken over would try: each try and what came of it is one line of the log.
/// What works is an error, unless the task is meant to do it.
func tryToEscape(journal: String) {
  for path in ["/dev/i2c-1", "/dev/gpiochip0", "/dev/kmsg"] {
    tell("open \(path)") { () throws(SystemError) in
      _ = try FileDescriptor(opening: path, .readOnly)
    }
    tell("open \(path) for writing") { () throws(SystemError) in
      _ = try FileDescriptor(opening: path, .readWrite)
    }
  }
  tell("open \(journal) for writing") { () throws(SystemError) in
    _ = try FileDescriptor(opening: journal, .readWrite)
  }
  tell("create \(journal).new") { () throws(SystemError) in
    _ = try FileDescriptor(opening: journal + ".new", [.writeOnly, .create])
  }
  tell("read /etc/shadow") { () throws(SystemError) in
    _ = try FileDescriptor(opening: "/etc/shadow", .readOnly)
  }
  tell("look into the supervisor") { () throws(SystemError) in
    _ = try FileDescriptor(opening: "/proc/\(ProcessID.parent.number)/mem", .readOnly)
  }
  for attempt in Escape.allCases {
    tell(attempt.words.description) { () throws(SystemError) in try attempt.run() }
  }
}

private func tell(_ what: String, _ attempt: () throws(SystemError) -> Void) {
  do throws(SystemError) {
    try attempt()
    Log.always(.error, "escape: \(what): WORKED")
  } catch {
    Log.always(.warning, "escape: \(what): refused (\(error.text))")
  }
}
