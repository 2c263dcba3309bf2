// The module Boot: what PID 1 does before the gateway runs, and after it. It owns the mounts, the
// kernel modules, the card's partitions, the clock's lower bound and the network's settings. Only
// the program `weir` calls it, only as PID 1. It must never fail: what can't be done is said, and
// the boot goes on.

import Linux

/// Mounts what every Linux program expects, and gives this process the console.
public func mountKernelFileSystems() {
  mountOrSay("proc", on: "/proc", type: "proc")
  mountOrSay("sysfs", on: "/sys", type: "sysfs")
  mountOrSay("devtmpfs", on: "/dev", type: "devtmpfs")
  mountOrSay("tmpfs", on: "/run", type: "tmpfs", data: "mode=0755,size=4m")
  mountOrSay("tmpfs", on: "/tmp", type: "tmpfs", data: "size=4m")
}

/// Has the kernel map code as it is used, page by page, and not the 64 KiB around each page that is
/// (`fault_around_bytes` in mm/memory.c): those made half of what all tasks together took. The
/// setting is in debugfs, which nothing else needs: it is there for this moment only. A kernel
/// without it works as well, and takes more.
public func mapPagesOneByOne() {
  let folder = "/sys/kernel/debug"
  do throws(SystemError) {
    try System.mount("debugfs", on: folder, type: "debugfs", readOnly: false, data: "mode=0700")
  } catch {
    return Log.info("code is mapped in pieces: can't mount debugfs: \(error.text)")
  }
  do throws(SystemError) {
    // The kernel takes no less than a page.
    try writeCommand("\(System.pageByteCount)\n", to: folder + "/fault_around_bytes")
  } catch {
    Log.info("code is mapped in pieces: fault_around_bytes: \(error.text)")
  }
  do throws(SystemError) {
    try System.unmount(folder)
  } catch {
    Log.warning("can't unmount \(folder): \(error.text)")
  }
}

/// Mounts a file system; says so when that fails, and whether it worked.
@discardableResult
func mountOrSay(
  _ source: String, on target: String, type: String, readOnly: Bool = false, data: String = ""
) -> Bool {
  do {
    try System.mount(source, on: target, type: type, readOnly: readOnly, data: data)
    return true
  } catch {
    Log.error("can't mount \(source) on \(target): \(error.text)")
    return false
  }
}

/// Loads the kernel modules that `order` lists, one path a line, in that order. A module that fails
/// is said and passed over: the gateway does without its device.
public func loadModules(order: String) {
  let list: [UInt8]
  do {
    list = try readFile(order)
  } catch {
    Log.warning("no kernel modules are loaded: \(order): \(error.text)")
    return
  }
  var loadedCount = 0
  for line in list.split(separator: UInt8(ascii: "\n")) {
    let path = String(decoding: line, as: UTF8.self)
    do {
      try System.loadModule(file: path)
      loadedCount += 1
    } catch {
      Log.warning("can't load the kernel module \(path): \(error.text)")
    }
  }
  Log.info("boot: \(loadedCount) kernel modules are loaded")
}
