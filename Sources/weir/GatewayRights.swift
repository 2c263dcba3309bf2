import Buses
import Configuration
import Journal
import Linux
import Ring
import Supervision
import Uplink

/// What each task of the gateway keeps of the supervisor's rights: the one place that says it.
/// Made once, before the first fork.
///
/// | task | user | capabilities | files (Landlock) | system calls |
/// | --- | --- | --- | --- | --- |
/// | pipeline | 59001 | none | none | computing |
/// | journal | 59003 | none (\*) | its folder | and files |
/// | uplink | 59002 | none (\*) | reading: /etc, certificates, the journal's folder | and the network, reading files |
/// | sense, simulated | 59010 + n | none | none | and reading files |
/// | sense@thermal | 59010 + n | none | reading: /sys | and reading files |
/// | sense, GPIO | root | none | /dev, /sys | and devices |
/// | sense, I²C | root | none (\*\*) | /dev, /sys | and devices |
///
/// (\*) If its user may not reach its files, to read everything, within the files of the table.
///
/// (\*\*) Nobody may take a stuck bus's driver away while another process has the bus open. Where
/// the driver's module can't tell, or serves several buses, the task keeps the right to look into
/// processes, and can have no rules for files, which would take it again.
///
/// The page with the journal's keys (`JournalKeys`) is left to the journal and the uplink, to read.
///
/// A bus that is recovered comes back as another file, so the rule is for the whole of /dev.
struct GatewayRights {
  /// Numbers that neither Debian nor systemd gives to anybody (Debian policy, 9.2.2: reserved).
  private enum User {
    static let pipeline: UInt32 = 59_001
    static let uplink: UInt32 = 59_002
    static let journal: UInt32 = 59_003
    static let firstSense: UInt32 = 59_010
  }

  private static let mebibyte: UInt64 = 1 << 20
  /// Beside what the supervisor has at its start. The pipeline and the sense tasks allocate nothing
  /// in their steady state, and less than 1 MiB until then.
  private static let byteCountMax = 16 * mebibyte
  /// OpenSSL with the certificates of all authorities takes 5 MiB.
  private static let uplinkByteCountMax = 32 * mebibyte
  /// More than any task has open: 12 lines of a GPIO chip, say.
  private static let descriptorCountMax: UInt64 = 64

  /// What the supervisor has already, which a fork copies.
  private let inherited: UInt64
  private let pipelineCalls: CallProgram?
  private let journalCalls: CallProgram?
  private let uplinkCalls: CallProgram?
  private let senseCalls: CallProgram?
  private let senseFileCalls: CallProgram?

  init() {
    CallFilter.prepareRefusals()
    pipelineCalls = Self.compiled(.pipeline)
    journalCalls = Self.compiled(.journal)
    uplinkCalls = Self.compiled(.uplink)
    senseCalls = Self.compiled(.sense)
    senseFileCalls = Self.compiled(.senseFiles)
    // libseccomp's tables took 0.3 MB.
    releaseFreedMemory()
    inherited = ProcessMemory.dataByteCount
    if FileRules.version == nil {
      Log.notice(
        "the kernel has no Landlock: what files a task may use is only up to its user; boot with "
          + "lsm=landlock to have it")
    }
  }

  private static func compiled(_ filter: CallFilter) -> CallProgram? {
    do throws(SystemError) {
      return try filter.compile()
    } catch {
      Log.error(
        "no filter of system calls: \(error.call.description): \(error.text); tasks may make all")
      return nil
    }
  }

  private func limits(_ byteCount: UInt64) -> [ResourceLimit] {
    [
      ResourceLimit(.data, inherited + byteCount),
      ResourceLimit(.descriptors, Self.descriptorCountMax),
      ResourceLimit(.processes, 0), ResourceLimit(.core, 0), ResourceLimit(.realtimePriority, 0),
    ]
  }

  func pipeline(waker: Int32, memory: [MemoryAccess]) -> TaskRights {
    var rights = TaskRights()
    rights.user = User.pipeline
    rights.limits = limits(Self.byteCountMax)
    rights.descriptors = [waker]
    rights.memory = memory
    rights.files = FileRules()
    rights.calls = pipelineCalls
    return rights
  }

