import Linux
import Ring

/// Keeps a pair of certificate and key that a broker has accepted. The uplink, which may write no
/// file, shows in the arena which one; the supervisor asks for the keeper, whose step is `keep`.
public final class CredentialKeeper {
  private let note: AcceptedPair
  private let configured: CredentialPair
  private let state: String
  /// To whom the file belongs; nil for whoever writes it.
  private let user: UInt32?
  private var askedDigest: UInt64 = 0

  public init(_ note: AcceptedPair, configured: CredentialPair, state: String, user: UInt32?) {
    self.note = note
    self.configured = configured
    self.state = state
    self.user = user
  }

  /// Once for each pair that the uplink shows.
  public func wantsKeeper() -> Bool {
    let digest = note.digest
    guard digest != 0, digest != askedDigest else { return false }
    askedDigest = digest
    return true
  }

  /// The keeper's step. False when it failed and is to be tried again.
  public func keep() -> Bool {
    let digest = note.digest
    let file = KeptPair.file(inState: state)
    guard digest != 0, KeptPair(file: file)?.digest != digest else { return true }
    do throws(SystemError) {
      let texts = try CredentialTexts(configured.next)
      // Replaced since: then it is another one that will be tried, and kept if it is accepted.
      guard texts.digest == digest else { return true }
      var replaced: UInt64 = 0
      do throws(SystemError) {
        replaced = try CredentialTexts(configured).digest
      } catch {
        // The configured pair is gone: then nothing else can be newer.
      }
      try write(KeptPair.bytes(texts, replaced: replaced), to: file)
      Log.notice(
        "the broker has accepted the next certificate: it is kept, and used from now on; "
          + "\(configured.next.certificateFile) and its key can take the place of those before")
      return true
    } catch {
      Log.warning("the next certificate can't be kept: \(file): \(error.call): \(error.text)")
      return false
    }
  }

  /// As `replaceFile`, readable by its user alone from its first byte on.
  private func write(_ bytes: [UInt8], to path: String) throws(SystemError) {
    let temporary = path + ".new"
    removeFile(temporary)
    do {
      let file = try FileDescriptor(
        opening: temporary, [.writeOnly, .create, .exclusive], mode: 0o600)
      try file.write(all: bytes)
      if let user { try System.give(temporary, to: user) }
      try file.synchronize()
    }
    try moveFile(temporary, to: path)
  }
}
