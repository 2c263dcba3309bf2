import Configuration
import Linux
import Ring
import Supervision

/// An IPv4 address with the length of its network's prefix.
struct AddressRange: Equatable, Sendable {
  /// In host byte order.
  let address: UInt32
  let prefixLength: UInt32

  /// Reads `192.0.2.7/24`; without a prefix, 32.
  init?(_ text: String) {
    var numbers: [UInt32] = []
    var value: UInt32?
    var prefix: UInt32?
    var inPrefix = false
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39:
        let next = (value ?? 0) * 10 + UInt32(byte - 0x30)
        guard next <= 255 else { return nil }
        value = next
      case UInt8(ascii: "."), UInt8(ascii: "/"):
        guard let whole = value, !inPrefix, numbers.count < 4 else { return nil }
        numbers.append(whole)
        value = nil
        inPrefix = byte == UInt8(ascii: "/")
      default: return nil
      }
    }
    guard let last = value else { return nil }
    if inPrefix { prefix = last } else { numbers.append(last) }
    guard numbers.count == 4, (prefix ?? 32) <= 32 else { return nil }
    address = numbers.reduce(0) { $0 << 8 | $1 }
    prefixLength = prefix ?? 32
  }
}

/// The tasks that keep the network and the clock up: busybox's DHCP client or our own small task
/// for a fixed address, and the SNTP client, which keeps a time that has passed in `boundFile`.
///
/// They wait for nothing and nothing waits for them: an interface that appears late is configured
/// late.
public func networkTasks(
  _ settings: NetworkSettings, hostname: String, boundFile: String
) -> [TaskDeclaration] {
  // Soon again: a USB interface appears seconds after the modules are loaded.
  let policy = RestartPolicy(
    pauseFirst: 200_000_000, pauseMax: 5_000_000_000, forgivenAfter: 60_000_000_000)
  var tasks: [TaskDeclaration] = []
  if settings.address.isEmpty || settings.address == "dhcp" {
    var declaration = TaskDeclaration(
      name: "dhcp", policy: policy, stopPhase: 200,
      body: .program(
        path: "/bin/busybox",
        arguments: [
          "udhcpc", "-f", "-i", settings.interface, "-s", "/etc/weir/dhcp", "-t", "10", "-T", "1",
          "-A", "2", "-x", "hostname:" + hostname,
        ]))
    // Its questions are raw packets, and its script configures the interface.
    declaration.rights = .system([.networkAdministration, .networkRaw, .networkBindService])
    tasks.append(declaration)
  } else {
    var declaration = TaskDeclaration(
      name: "network", policy: policy, stopPhase: 200,
      body: .task { start in keepAddress(settings, start) })
    declaration.rights = .system(.networkAdministration)
    tasks.append(declaration)
  }
  if !settings.timeServers.isEmpty {
    let servers = settings.timeServers
    var declaration = TaskDeclaration(
      name: "time", policy: policy, stopPhase: 200,
      body: .task { start in
        var task = TimeTask(servers: servers, boundFile: boundFile, slot: start.slot)
        task.run()
      })
    declaration.rights = .system(.setTime)
    declaration.watch.stepLimitMax = TimeTask.pauseMax + TimeTask.exchangeNanosecondsMax
    tasks.append(declaration)
  }
  return tasks
}

/// How long one look at the interface, and its configuration, may take: the kernel's drivers of USB
/// Ethernet wait for their device.
private let networkNanosecondsMax: Int64 = 10_000_000_000

/// Gives the interface its address whenever it appears, for ever.
private func keepAddress(_ settings: NetworkSettings, _ start: TaskStart) -> Never {
  guard let range = AddressRange(settings.address) else {
    // Checked by Configuration; without an address there is nothing that this task could do.
    Log.error("network.address \(settings.address) is no IPv4 address such as 192.0.2.7/24")
    while true {
      start.slot?.beat(step: 0, now: Clock.boot(), within: networkNanosecondsMax)
      Futex.pause(nanoseconds: 1_000_000_000)
    }
  }
  writeResolver(settings.nameServers)
  let interface = NetworkInterface(settings.interface)
  var configured: UInt32 = 0
  while true {
    start.slot?.beat(step: 1, now: Clock.boot(), within: networkNanosecondsMax)
    if let index = interface.index, index != configured {
      do {
        try configure(interface, range, gateway: AddressRange(settings.gateway)?.address)
        configured = index
        releaseCodePages()
        Log.notice("\(interface.name) has the address \(settings.address)")
      } catch {
        Log.error("can't configure \(interface.name): \(error.text)")
      }
    }
    Futex.pause(nanoseconds: 500_000_000)
  }
}

private func configure(
  _ interface: NetworkInterface, _ range: AddressRange, gateway: UInt32?
) throws(SystemError) {
  try interface.setAddress(range.address, prefixLength: range.prefixLength)
  try interface.bringUp()
  if let gateway { try NetworkInterface.setDefaultRoute(gateway) }
}

private func writeResolver(_ servers: [String]) {
  var text = ""
  for server in servers { text += "nameserver " + server + "\n" }
  do {
    try replaceFile("/etc/resolv.conf", with: Array(text.utf8))
  } catch {
    Log.error("can't write /etc/resolv.conf: \(error.text)")
  }
}
