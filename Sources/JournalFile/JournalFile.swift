// JournalFile: how a file becomes a journal, and what happens to one that can't be. It owns names
// and memory, and runs at start only. The journal itself is in the module Journal, which knows
// neither.

import Journal
import Linux

/// Why there is no journal. A damaged file is no reason: it is set aside, and a new one begun.
public enum JournalFileError: Error, Sendable {
  /// The system refused a call on the file.
  case system(SystemError)
  /// Another process writes to the file.
  case busy
  /// The file can't be opened as a journal: of a new one, the medium fails.
  case open(JournalOpenError)
}

/// A journal's file, open and of its full size.
public struct JournalFile: ~Copyable {
  public let geometry: Geometry
  /// What somebody should know of the file, in words: that it is new, that another was set aside.
  public let note: String?
  private let storage: FileStorage

  private init(_ storage: consuming FileStorage, _ geometry: Geometry, note: String?) {
    self.storage = storage
    self.geometry = geometry
    self.note = note
  }

  /// Gives up the file for its storage.
  public consuming func take() -> FileStorage { storage }

  /// Opens the journal at `path` for writing, and locks it for this process and its children; makes
  /// one of `geometry` where there is none. One that is there keeps the geometry that it was made
  /// with. One that can't be read is moved to PATH.damaged-N, and a new one made.
  /// `progress` is called often while zeroes are written.
  public static func open(
    _ path: String, geometry: Geometry, progress: () -> Void = {}
  ) throws(JournalFileError) -> JournalFile {
    // Only what is surely not there is made: a file that can't be reached must not be replaced.
    guard try isThere(path) else {
      return try make(path, geometry, note: "\(path) is new", progress)
    }
    var storage = try locked(path)
    let memory = JournalMemory(byteCount: 512)
    let reason: JournalOpenError
    do throws(JournalOpenError) {
      let found = try Journal.inspect(&storage, scratch: memory.bytes)
      let note = found == geometry ? nil : "\(path) keeps the size that it was made with"
      return JournalFile(storage, found, note: note)
    } catch {
      reason = error
    }
    if case .tooShort(let needed, _) = reason, needed <= largestRepair {
      // What was cut off is blank from now on, and is read as gaps.
      return try grown(storage, path, to: needed)
    }
    let target = try systemCall { () throws(SystemError) in try setAside(path) }
    return try make(
      path, geometry, note: "\(path) \(reason.text); it is kept as \(target), and a new one begun",
      progress)
  }

  /// Opens the journal at `path` for reading, also while another process writes to it.
  public static func read(_ path: String) throws(JournalFileError) -> JournalFile {
    try read(
      systemCall { () throws(SystemError) in try FileDescriptor(opening: path, .readOnly) })
  }

  /// Opens the journal `name` for reading, in a folder that is open.
  public static func read(_ name: String, in folder: Int32) throws(JournalFileError) -> JournalFile
  {
    try read(
      systemCall { () throws(SystemError) in
        try FileDescriptor(opening: name, in: folder, .readOnly)
      })
  }

  private static func read(_ file: consuming FileDescriptor) throws(JournalFileError) -> JournalFile
  {
    let byteCount = try byteCount(of: file)
    var storage = FileStorage(file, byteCount: byteCount)
    let memory = JournalMemory(byteCount: 512)
    let geometry = try inspect(&storage, memory)
    return JournalFile(storage, geometry, note: nil)
  }

  private static func byteCount(
    of file: borrowing FileDescriptor
  ) throws(JournalFileError) -> Int64 {
    do throws(SystemError) {
      return try file.fileByteCount()
    } catch {
      throw .system(error)
    }
  }

  /// Opens the journal in the memory behind a descriptor (memfd_create(2)), which this process has
  /// inherited; makes one of `geometry` where there is none.
  public static func open(
    memory: Int32, geometry: Geometry
  ) throws(JournalFileError) -> JournalFile {
    let file = try systemCall { () throws(SystemError) in try FileDescriptor(duplicating: memory) }
    if try systemCall({ () throws(SystemError) in try file.fileByteCount() }) > 0 {
      return try read(file)
    }
    try systemCall { () throws(SystemError) in try file.resize(to: geometry.byteCount) }
    return try format(file, geometry, note: nil)
  }

