import Configuration
import Linux

/// A client certificate and its key: both may be in one file.
public struct CredentialPair: Equatable, Sendable {
  public var certificateFile: String
  public var keyFile: String

  public init(certificateFile: String, keyFile: String) {
    self.certificateFile = certificateFile
    self.keyFile = keyFile
  }

  /// The pair that is to follow it: the files beside it, with `.next` at the end of their names.
  public var next: CredentialPair {
    CredentialPair(certificateFile: certificateFile + ".next", keyFile: keyFile + ".next")
  }

  /// Whether any of the two files is there.
  public var isThere: Bool { fileExists(certificateFile) || fileExists(keyFile) }
}

/// What two files of a pair hold.
public struct CredentialTexts: Equatable, Sendable {
  public var certificate: [UInt8]
  public var key: [UInt8]

  public init(_ pair: CredentialPair) throws(SystemError) {
    certificate = try readFile(pair.certificateFile, limit: certificateByteCountMax)
    key = try readFile(pair.keyFile, limit: certificateByteCountMax)
  }

  /// What tells this pair from others, never 0: FNV-1a of both, 64 bits. Both files are the
  /// owner's, so nobody gains by two pairs with the same one.
  public var digest: UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    for byte in certificate { add(byte) }
    add(0)
    for byte in key { add(byte) }
    return hash == 0 ? 1 : hash
  }
}

/// The pair that a broker has accepted in the place of the configured one, in one file, so that a
/// power cut leaves the old pair or the new one, never halves of both:
///
/// | part | content |
/// | --- | --- |
/// | first line | `weir-pair 1 DIGEST REPLACED`: of this pair, and of the configured pair whose place it takes, as 16 hexadecimal digits each |
/// | then | the certificates, as they were in their file |
/// | then | the key, as it was in its file |
///
/// OpenSSL passes over the first line (PEM_read_bio(3)), so the file is both files of a pair.
public struct KeptPair: Equatable, Sendable {
  public let digest: UInt64
  /// While the configured files hold another pair, that one is newer than this.
  public let replaced: UInt64

  /// In the folder of what must survive a restart.
  public static func folder(inState state: String) -> String { state + "/credentials" }
  public static func file(inState state: String) -> String { folder(inState: state) + "/pair.pem" }

  /// Nil for a file that is not there, or is none of ours.
  public init?(file: String) {
    let text: [UInt8]
    do {
      text = try readFile(file, limit: 3 * certificateByteCountMax)
    } catch {
      return nil
    }
    let words = text.prefix { $0 != 0x0a }.split(separator: 0x20)
    guard words.count == 4, words[0].elementsEqual("weir-pair".utf8),
      words[1].elementsEqual("1".utf8), let digest = Self.number(words[2]),
      let replaced = Self.number(words[3])
    else { return nil }
    self.digest = digest
    self.replaced = replaced
  }

  /// What the file holds.
  public static func bytes(_ texts: CredentialTexts, replaced: UInt64) -> [UInt8] {
    let line = "weir-pair 1 " + digits(texts.digest) + " " + digits(replaced) + "\n"
    return Array(line.utf8) + texts.certificate + [0x0a] + texts.key
  }

  private static func digits(_ number: UInt64) -> String {
    let text = String(number, radix: 16)
    return String(decoding: [UInt8](repeating: 0x30, count: 16 - text.utf8.count), as: UTF8.self)
      + text
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
    guard digits.count == 16 else { return nil }
    var number: UInt64 = 0
    for digit in digits {
      switch digit {
      case 0x30...0x39: number = number << 4 | UInt64(digit - 0x30)
      case 0x61...0x66: number = number << 4 | UInt64(digit - 0x57)
      default: return nil
      }
    }
    return number
  }
}
