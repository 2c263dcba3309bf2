import Foundation

/// A file system for a gateway's state folder, in a mount namespace that ends with the gateway.
public enum Card {
  /// So many bytes of memory.
  case memory(byteCount: Int)
  /// An ext4 file system in a file, so large, which can stand still.
  case disk(byteCount: Int)

  /// The command that mounts it, but for the place.
  func mount(in folder: Folder) throws -> String {
    switch self {
    case .memory(let byteCount): return "mount -t tmpfs -o size=\(byteCount),mode=700 none"
    case .disk(let byteCount):
      let image = try folder.write("", to: "card")
      try FileHandle(forWritingTo: URL(fileURLWithPath: image)).truncate(
        atOffset: UInt64(byteCount))
      let ending = try run("mkfs.ext4", ["-q", image], in: folder)
      guard ending == .exited(0) else { throw DriverFailure("mkfs.ext4: \(ending)") }
      return "mount -o loop '\(image)'"
    }
  }
}

extension Gateway {
  /// Runs `body` while the file system that holds the state folder stands still: who writes to it
  /// waits in the kernel, as for a card that is busy with itself (FIFREEZE, ioctl_fs(2)).
  public func whileFrozen(_ body: () throws -> Void) throws {
    // As the gateway sees it: nobody else does.
    let path = "/proc/\(program.process)/root" + statePath
    let folder = try Folder()
    func fsfreeze(_ option: String) throws {
      let ending = try run("fsfreeze", [option, path], in: folder)
      guard ending == .exited(0) else { throw DriverFailure("fsfreeze \(option): \(ending)") }
    }
    try fsfreeze("--freeze")
    do {
      try body()
    } catch {
      try fsfreeze("--unfreeze")
      throw error
    }
    try fsfreeze("--unfreeze")
  }
}
