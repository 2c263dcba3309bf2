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
