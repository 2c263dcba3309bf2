import Drivers
import Foundation

/// A certificate authority of a test, and what it signs: good, expired, not yet valid, or for
/// another host.
final class Certificates {
  let folder: Folder
  var authority: String { folder.file("ca.pem") }
  private var count = 0

  init() throws {
    folder = try Folder()
    try folder.write("", to: "index")
    try folder.write("01\n", to: "serial")
    try folder.write(
      """
      [ca]
      default_ca = here
      [here]
      dir = \(folder.path)
      database = \(folder.path)/index
      serial = \(folder.path)/serial
      new_certs_dir = \(folder.path)
      default_md = sha256
      policy = any
      unique_subject = no
      copy_extensions = copy
      [any]
      commonName = supplied
      [req]
      distinguished_name = empty
      [empty]

      """, to: "openssl.conf")
    try openssl([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
      "3650", "-subj", "/CN=Uplink test CA", "-keyout", folder.file("ca.key"), "-out", authority,
    ])
  }

  /// Signs a certificate for a host: the paths of certificate and key. Times as `YYYYMMDDHHMMSSZ`.
  func make(
    host: String = "IP:127.0.0.1", from: String = "20200101000000Z",
    to: String = "20491231000000Z"
  ) throws -> (certificate: String, key: String) {
    count += 1
    let name = folder.file("host\(count)")
    try openssl([
      "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
      "/CN=host\(count)", "-addext", "subjectAltName=\(host)", "-keyout", name + ".key", "-out",
      name + ".csr",
    ])
    try openssl([
      "ca", "-batch", "-notext", "-config", folder.file("openssl.conf"), "-cert", authority,
      "-keyfile", folder.file("ca.key"), "-startdate", from, "-enddate", to, "-in",
      name + ".csr", "-out", name + ".pem",
    ])
    return (name + ".pem", name + ".key")
  }

  private func openssl(_ arguments: [String]) throws {
    guard try run("openssl", arguments, in: folder) == .exited(0) else {
      let log = try? String(contentsOfFile: folder.file("openssl.log"), encoding: .utf8)
      throw DriverFailure("openssl \(arguments[0]) failed:\n\(log ?? "")")
    }
  }
}
