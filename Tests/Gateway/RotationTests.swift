// Invariants checked, against a broker that asks for client certificates:
// - a next pair that the broker accepts is kept, and used from then on, also by the next start and
//   when the broker no longer accepts the configured one;
// - a next pair that is refused, foreign, garbage or expired locks nobody out, and is named;
// - a gateway that is killed at any moment finds its way to the broker afterwards, and the kept
//   pair is there whole, or not at all.

import Desk
import Drivers
import Foundation
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct RotationTests {
  /// An authority for client certificates, which signs them.
  final class Signer {
    let folder: Folder
    private var count = 0
    var authority: String { folder.file("ca.pem") }

    init() throws {
      folder = try Folder()
      try openssl([
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
        "3650", "-subj", "/CN=Rotation CA \(UInt32.random(in: 0 ... .max))", "-keyout",
        folder.file("ca.key"), "-out", authority,
      ])
    }

    /// The paths of a certificate and its key, valid for so many days.
    func make(days: Int = 400) throws -> (certificate: String, key: String) {
      count += 1
      let name = folder.file("client\(count)")
      try openssl([
        "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
        "/CN=plant\(count)", "-keyout", name + ".key", "-out", name + ".csr",
      ])
      try openssl([
        "x509", "-req", "-in", name + ".csr", "-CA", authority, "-CAkey", folder.file("ca.key"),
        "-CAcreateserial", "-days", "\(days)", "-out", name + ".pem",
      ])
      return (name + ".pem", name + ".key")
    }

    private func openssl(_ arguments: [String]) throws {
      guard try run("openssl", arguments, in: folder) == .exited(0) else {
        throw DriverFailure("openssl \(arguments[0]) failed")
      }
    }
  }

  /// A broker, and a gateway's files.
  final class Place {
    let authority: Authority
    let broker: Broker
    let folder: Folder
    let state: Folder

    init(trusting signers: [Signer]) throws {
      authority = try Authority()
      broker = try Broker()
      folder = try Folder()
      state = try Folder()
      try trust(signers)
      try broker.start()
    }

    /// From the broker's next start on.
    func trust(_ signers: [Signer]) throws {
      let texts = try signers.map { try String(contentsOfFile: $0.authority, encoding: .utf8) }
      let trusted = try folder.write(texts.joined(separator: "\n"), to: "trusted.pem")
      var options = Broker.Options()
      options.lines = [
        "cafile \(trusted)", "certfile \(authority.serverCertificatePath)",
        "keyfile \(authority.serverKeyPath)", "require_certificate true",
        "use_identity_as_username true",
      ]
      try broker.configure(options)
    }

    func put(_ pair: (certificate: String, key: String), suffix: String = "") throws {
      for (source, name) in [(pair.key, "client.key"), (pair.certificate, "client.pem")] {
        let text = try String(contentsOfFile: source, encoding: .utf8)
        try folder.write(text, to: name + suffix)
        try FileManager.default.setAttributes(
          [.posixPermissions: 0o600], ofItemAtPath: folder.file(name + suffix))
      }
    }

    func removeNext() throws {
      for name in ["client.key.next", "client.pem.next"] {
        try FileManager.default.removeItem(atPath: folder.file(name))
      }
    }

    var keptPath: String { state.path + "/credentials/pair.pem" }
    var kept: String? { try? String(contentsOfFile: keptPath, encoding: .utf8) }

    func start() throws -> Gateway {
      try Gateway(
        """
        device: rotating
        board: simulated
        uplink:
          broker: mqtts://127.0.0.1:\(broker.port)
          ca: \(authority.certificatePath)
          certificate: \(folder.file("client.pem"))
          key: \(folder.file("client.key"))
          retry_max: 1 s
        sensors:
          boiler: {driver: tmp105, bus: i2c-sim, address: 0x48, every: 1 s, temperature: {}}

        """, state: state.path)
    }

    /// Starts one and waits until the broker has taken it as `name`.
    func connect(as name: String, seconds: Double = 15) throws -> Gateway {
      let count = connections(of: name)
      let gateway = try start()
      try wait(for: name, count: count + 1, gateway, seconds: seconds)
      return gateway
    }

    func connections(of name: String) -> Int {
      broker.log.components(separatedBy: "as rotating (p5, c1, k30, u'\(name)')").count - 1
    }

    func wait(for name: String, count: Int, _ gateway: Gateway, seconds: Double = 15) throws {
      guard waitUntil(seconds: seconds, { connections(of: name) >= count ? true : nil }) == true
      else {
        throw DriverFailure(
          "nobody came as \(name):\n\(gateway.log.suffix(3000))\n\(broker.log.suffix(2000))")
      }
    }

    /// Ends the sessions of the broker: they begin anew.
    func restartBroker() throws {
      try broker.stop()
      try broker.start()
    }
  }

  @Test func aGoodPairIsKept() throws {
    let (old, new) = (try Signer(), try Signer())
    let place = try Place(trusting: [old, new])
    try place.put(old.make())
    let gateway = try place.connect(as: "plant1")
    try place.put(new.make(), suffix: ".next")
    _ = try new.make()
    try place.restartBroker()
    try gateway.program.wait(for: "it is kept, and used from now on", seconds: 20)
    #expect(try gateway.stop() == .exited(0))
    #expect(place.kept?.hasPrefix("weir-pair 1 ") == true)
    let mode = try FileManager.default.attributesOfItem(atPath: place.keptPath)[.posixPermissions]
    #expect(mode as? Int == 0o600)
    // The broker forgets the old authority, and the files of the next pair are gone.
    try place.trust([new])
    try place.restartBroker()
    try place.removeNext()
    let again = try place.connect(as: "plant1")
    #expect(!again.log.contains("not accepted"))
    #expect(try again.stop() == .exited(0))
    // A configured pair that is newer than the kept one counts.
    try place.put(new.make())
    let newest = try place.connect(as: "plant3")
    #expect(try newest.stop() == .exited(0))
  }

  /// The broker is already one of the new authority only.
  @Test func theOldPairIsNoLongerAccepted() throws {
    let (old, new) = (try Signer(), try Signer())
    _ = try new.make()
    let place = try Place(trusting: [new])
    try place.put(old.make())
    let gateway = try place.start()
    try gateway.program.wait(for: "trying again until it works", seconds: 20)
    try place.put(new.make(), suffix: ".next")
    try place.wait(for: "plant2", count: 1, gateway)
    try gateway.program.wait(for: "it is kept, and used from now on", seconds: 10)
    #expect(try gateway.stop() == .exited(0))
  }

  enum Bad: CaseIterable { case foreign, mismatch, garbage, expired, half }

  @Test(arguments: Bad.allCases) func aBadPairLocksNobodyOut(_ bad: Bad) throws {
    let (old, other) = (try Signer(), try Signer())
    let place = try Place(trusting: [old])
    try place.put(old.make())
    let gateway = try place.connect(as: "plant1")
    let words: String
    let good = try old.make()
    switch bad {
    case .foreign:
      _ = try other.make()
      try place.put(other.make(), suffix: ".next")
      words = "is not accepted, the one before stays in use"
    case .mismatch:
      try place.put((good.certificate, other.make().key), suffix: ".next")
      words = "the key does not belong to the certificate"
    case .garbage:
      let path = try place.folder.write("-----BEGIN CERTIFICATE-----\nx\n", to: "garbage")
      try place.put((path, path), suffix: ".next")
      words = "the certificate is not in PEM form"
    case .expired:
      try place.put(old.make(days: -1), suffix: ".next")
      words = "the certificate has expired"
    case .half:
      try place.folder.write("", to: "client.pem.next")
      words = "can't both be read"
    }
    for count in 2...3 {
      try place.restartBroker()
      try place.wait(for: "plant1", count: count, gateway)
    }
    #expect(gateway.log.contains(words), "\(gateway.log)")
    // Said, and tried, once.
    #expect(gateway.log.components(separatedBy: words).count == 2)
    #expect(place.kept == nil)
    // Another one in its place is tried soon, and kept.
    _ = try old.make()
    try place.put(good, suffix: ".next")
    try place.restartBroker()
    try gateway.program.wait(for: "it is kept, and used from now on", seconds: 20)
    #expect(try gateway.stop() == .exited(0))
  }

  @Test func killedAtAnyMoment() throws {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed \(seed)")
    var random = seed | 1
    let (old, new) = (try Signer(), try Signer())
    _ = try new.make()
    let place = try Place(trusting: [old, new])
    try place.put(old.make())
    try place.put(new.make(), suffix: ".next")
    var keptCount = 0
    for _ in 0..<25 {
      try? FileManager.default.removeItem(atPath: place.keptPath)
      let gateway = try place.start()
      // Starting, connecting and keeping take about a second.
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      usleep(200_000 + UInt32(random >> 33) % 1_600_000)
      gateway.program.send(SIGKILL)
      _ = try gateway.program.wait(seconds: 5)
      guard let kept = place.kept else { continue }
      keptCount += 1
      #expect(kept.hasPrefix("weir-pair 1 "))
      #expect(kept.contains("-----END CERTIFICATE-----") && kept.contains("-----END PRIVATE KEY"))
    }
    print("killed 25 times; kept \(keptCount) times")
    // The last round may have kept it.
    try? FileManager.default.removeItem(atPath: place.keptPath)
    let gateway = try place.connect(as: "plant2")
    try gateway.program.wait(for: "it is kept, and used from now on", seconds: 10)
    try place.trust([new])
    try place.restartBroker()
    try place.wait(for: "plant2", count: place.connections(of: "plant2") + 1, gateway)
    #expect(try gateway.stop() == .exited(0))
  }
}
