import CLinux

extension FileDescriptor {
  /// Makes a file of `byteCount` zeroes that are on the medium: later writes into it change no
  /// metadata. A file that is there already keeps what it holds and only grows.
  public init(
    preallocating path: String, byteCount: Int64, progress: () -> Void = {}
  ) throws(SystemError) {
    let file = try FileDescriptor(opening: path, [.readWrite, .create], mode: 0o644)
    try file.grow(to: byteCount, progress: progress)
    self.init(owning: file.release())
  }

  /// Appends zeroes up to `byteCount`, and waits until they are on the medium. A larger file stays
  /// as it is. `progress` is called before each piece of 64 KiB, and before the wait.
  public func grow(to byteCount: Int64, progress: () -> Void = {}) throws(SystemError) {
    var end = try fileByteCount()
    // The room first, so that a full file system is met at once. posix_fallocate returns its error.
    let failure = end < byteCount ? posix_fallocate(number, 0, Int(byteCount)) : 0
    guard failure == 0 else { throw SystemError("posix_fallocate", Errno(rawValue: failure)) }
    let zeroes = [UInt8](repeating: 0, count: 1 << 16)
    while end < byteCount {
      progress()
      let count = min(Int64(zeroes.count), byteCount - end)
      try write(count == zeroes.count ? zeroes : Array(zeroes[..<Int(count)]), at: end)
      end += count
    }
    progress()
    try synchronize()
  }

  /// Another descriptor of the same open file (fcntl(2)).
  public init(duplicating number: Int32) throws(SystemError) {
    let copy = weir_duplicate(number)
    guard copy >= 0 else { throw .last("fcntl F_DUPFD_CLOEXEC") }
    self.init(owning: copy)
  }

  /// A file that lies in memory alone, empty (memfd_create(2)); `name` is what /proc shows.
  public init(inMemory name: StaticString) throws(SystemError) {
    precondition(name.hasPointerRepresentation)
    // Safe: a literal lives for ever, and is terminated.
    let number = unsafe name.utf8Start.withMemoryRebound(
      to: CChar.self, capacity: name.utf8CodeUnitCount + 1
    ) { unsafe weir_memory_file($0) }
    guard number >= 0 else { throw .last("memfd_create") }
    self.init(owning: number)
  }

  /// Makes the file that long; what is new reads as zeroes, and takes no room yet (ftruncate(2)).
  public func resize(to byteCount: Int64) throws(SystemError) {
    guard ftruncate(number, Int(byteCount)) == 0 else { throw .last("ftruncate") }
  }

  /// The size of a file, in bytes; a folder, a pipe or a device fails with EINVAL.
  public func fileByteCount() throws(SystemError) -> Int64 {
    var status = stat()
    // Safe: the structure outlives the call.
    guard unsafe fstat(number, &status) == 0 else { throw .last("fstat") }
    guard status.st_mode & UInt32(S_IFMT) == UInt32(S_IFREG) else {
      throw SystemError("fstat", Errno(rawValue: EINVAL))
    }
    return Int64(status.st_size)
  }
}

/// Renames a file, so that a power cut leaves one name or the other: rename, fsync the folder.
public func moveFile(_ path: String, to target: String) throws(SystemError) {
  // Safe: both pointers are used only during the call.
  let renamed = unsafe path.withCString { from in
    unsafe target.withCString { to in unsafe rename(from, to) }
  }
  guard renamed == 0 else { throw .last("rename") }
  let folder = try FileDescriptor(opening: parentFolder(of: target), [.readOnly, .directory])
  try folder.synchronize()
}

/// Moves a file out of the way, to PATH.damaged-N with the first N from 1 to 99 that is free; then
/// over the last of them. Returns the new name.
public func setAside(_ path: String) throws(SystemError) -> String {
  var number = 1
  while number < 99, fileExists("\(path).damaged-\(number)") { number += 1 }
  let target = "\(path).damaged-\(number)"
  try moveFile(path, to: target)
  return target
}
