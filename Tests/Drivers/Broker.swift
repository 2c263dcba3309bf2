import Foundation
import Synchronization

/// A real Mosquitto on a free port of the loopback, with its own configuration and no trace left.
public final class Broker {
  /// What the broker asks of its clients, and keeps.
  public struct Options {
    /// TLS with this CA's certificate.
    public var authority: Authority?
    /// The only user, with the password.
    public var user: (name: String, password: String)?
    /// Keeps sessions and queued messages over a restart that SIGTERM began.
    public var isPersistent = false
    /// It listens there, instead of on the loopback of this machine.
    public var end: NetworkLine.End?
    /// The one of cross/lib/broker, which knows more key exchanges than that of Debian 12.
    public var isModern = false
    /// More lines of mosquitto.conf, for its one listener and everything else.
    public var lines: [String] = []

    public init() {}
  }

  public let port: Int
  private let folder: Folder
  private var program: Program?
  private var configurationPath = ""
  private var end: NetworkLine.End?
  private var isModern = false

  private static let modernPath = checkout + "/.cross/broker/mosquitto"
  /// Whether cross/lib/broker has run, as cross/test does first.
  public static let hasModern = FileManager.default.isExecutableFile(atPath: modernPath)

  /// Chooses a port and writes the configuration; the broker itself starts with `start`.
  public init(_ options: Options = Options()) throws {
    folder = try Folder()
    port = try freePort()
    try configure(options)
  }

  /// Runs the broker for as long as it takes to subscribe with the client name "recorder". What is
  /// published later, even before a recorder of that name is back, waits for it.
  public func keepForRecorder(_ options: Options) throws {
    var options = options
    options.isPersistent = true
    try configure(options)
    try start()
    _ = try Recorder(
      port: port, client: "recorder", authority: options.authority, user: options.user)
    try stop()
  }

  /// Writes another configuration, for the next `start`.
  public func configure(_ options: Options) throws {
    end = options.end
    isModern = options.isModern
    var lines = [
      "listener \(port) \(end?.address ?? "127.0.0.1")", "persistence \(options.isPersistent)",
      // A test that is slow to read must not lose messages in the broker.
      "max_queued_messages 0", "max_inflight_messages 0", "log_dest stderr", "log_type all",
    ]
    if options.isPersistent { lines.append("persistence_location \(folder.path)/") }
    // As root Mosquitto becomes another user, who cannot read the test's folder.
    if getuid() == 0 { lines.append("user root") }
    if let authority = options.authority {
      lines += [
        "cafile \(authority.certificatePath)", "certfile \(authority.serverCertificatePath)",
        "keyfile \(authority.serverKeyPath)",
      ]
    }
    if let user = options.user {
      let path = folder.file("passwords")
      let result = try run(
        "mosquitto_passwd", ["-b", "-c", path, user.name, user.password], in: folder)
      guard result == .exited(0) else { throw DriverFailure("mosquitto_passwd failed") }
      lines += ["allow_anonymous false", "password_file \(path)"]
    } else {
      lines.append("allow_anonymous true")
    }
    lines += options.lines
    configurationPath = try folder.write(lines.joined(separator: "\n") + "\n", to: "broker.conf")
  }

  /// Starts the broker, also again after `stop`; returns when it takes connections.
  public func start() throws {
    let name = isModern ? Self.modernPath : try find("mosquitto")
    let command = (name, ["-c", configurationPath])
    let (path, arguments) = try end?.inside(command.0, command.1) ?? command
    let runCountBefore = runCount
    let program = try Program(path, arguments, outputPath: folder.file("broker.log"))
    self.program = program
    // Nobody can connect from here to where it is; its log has all its starts.
    if end != nil {
      let isReady = waitUntil(seconds: 10) { runCount > runCountBefore ? true : nil }
      guard isReady == true else { throw DriverFailure("mosquitto did not start:\n\(log)") }
      return
    }
    guard
      waitUntil(seconds: 10, { canConnect(port: port) ? true : program.isRunning ? nil : false })
        == true
    else { throw DriverFailure("mosquitto did not start:\n\(program.output.suffix(2000))") }
  }

  /// Ends the broker with the signal and waits for its end.
  public func stop(signal: Int32 = SIGTERM) throws {
    guard let program else { return }
    program.send(signal)
    _ = try program.wait(seconds: 10)
    self.program = nil
  }

  /// Stops the broker where it is (SIGSTOP), and lets it go on.
  public func pause() { program?.send(SIGSTOP) }
  public func resume() { program?.send(SIGCONT) }

  /// Lets the broker read its configuration and its access list again (SIGHUP).
  public func reload() { program?.send(SIGHUP) }

  private var runCount: Int { log.components(separatedBy: " running\n").count - 1 }

