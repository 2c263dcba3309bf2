import CLinux

/// Reads a whole file of at most `limit` bytes; a longer one fails with EFBIG, a directory with
/// EISDIR.
public func readFile(_ path: String, limit: Int = 1 << 20) throws(SystemError) -> [UInt8] {
  try readAll(FileDescriptor(opening: path, .readOnly), limit: limit)
}

/// The same of a file in a folder that is open.
public func readFile(
  _ name: String, in folder: Int32, limit: Int = 1 << 20
) throws(SystemError) -> [UInt8] {
  try readAll(FileDescriptor(opening: name, in: folder, .readOnly), limit: limit)
}

private func readAll(
  _ file: borrowing FileDescriptor, limit: Int
) throws(SystemError) -> [UInt8] {
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
  try moveFile(temporary, to: path)
}

/// Removes a file, if it is there (unlink(2)). That it can't be removed hurts nobody.
public func removeFile(_ path: String) {
  // Safe: the pointer is used only during the call.
  _ = unsafe path.withCString { unsafe unlink($0) }
}

/// The folder that holds `path`: "/a" for "/a/b", "." for "b".
public func parentFolder(of path: String) -> String {
  let bytes = Array(path.utf8)
  guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return "." }
  if slash == 0 { return "/" }
  return String(decoding: bytes[0..<slash], as: UTF8.self)
}

/// Whether something exists at `path`, as far as this process can see (stat(2), because access(2)
/// does not count capabilities).
public func fileExists(_ path: String) -> Bool {
  var status = stat()
  // Safe: the pointers are used only during the call.
  return unsafe path.withCString { unsafe stat($0, &status) } == 0
}