  /// Opens the journal in the memory behind a descriptor for reading.
  public static func read(memory: Int32) throws(JournalFileError) -> JournalFile {
    try read(systemCall { () throws(SystemError) in try FileDescriptor(duplicating: memory) })
  }

  /// The last epoch that was begun in the journal at `path`, or one more where one of the two
  /// places that say it can't be read. A look at two blocks.
  public static func lastEpoch(_ path: String) throws(JournalFileError) -> UInt64 {
    var storage = try read(path).take()
    let memory = JournalMemory(byteCount: 512)
    do throws(JournalOpenError) {
      return try Journal.lastEpoch(&storage, scratch: memory.bytes)
    } catch {
      throw .open(error)
    }
  }

  /// A superblock that is whole and asks for more than this is taken for damage.
  private static var largestRepair: Int64 { 1 << 32 }

  private static func inspect(
    _ storage: inout FileStorage, _ memory: borrowing JournalMemory
  ) throws(JournalFileError) -> Geometry {
    do throws(JournalOpenError) {
      return try Journal.inspect(&storage, scratch: memory.bytes)
    } catch {
      throw .open(error)
    }
  }

  private static func isThere(_ path: String) throws(JournalFileError) -> Bool {
    do throws(SystemError) {
      _ = try FileDescriptor(opening: path, .readOnly)
      return true
    } catch {
      if error.number == .notFound { return false }
      throw .system(error)
    }
  }

  private static func locked(_ path: String) throws(JournalFileError) -> FileStorage {
    let file = try systemCall { () throws(SystemError) in
      try FileDescriptor(opening: path, .readWrite)
    }
    let byteCount = try systemCall { () throws(SystemError) in try file.fileByteCount() }
    guard try systemCall({ () throws(SystemError) in try file.lockExclusively() }) else {
      throw .busy
    }
    return FileStorage(file, byteCount: byteCount)
  }

  private static func grown(
    _ short: consuming FileStorage, _ path: String, to byteCount: Int64
  ) throws(JournalFileError) -> JournalFile {
    let file = short.release()
    try systemCall { () throws(SystemError) in try file.grow(to: byteCount) }
    var storage = FileStorage(file, byteCount: byteCount)
    let geometry = try inspect(&storage, JournalMemory(byteCount: 512))
    return JournalFile(storage, geometry, note: "\(path) had been cut off; it is whole again")
  }

  /// Makes the file under another name, and gives it its own when it is a journal: a power cut
  /// leaves none, or a whole one.
  private static func make(
    _ path: String, _ geometry: Geometry, note: String, _ progress: () -> Void
  ) throws(JournalFileError) -> JournalFile {
    let temporary = path + ".new"
    let file = try systemCall { () throws(SystemError) in
      try FileDescriptor(
        preallocating: temporary, byteCount: geometry.byteCount, progress: progress)
    }
    guard try systemCall({ () throws(SystemError) in try file.lockExclusively() }) else {
      throw .busy
    }
    let made = try format(file, geometry, note: note)
    try systemCall { () throws(SystemError) in try moveFile(temporary, to: path) }
    return made
  }

  private static func format(
    _ file: consuming FileDescriptor, _ geometry: Geometry, note: String?
  ) throws(JournalFileError) -> JournalFile {
    var storage = FileStorage(file, byteCount: geometry.byteCount)
    let memory = JournalMemory(byteCount: 512)
    do throws(JournalOpenError) {
      try Journal.format(
        &storage, geometry: geometry, identity: randomSeed() | 1, time: Clock.real(),
        scratch: memory.bytes)
    } catch {
      throw .open(error)
    }
    return JournalFile(storage, geometry, note: note)
  }
}

/// A call of the system as an error of this module.
private func systemCall<T: ~Copyable>(
  _ call: () throws(SystemError) -> T
) throws(JournalFileError) -> T {
  do throws(SystemError) {
    return try call()
  } catch {
    throw .system(error)
  }
}
