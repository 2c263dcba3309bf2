import Boot
import Configuration
import Linux
import Supervision
import Uplink

/// Where the image puts things; cross/image writes them there.
enum ImagePath {
  static let board = "/etc/weir/board.yaml"
  static let buildTime = "/etc/weir/build-time"
  static let modules = "/lib/modules/weir.order"
  static let boot = "/boot"
  static let configuration = "/boot/gateway.yaml"
  static let state = "/var/lib/weir"
  static let lastTime = "/var/lib/weir/last-time"
}

/// The longest wait for the card to appear: USB card readers take seconds; without a card the
/// gateway still comes up, with its network and console.
private let cardNanosecondsMax: Int64 = 10_000_000_000

/// What PID 1 does: it makes the system, runs the gateway, and ends the system. It never returns,
/// and nothing that fails on the way stops it.
func runInit() -> Never {
  // Safe: the only thread, before the first line of log.
  unsafe Log.task = "init"
  mountKernelFileSystems()
  takeConsole()
  let words = KernelCommandLine()
  if words.has("weir.debug") { unsafe Log.threshold = .debug }
  Log.info("weir \(weirVersion) (\(weirArchitecture)) is PID 1")
  loadModules(order: ImagePath.modules)
  let card = findCard()
  let hasState = card?.mountData(on: ImagePath.state) ?? false
  let file = words.value(of: "weir.config") ?? ImagePath.configuration
  raiseClock(from: [ImagePath.buildTime, ImagePath.lastTime])
  let loaded = loadOrSay(file, board: ImagePath.board)
  var configuration = loaded.configuration
  configuration.stateFolder = ImagePath.state
  if !hasState {
    Log.warning("there is no data partition: what must survive a restart is lost at the next one")
  }
  var systemTasks = systemTasks(configuration, loaded.board, words)
  if hasState, let growth = card?.growthTask(on: ImagePath.state) { systemTasks.append(growth) }
  endSystem(superviseAsInit(configuration, loaded.board, systemTasks, words))
}

private func takeConsole() {
  do {
    let console = try FileDescriptor(opening: "/dev/console", .readWrite)
    try console.becomeStandard()
  } catch {
    // Then there is nobody to tell it to.
  }
}

/// The card that this system was started from, with its boot partition mounted.
private func findCard() -> Card? {
  guard let card = Card.find(timeout: cardNanosecondsMax) else {
    Log.error(
      "no card with a partition labelled \(Card.dataLabel) appeared within "
        + "\(cardNanosecondsMax / 1_000_000_000) s; is it the card that cross/image made?")
    return nil
  }
  if !card.mountBoot(on: ImagePath.boot) {
    Log.error("the boot partition of \(card.data.disk) can't be read: no configuration")
  }
  return card
}

/// Hostname, network, clock, and the shell that the kernel's command line may ask for.
private func systemTasks(
  _ configuration: Configuration, _ board: Board, _ words: KernelCommandLine
) -> [TaskDeclaration] {
  var network = configuration.network
  if network.interface.isEmpty {
    network.interface = board.networkInterface.isEmpty ? "eth0" : board.networkInterface
  }
  let hostname = network.hostname.isEmpty ? configuration.device : network.hostname
  do {
    try System.setHostname(hostname)
  } catch {
    Log.warning("can't set the hostname \(hostname): \(error.text)")
  }
  do {
    try NetworkInterface("lo").bringUp()
  } catch {
    Log.warning("can't bring up the loopback interface: \(error.text)")
  }
  var tasks = networkTasks(
    network, hostname: hostname, boundFile: ImagePath.lastTime)
  if words.has("weir.shell") {
    tasks.append(
      TaskDeclaration(
        name: "shell", policy: .program, stopPhase: 0,
        body: .program(path: "/bin/busybox", arguments: ["sh"])))
  }
  return tasks
}

/// Supervises until the end of the system is asked for. A gateway that can't even begin leaves only
/// a restart, after a pause in which the console can be read.
private func superviseAsInit(
  _ configuration: Configuration, _ board: Board, _ systemTasks: [TaskDeclaration],
  _ words: KernelCommandLine
) -> SupervisorEnding {
  do {
    // The time task tells the kernel when it has set the clock; until then it is not
    // trusted.
    let gateway = try Gateway(
      configuration, board: board, epoch: StateFolder(ImagePath.state).beginEpoch(),
      clock: ClockTrust(lowerBound: Clock.real(), isPlausibleEnough: false))
    let reportSeconds = words.value(of: "weir.report").flatMap { seconds($0) } ?? 0
    var supervisor = try Supervisor(
      systemTasks + gateway.tasks, isInit: true, reportPeriod: reportSeconds * 1_000_000_000)
    let ending = supervisor.run(report: logStatus)
    // The tasks' arena must stay mapped as long as there are tasks.
    withExtendedLifetime(gateway) {}
    return ending
  } catch {
    Log.error("the gateway can't begin: \(error.call): \(error.text); restarting in 30 s")
    Futex.pause(nanoseconds: 30_000_000_000)
    return .restart
  }
}

private func endSystem(_ ending: SupervisorEnding) -> Never {
  Log.notice("all tasks have ended; writing the card")
  System.synchronize()
  for folder in [ImagePath.state, ImagePath.boot] {
    do {
      try System.unmount(folder)
    } catch {
      Log.warning("can't unmount \(folder): \(error.text)")
    }
  }
  let error =
    switch ending {
    case .restart, .terminated: System.end(.restart)
    case .powerOff: System.end(.powerOff)
    }
  // The kernel refused. PID 1 must not end, so it stays; the hardware's watchdog is the way out.
  Log.error("can't end the system: \(error.text)")
  while true { Futex.pause(nanoseconds: 3_600_000_000_000) }
}