  /// What the broker logged.
  public var log: String {
    (try? String(contentsOfFile: folder.file("broker.log"), encoding: .utf8)) ?? ""
  }
}

/// A CA of a test, and a certificate of it for the broker's addresses: the loopback, and what the
/// loopback is called inside an emulator (10.0.2.2).
public final class Authority: Sendable {
  private let folder: Folder
  public var certificatePath: String { folder.file("ca.pem") }
  public var serverCertificatePath: String { folder.file("server.pem") }
  public var serverKeyPath: String { folder.file("server.key") }

  public init() throws {
    folder = try Folder()
    try folder.write("", to: "index.txt")
    try folder.write("01\n", to: "serial")
    let rules = try folder.write(Self.rules(folder.path), to: "ca.conf")
    // A board's clock stands at the time at which its image was made until it hears of a better
    // one; so what is made now must have been valid long before.
    let validity = ["-startdate", "20200101000000Z", "-enddate", "20400101000000Z"]
    for (name, key) in [("ca", folder.file("ca.key")), ("server", serverKeyPath)] {
      try openssl([
        "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", "/CN=weir-test-\(name)", "-keyout", key, "-out", folder.file("\(name).csr"),
      ])
    }
    let sign = ["ca", "-batch", "-notext", "-config", rules, "-keyfile", folder.file("ca.key")]
    try openssl(
      sign + validity + [
        "-selfsign", "-extensions", "authority", "-in", folder.file("ca.csr"),
        "-out", certificatePath,
      ])
    try openssl(
      sign + validity + [
        "-cert", certificatePath, "-extensions", "server", "-in", folder.file("server.csr"),
        "-out", serverCertificatePath,
      ])
  }

  /// What `openssl ca` wants to know.
  private static func rules(_ path: String) -> String {
    """
    [ca]
    default_ca = test
    [test]
    database = \(path)/index.txt
    serial = \(path)/serial
    new_certs_dir = \(path)
    default_md = sha256
    policy = any
    [any]
    commonName = supplied
    [authority]
    basicConstraints = critical, CA:true
    [server]
    subjectAltName = IP:127.0.0.1, IP:10.0.2.2, DNS:localhost

    """
  }

  private func openssl(_ arguments: [String]) throws {
    guard try run("openssl", arguments, in: folder) == .exited(0) else {
      let log = try? String(contentsOfFile: folder.file("openssl.log"), encoding: .utf8)
      throw DriverFailure("openssl \(arguments[0]) failed:\n\(log ?? "")")
    }
  }
}

/// Runs a program of the system to its end.
@discardableResult
public func run(_ name: String, _ arguments: [String], in folder: Folder) throws -> Ending {
  let program = try Program(try find(name), arguments, outputPath: folder.file(name + ".log"))
  return try program.wait(seconds: 60)
}

/// The path of a program of the system; brokers live in sbin, which is not on everybody's PATH.
public func find(_ name: String) throws -> String {
  let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
  let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/sbin"]
  for folder in folders where FileManager.default.isExecutableFile(atPath: folder + "/" + name) {
    return folder + "/" + name
  }
  throw DriverFailure("\(name) is not installed: run cross/packages")
}

/// A port of the loopback that nobody uses now, and that this process has not been given before.
///
/// It lies below the ports that the kernel gives to outgoing connections (32,768 and above, ip(7)):
/// one of those may be taken between this call and the broker's start.
public func freePort() throws -> Int {
  for _ in 0..<100 {
    let port = Int.random(in: 10_240..<32_768)
    if givenPorts.insert(port), canListen(port: port) { return port }
  }
  throw DriverFailure("no free port on the loopback")
}

private let givenPorts = GivenPorts()

private final class GivenPorts: Sendable {
  private let ports = Mutex(Set<Int>())

  /// Whether the port is new.
  func insert(_ port: Int) -> Bool { ports.withLock { $0.insert(port).inserted } }
}

/// Whether somebody could listen on the port of the loopback now.
private func canListen(port: Int) -> Bool {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  guard descriptor >= 0 else { return false }
  defer { close(descriptor) }
  var address = loopback(port: port)
  // Safe: the structure is an IPv4 address of that size and outlives the call.
  return unsafe withUnsafePointer(to: &address) { pointer in
    unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
    }
  }
}

/// Whether somebody listens on the port of the loopback.
func canConnect(port: Int) -> Bool {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  guard descriptor >= 0 else { return false }
  defer { close(descriptor) }
  var address = loopback(port: port)
  // Safe: the structure is an IPv4 address of that size and outlives the call.
  return unsafe withUnsafePointer(to: &address) { pointer in
    unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
    }
  }
}

func loopback(port: Int) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = UInt16(port).bigEndian
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  return address
}
