import Journal
import Linux

extension JournalOpenError {
  /// What is wrong with a file, to follow its name.
  public var text: String {
    switch self {
    case .noSuperblock: "is no journal, or both copies of its superblock are damaged"
    case .unknownVersion(let version):
      "is a journal of version \(version), which this program does not know"
    case .geometry: "has a superblock that no journal can have"
    case .tooShort(let needed, let byteCount):
      "has \(byteCount) bytes, but its superblock says \(needed): it was cut off"
    case .memory(let needed): "needs \(needed) bytes of memory, more than there are"
    case .epoch: "has no epoch to go on in"
    case .locked(let key):
      "is sealed with the key \(keyText(key)), which is not among those given; it is left alone: "
        + "name that key in journal.encryption, as 'key' or in 'old_keys' (`weir journal`: --key)"
    case .cipher: "can't be sealed: OpenSSL or the kernel's random numbers refuse"
    case .storage(let error): "can't be read or written: \(error.text)"
    }
  }
}

extension StorageError {
  /// The reason in words.
  public var text: String {
    switch self {
    case .failed: "the medium failed (EIO)"
    case .noSpace: "no room is left (ENOSPC)"
    case .readOnly: "the file system has become read-only (EROFS)"
    case .short(let byteCount): "only \(byteCount) bytes were moved"
    case .other(let number): Errno(rawValue: number).text
    }
  }
}

extension JournalFileError {
  /// What is wrong with the file `path`, in one line that ends in what to do where that is known.
  public func text(_ path: String) -> String {
    switch self {
    case .system(let error) where error.call.description == "fstat":
      "\(path): not a file"
    case .system(let error): "\(path): \(error.call.description): \(error.text)"
    case .busy: "\(path): another process writes to it; stop that one first"
    case .open(let error): "\(path): \(error.text)"
    }
  }
}
