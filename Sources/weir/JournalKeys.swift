import Configuration
import Journal
import JournalFile
import Linux
import Supervision

/// Whether the journal's file is sealed.
enum JournalSecrecy {
  /// Nothing is said of keys: it is in the clear.
  case open
  case keys(SealKeys)
  /// What is said can't be done, for this reason: then nothing is written to the file, neither in
  /// the clear nor over what is sealed there.
  case refused(String)

  /// What opens blocks, and perhaps seals them.
  var keys: SealKeys? {
    if case .keys(let keys) = self { keys } else { nil }
  }
}

/// The keys that a configuration names: read once, before the first fork, and kept as long as the
/// gateway. To change them, the gateway is started again.
struct JournalKeys: ~Copyable {
  let secrecy: JournalSecrecy
  private let vault: KeyVault

  init(_ settings: EncryptionSettings?) throws(SystemError) {
    var vault = try KeyVault()
    secrecy = Self.read(settings, into: &vault)
    self.vault = vault
  }

  private static func read(
    _ settings: EncryptionSettings?, into vault: inout KeyVault
  ) -> JournalSecrecy {
    guard let settings else { return .open }
    if settings.isBroken { return .refused("journal.encryption has errors") }
    for source in [settings.key].compactMap({ $0 }) + settings.oldKeys {
      if let problem = add(source, to: &vault) { return .refused(problem) }
    }
    guard let keys = vault.keys(seals: settings.key != nil) else {
      return .refused("journal.encryption names no key")
    }
    return .keys(keys)
  }

  /// What is wrong with a key; nil for nothing.
  private static func add(_ source: KeySource, to vault: inout KeyVault) -> String? {
    let path: String
    var isGuarded = false
    switch source {
    case .file(let name): path = name
    case .credential(let name):
      guard let folder = environmentValue("CREDENTIALS_DIRECTORY") else {
        return "there is no credential \(name), because systemd has given none: add "
          + "LoadCredential=\(name):FILE to the service, or name a file"
      }
      path = folder + "/" + name
      isGuarded = true
    }
    do throws(KeyFileError) {
      try vault.add(path, isGuarded: isGuarded)
      return nil
    } catch {
      return error.text(path)
    }
  }

  /// What a task keeps of the page with the keys.
  func access(_ kind: MemoryAccess.Kind) -> [MemoryAccess] { [vault.access(kind)] }
}