  func sense(
    _ index: Int, of targets: [SenseTarget], _ board: Board, memory: [MemoryAccess]
  ) -> TaskRights {
    var rights = TaskRights()
    rights.limits = limits(Self.byteCountMax)
    rights.memory = memory
    switch targets[index].access(board) {
    case .simulated:
      rights.user = User.firstSense + UInt32(index)
      rights.files = FileRules()
      rights.calls = senseFileCalls
    case .thermal:
      rights.user = User.firstSense + UInt32(index)
      rights.files = FileRules([FileRules.Rule("/sys", .read)])
      rights.calls = senseFileCalls
    case .lines:
      rights.files = FileRules([FileRules.Rule("/dev", .readWrite), FileRules.Rule("/sys", .read)])
      rights.calls = senseCalls
    case .bus(let device):
      let isOnly =
        targets.count {
          if case .bus = $0.access(board) { true } else { false }
        } == 1
      if isOnly && hasCountedDriver(device) {
        rights.files = FileRules([
          FileRules.Rule("/dev", .readWrite), FileRules.Rule("/sys", .readWrite),
        ])
      } else {
        rights.capabilities = .inspectProcesses
      }
      rights.calls = senseCalls
    }
    return rights
  }

  /// The folder becomes the task's own.
  func journal(
    _ configuration: Configuration, _ folder: JournalFolder, descriptors: [Int32],
    memory: [MemoryAccess]
  ) -> TaskRights {
    if Privileges.isRoot {
      for path in [folder.path, folder.log] where fileExists(path) {
        do throws(SystemError) {
          try System.give(path, to: User.journal)
        } catch {
          Log.warning(
            "\(path) can't be given to the journal's user: \(error.text); what it can't write "
              + "there it keeps in memory")
        }
      }
    }
    var rights = TaskRights()
    rights.user = User.journal
    rights.mustRead = [folder.path]
    let tables = UInt64(configuration.journal.geometry.tableByteCount)
    rights.limits = limits(Self.byteCountMax + tables)
    rights.descriptors = descriptors
    rights.memory = memory
    rights.files = FileRules([FileRules.Rule(folder.path, .manage)])
    rights.calls = journalCalls
    return rights
  }

  func uplink(
    _ configuration: Configuration, _ folder: JournalFolder, descriptors: [Int32],
    memory: [MemoryAccess]
  ) -> TaskRights {
    let settings = configuration.uplink
    var rights = TaskRights()
    rights.user = User.uplink
    // Present and older events of both lanes.
    let tables = UInt64(configuration.journal.geometry.tableByteCount) * 2
    rights.limits = limits(Self.uplinkByteCountMax + tables)
    rights.descriptors = descriptors
    rights.memory = memory
    let credentials = [settings.caFile, settings.certificateFile, settings.keyFile].filter {
      !$0.isEmpty
    }
    rights.mustRead = credentials
    if !settings.certificateFile.isEmpty {
      // As far as they are there; and the folder of a pair that may come.
      rights.mustRead += [settings.certificateFile + ".next", settings.keyFile + ".next"]
      rights.mustRead.append(KeptPair.folder(inState: configuration.stateFolder))
    }
    // Files that are renewed are other files: so the rule is for their folder.
    var folders =
      Self.systemFolders + credentials.map { parentFolder(of: $0) } + [folder.path]
    if !settings.certificateFile.isEmpty {
      folders.append(KeptPair.folder(inState: configuration.stateFolder))
    }
    rights.files = FileRules(folders.map { FileRules.Rule($0, .read) })
    rights.calls = uplinkCalls
    return rights
  }

  /// Makes the folder for a pair that replaces the configured one; nil without a certificate.
  func credentialKeeper(
    _ configuration: Configuration, _ note: AcceptedPair
  ) -> CredentialKeeper? {
    let settings = configuration.uplink
    guard !settings.certificateFile.isEmpty else { return nil }
    System.makeFolder(KeptPair.folder(inState: configuration.stateFolder))
    return CredentialKeeper(
      note,
      configured: CredentialPair(
        certificateFile: settings.certificateFile, keyFile: settings.keyFile),
      state: configuration.stateFolder, user: Privileges.isRoot ? User.uplink : nil)
  }

  /// What the resolver and OpenSSL read, with the places that their links in /etc lead to.
  private static var systemFolders: [String] {
    let folders = [
      "/etc", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/usr/lib/ssl",
      "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/share/zoneinfo",
      "/dev/null", "/dev/random", "/dev/urandom",
    ]
    #if hasFeature(Embedded)
      return folders
    #else
      // Of an ordinary build: the libraries that resolve names.
      return folders + ["/lib", "/lib64", "/usr/lib", "/usr/lib64"]
    #endif
  }
}

/// What a sense task touches of the system.
enum SenseAccess {
  case simulated
  case thermal
  case lines
  /// Of the device file.
  case bus(String)
}

extension SenseTarget {
  func access(_ board: Board) -> SenseAccess {
    switch self {
    case .bus(let name):
      let bus = board.buses.first { $0.name == name }
      if let bus, bus.device.isEmpty { return .simulated }
      return .bus(bus?.device ?? "/dev/" + name)
    case .chip(let name):
      let chip = board.chips.first { $0.name == name }
      return chip?.label.isEmpty == true ? .simulated : .lines
    case .thermal: return board.thermalZone == "simulated" ? .simulated : .thermal
    }
  }
}
