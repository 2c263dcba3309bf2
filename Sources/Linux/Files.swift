import CLinux

/// Reads a whole file of at most `limit` bytes; a longer one fails with EFBIG, a directory with
/// EISDIR.
public func readFile(_ path: String, limit: Int = 1 << 20) throws(SystemError) -> [UInt8] {
  let file = try FileDescriptor(opening: path, .readOnly)
  var content: [UInt8] = []
  var block = [UInt8](repeating: 0, count: 4096)
  while content.count <= limit {
    let count = try file.read(into: &block)
    if count == 0 { return content }
    content.append(contentsOf: block[0..<count])
  }
  throw SystemError("read", .tooBig)
}

/// Replaces a small file so that a power cut leaves the old content or the new, never a mixture:
/// write beside it, fsync, rename, fsync the folder.
///
/// After a cut before the rename the old file stands (and a leftover `.new`, overwritten next
/// time); after it the new one, whose data was synced before.
public func replaceFile(
  _ path: String, with content: [UInt8], mode: UInt32 = 0o644
) throws(SystemError) {
  let temporary = path + ".new"
  do {
    let file = try FileDescriptor(
      opening: temporary, [.writeOnly, .create, .truncate], mode: mode)
    try file.write(all: content)
    try file.synchronize()
  }
  // Safe: both pointers are used only during the call.
  let renamed = unsafe temporary.withCString { from in
    unsafe path.withCString { to in unsafe rename(from, to) }
  }
  guard renamed == 0 else { throw .last("rename") }
  let folder = try FileDescriptor(opening: parentFolder(of: path), [.readOnly, .directory])
  try folder.synchronize()
}

/// The folder that holds `path`: "/a" for "/a/b", "." for "b".
public func parentFolder(of path: String) -> String {
  let bytes = Array(path.utf8)
  guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return "." }
  if slash == 0 { return "/" }
  return String(decoding: bytes[0..<slash], as: UTF8.self)
}

/// Whether something exists at `path` (access(2) with F_OK).
public func fileExists(_ path: String) -> Bool {
  // Safe: the pointer is used only during the call.
  unsafe path.withCString { unsafe access($0, F_OK) } == 0
}
