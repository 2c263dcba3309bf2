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
  static let boots = "/var/lib/weir/boots"
  static let crashes = "/var/lib/weir/crashes"
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
  Log.limitWaiting(milliseconds: startPatienceMilliseconds)
  let words = KernelCommandLine()
  if words.has("weir.debug") { unsafe Log.threshold = .debug }
  let warmStart = WarmStart(words)
  Log.info("weir \(weirVersion) (\(weirArchitecture)) is PID 1")
  mapPagesOneByOne()
  loadModules(order: ImagePath.modules)
  let watchdog = openWatchdog(words)
  let card = findCard(watchdog)
  let hasState = card?.mountData(on: ImagePath.state) ?? false
  watchdog.feed(Clock.boot())
  let file = words.value(of: "weir.config") ?? ImagePath.configuration
  raiseClock(from: [ImagePath.buildTime, ImagePath.lastTime])
  let session = BootSession(
    watchdog: watchdog, file: hasState ? BootHistoryFile(ImagePath.boots) : nil,
    crashFile: hasState ? CrashFile(ImagePath.crashes) : nil,
    epoch: StateFolder(ImagePath.state).beginEpoch(), words: words)
  switch session.report.cause {
  case .first, .restart, .powerOff: break
  case .watchdog, .failure, .unknown: warmStart?.tell()
  }
  watchdog.feed(Clock.boot())
  let loaded = loadOrSay(file, board: ImagePath.board)
  var configuration = loaded.configuration
  configuration.stateFolder = ImagePath.state
  if session.report.record.isSafe { configuration.leaveOutSources() }
  if !hasState {
    Log.warning("there is no data partition: what must survive a restart is lost at the next one")
  }
  var systemTasks = systemTasks(configuration, loaded.board, words)
  if hasState, let growth = card?.growthTask(on: ImagePath.state) { systemTasks.append(growth) }
  session.endSystem(superviseAsInit(configuration, loaded.board, systemTasks, words, session))
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
private func findCard(_ watchdog: HardwareWatchdog) -> Card? {
  let found = Card.find(timeout: cardNanosecondsMax) { watchdog.feed(Clock.boot()) }
  guard let card = found else {
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
  _ words: KernelCommandLine, _ session: BootSession
) -> SupervisorEnding {
  let drills = initDrills(words, epoch: session.report.record.epoch)
  do {
    // The time task tells the kernel when it has set the clock; until then it is not
    // trusted.
    let gateway = try Gateway(
      configuration, board: board, epoch: session.report.record.epoch,
      clock: ClockTrust(lowerBound: Clock.real(), isPlausibleEnough: false),
      boot: session.notice, systemTasks: systemTasks, keeping: [session.keep],
      crashes: session.crashFile, drills: drills)
    let reportSeconds = words.value(of: "weir.report").flatMap { seconds($0) } ?? 0
    var supervisor = try Supervisor(
      gateway.tasks, isInit: true, reportPeriod: reportSeconds * 1_000_000_000,
      listener: healthListener(in: ImagePath.state))
    Log.limitWaiting(milliseconds: 0)
    let ending = supervisor.run(session.hooks(makeHooks(drills, gateway)))
    // What the keeper had no time for.
    _ = gateway.crashes.keep()
    _ = gateway.credentials?.keep()
    // The tasks' arena must stay mapped as long as there are tasks.
    withExtendedLifetime(gateway) {}
    return ending
  } catch {
    let reason = "the gateway can't begin: \(error.call): \(error.text)"
    Log.error("\(reason); restarting in 30 s")
    session.verdict = reason
    session.pause(seconds: 30)
    return .restart
  }
}
