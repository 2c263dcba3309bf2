import CLinux

/// What PID 1 asks of the kernel.
public enum System {
  /// Mounts a file system; makes the folder first when it is missing.
  public static func mount(
    _ source: String, on target: String, type: String, readOnly: Bool = false, data: String = ""
  ) throws(SystemError) {
    makeFolder(target)
    let flags = (readOnly ? UInt(MS_RDONLY) : 0) | UInt(MS_NOATIME)
    // Safe: the pointers are used only during the call.
    let result = unsafe source.withCString { source in
      unsafe target.withCString { target in
        unsafe type.withCString { type in
          unsafe data.withCString { unsafe CLinux.mount(source, target, type, flags, $0) }
        }
      }
    }
    guard result == 0 else { throw .last("mount") }
  }

  public static func unmount(_ target: String) throws(SystemError) {
    // Safe: the pointer is used only during the call.
    guard unsafe target.withCString({ unsafe umount2($0, 0) }) == 0 else { throw .last("umount") }
  }

  /// Makes a file or folder another user's own, and its group's of the same number (chown(2)).
  public static func give(_ path: String, to user: UInt32) throws(SystemError) {
    // Safe: the pointer is used only during the call.
    guard unsafe path.withCString({ unsafe chown($0, user, user) }) == 0 else {
      throw .last("chown")
    }
  }

  /// Makes a folder; one that exists already, or can't be made, shows when it is used.
  public static func makeFolder(_ path: String) {
    // Safe: the pointer is used only during the call.
    _ = unsafe path.withCString { unsafe mkdir($0, 0o755) }
  }

  /// Loads a kernel module from its file; one that is loaded already is no error. The kernel
  /// decompresses `.xz` and `.zst` itself when the name says so.
  public static func loadModule(file path: String) throws(SystemError) {
    let file = try FileDescriptor(opening: path, .readOnly)
    let bytes = Array(path.utf8)
    let isCompressed =
      bytes.suffix(3).elementsEqual(".xz".utf8)
      || bytes.suffix(4).elementsEqual(".zst".utf8)
    // Safe: the pointer is used only during the call.
    let result = unsafe "".withCString {
      unsafe weir_load_module(file.number, $0, isCompressed ? 1 : 0)
    }
    if result != 0, weir_errno() != EEXIST { throw .last("finit_module") }
  }

  public static func setHostname(_ name: String) throws(SystemError) {
    let count = name.utf8.count
    // Safe: the pointer is used only during the call, and the length is given.
    guard unsafe name.withCString({ unsafe sethostname($0, count) }) == 0 else {
      throw .last("sethostname")
    }
  }

  /// Sets CLOCK_REALTIME, in nanoseconds since 1970.
  public static func setRealTime(_ nanoseconds: Int64) throws(SystemError) {
    var time = timespec()
    time.tv_sec = Int(nanoseconds / 1_000_000_000)
    time.tv_nsec = Int(nanoseconds % 1_000_000_000)
    // Safe: the structure outlives the call.
    guard unsafe clock_settime(CLOCK_REALTIME, &time) == 0 else { throw .last("clock_settime") }
  }

  /// Writes everything that is cached to the media.
  public static func synchronize() { sync() }

  /// What the machine does when the system has ended.
  public enum Ending: Sendable {
    case restart
    case powerOff
  }

  /// Ends the system at once; the caller has synchronized and unmounted. Returns only on failure.
  public static func end(_ ending: Ending) -> SystemError {
    let command: Int32 =
      switch ending {
      case .restart: Int32(bitPattern: UInt32(RB_AUTOBOOT))
      case .powerOff: Int32(bitPattern: UInt32(RB_POWER_OFF))
      }
    _ = reboot(command)
    return .last("reboot")
  }

  /// The names in a folder, without "." and "..", at most `limit` of them, in the kernel's order.
  public static func list(_ path: String, limit: Int = 4096) throws(SystemError) -> [String] {
    // Safe: the stream is closed below, and each entry is copied before the next is read.
    guard let stream = unsafe path.withCString({ unsafe opendir($0) }) else {
      throw .last("opendir")
    }
    defer { _ = unsafe closedir(stream) }
    var names: [String] = []
    while names.count < limit, let entry = unsafe readdir(stream) {
      // Safe: d_name is a terminated string inside the entry.
      let name = unsafe String(cString: weir_entry_name(entry))
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
