import Beats
import CLinux
import Linux

/// Why the benchmark could not go on.
enum BenchFailure: Error {
  case interrupted
  case failed(String)
}

/// A new folder for the time of the run: the rivals' configurations, their logs, the file of beats.
func makeRunFolder() throws(BenchFailure) -> String {
  var template = Array("/tmp/weir-bench-XXXXXX".utf8) + [0]
  // Safe: the array ends in 0, outlives the call, and keeps its length.
  let isMade = unsafe template.withUnsafeMutableBytes { bytes in
    unsafe bench_make_folder(
      bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self)) == 0
  }
  guard isMade else { throw .failed("no folder in /tmp") }
  return String(decoding: template.dropLast(), as: UTF8.self)
}

/// Makes what a rival needs to supervise the tasks, and returns the command that starts it. Nil for
/// those that are part of this program.
func setUp(
  _ contender: Contender, in folder: String, task: String, beats: String
) throws(BenchFailure) -> [String]? {
  let own = folder + "/" + contender.name
  try makeFolder(own)
  switch contender {
  case .weir, .smallest, .smallestForking: return nil
  case .runit, .s6, .runitDirect, .s6Direct:
    for index in 0..<Int(bench_task_count) {
      let service = own + "/task\(index)"
      let place = contender.place(index)
      try makeFolder(service)
      if contender == .runit || contender == .s6 {
        try write("#!/bin/sh\nexec \(task) \(beats) \(place)\n", to: service + "/run", mode: 0o700)
      } else {
        try write("\(beats) \(place)\n", to: service + "/arguments", mode: 0o600)
        // Safe: the texts outlive the call.
        guard unsafe symlink(task, service + "/run") == 0 else { throw .failed("symlink failed") }
      }
    }
    let isRunit = contender == .runit || contender == .runitDirect
    return [isRunit ? "runsvdir" : "s6-svscan", own]
  case .supervisord: return try setUpSupervisord(own, task: task, beats: beats)
  case .monit: return try setUpMonit(own, task: task, beats: beats)
  }
}

private func setUpSupervisord(
  _ own: String, task: String, beats: String
) throws(BenchFailure) -> [String] {
  var text = "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\n"
  text += "pidfile=\(own)/pid\n"
  for index in 0..<Int(bench_task_count) {
    text += "[program:task\(index)]\nautorestart=true\n"
    text += "command=\(task) \(beats) \(Contender.supervisord.place(index))\n"
  }
  try write(text, to: own + "/conf", mode: 0o600)
  return ["supervisord", "-c", own + "/conf"]
}

/// One second is monit's shortest cycle. Its tasks touch a file at each beat: its way to notice a
/// hang is to look at a file's time, in whole seconds.
private func setUpMonit(
  _ own: String, task: String, beats: String
) throws(BenchFailure) -> [String] {
  var text = "set daemon 1\nset logfile \(own)/messages\nset pidfile \(own)/pid\n"
  text += "set idfile \(own)/id\nset statefile \(own)/state\n"
  for index in 0..<Int(bench_task_count) {
    let file = own + "/task\(index)"
    try write(
      "#!/bin/sh\n\(task) \(beats) \(Contender.monit.place(index)) \(file).beat "
        + "</dev/null >/dev/null 2>&1 &\necho $! >\(file).pid\n",
      to: file + ".start", mode: 0o700)
    try write(
      "#!/bin/sh\nkill -KILL \"$(cat \(file).pid)\"\n", to: file + ".kill", mode: 0o700)
    text += "check process task\(index) with pidfile \(file).pid\n"
    text += "  start program = \"\(file).start\"\n"
    text += "check file beat\(index) with path \(file).beat\n"
    text += "  if timestamp > 1 second then exec \"\(file).kill\"\n"
  }
  try write(text, to: own + "/conf", mode: 0o600)
  return ["monit", "-I", "-c", own + "/conf"]
}

private func makeFolder(_ path: String) throws(BenchFailure) {
  // Safe: the text outlives the call.
  guard unsafe mkdir(path, 0o700) == 0 else { throw .failed("mkdir \(path) failed") }
}

private func write(_ text: String, to path: String, mode: UInt32) throws(BenchFailure) {
  do throws(SystemError) {
    let file = try FileDescriptor(
      opening: path, [.writeOnly, .create, .exclusive], mode: mode)
    try file.write(all: Array(text.utf8))
  } catch {
    throw .failed("\(path): \(error.text)")
  }
}

/// Starts a program that is found in PATH, with its output in a log. Returns its number.
func startProgram(_ command: [String], log: String) throws(BenchFailure) -> Int32 {
  // The strings must stay in memory during the call, so they are copied into one block.
  var block: [UInt8] = []
  var starts: [Int] = []
  for word in command {
    starts.append(block.count)
    block.append(contentsOf: word.utf8)
    block.append(0)
  }
  // Safe: every pointer lies inside the block, which outlives the call; the list ends in nil.
  let number: Int32 = unsafe block.withUnsafeBytes { bytes in
    var pointers: [UnsafePointer<CChar>?] = unsafe []
    for start in starts {
      unsafe pointers.append(
        (bytes.baseAddress.unsafelyUnwrapped + start).assumingMemoryBound(to: CChar.self))
    }
    unsafe pointers.append(nil)
    return unsafe pointers.withUnsafeBufferPointer { unsafe bench_start($0.baseAddress, log) }
  }
  guard number > 0 else { throw .failed("fork failed") }
  return number
}
