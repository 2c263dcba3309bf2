import ArgumentParser
import Desk
import Foundation

/// As whom to speak to a broker, and whom to believe.
struct Credentials: ParsableArguments {
  @Option(help: "The user at the broker.") var user: String?
  @Option(help: "A file whose first line is the user's password.") var passwordFile: String?
  @Option(help: "The CA of the broker's certificate (PEM); makes the connection TLS.")
  var ca: String?
  @Option(
    name: [.long, .customLong("cert")], help: "A certificate for the broker (PEM), with --key.")
  var certificate: String?
  @Option(help: "The certificate's private key (PEM).") var key: String?

  func validate() throws {
    if (certificate == nil) != (key == nil) {
      throw ValidationError("--certificate and --key belong together")
    }
    if passwordFile != nil, user == nil { throw ValidationError("--password-file needs --user") }
  }

  /// Settings of a broker that is still to be named.
  func settings() throws -> BrokerSettings {
    var settings = BrokerSettings()
    settings.user = user
    if let passwordFile {
      guard let text = try? String(contentsOfFile: passwordFile, encoding: .utf8) else {
        throw ValidationError("--password-file: \(passwordFile) cannot be read as text")
      }
      settings.password = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    }
    for (option, path) in [("--ca", ca), ("--certificate", certificate), ("--key", key)] {
      guard let path, !FileManager.default.isReadableFile(atPath: path) else { continue }
      throw ValidationError("\(option): \(path) cannot be read")
    }
    settings.authority = ca
    settings.certificate = certificate
    settings.key = key
    return settings
  }
}

/// `mqtt://host`, `mqtts://host:8883`, `[::1]:1883`, `host`.
struct BrokerAddress: ExpressibleByArgument {
  var host: String
  var port: Int
  var usesTLS: Bool

  init?(argument: String) {
    var rest = Substring(argument)
    usesTLS = rest.hasPrefix("mqtts://")
    if let scheme = rest.range(of: "://") {
      guard usesTLS || rest.hasPrefix("mqtt://") else { return nil }
      rest = rest[scheme.upperBound...]
    }
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    port = usesTLS ? 8883 : 1883
    if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
      host = String(rest[rest.index(after: rest.startIndex)..<end])
      rest = rest[rest.index(after: end)...]
    } else {
      let end = rest.firstIndex(of: ":") ?? rest.endIndex
      host = String(rest[..<end])
      rest = rest[end...]
    }
    if rest.hasPrefix(":") {
      guard let number = UInt16(rest.dropFirst()), number > 0 else { return nil }
      port = Int(number)
    } else if !rest.isEmpty {
      return nil
    }
    guard !host.isEmpty else { return nil }
  }
}
