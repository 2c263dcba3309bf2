import Journal
import Linux
import Uplink

/// What the journal's task and the uplink inherit, beside the arena: made before the first fork,
/// and open as long as the gateway.
struct JournalDescriptors: ~Copyable {
  let folder: JournalFolder
  /// What the pipeline rings.
  let journalWaker: EventCounter
  /// What the journal rings.
  let uplinkWaker: EventCounter
  /// What stands in for the journal's file where that can't be used.
  private let memory: FileDescriptor
  private let openFolder: FileDescriptor

  /// `state` is the folder of what must survive a restart.
  init(state: String) throws(SystemError) {
    var folder = JournalFolder(inState: state)
    // All before `self` begins, so that a failure leaves nothing half made.
    let journalWaker = try EventCounter()
    let uplinkWaker = try EventCounter()
    let memory = try FileDescriptor(inMemory: "weir-journal")
    // Where there is no folder any other does: the journal then says what is wrong.
    System.makeFolder(folder.path)
    let openFolder = try FileDescriptor(
      opening: fileExists(folder.path) ? folder.path : "/", [.readOnly, .directory])
    folder.descriptor = openFolder.number
    self.folder = folder
    self.journalWaker = journalWaker
    self.uplinkWaker = uplinkWaker
    self.memory = memory
    self.openFolder = openFolder
  }

  /// What the two tasks share of the arena, and where the journal is.
  func share(
    _ arena: borrowing GatewayArena, _ keys: borrowing JournalKeys
  ) -> JournalShare {
    var source = JournalSource(
      path: folder.log, folder: folder.descriptor, memory: memory.number)
    source.keys = keys.secrecy.keys
    return JournalShare(
      source: source,
      board: arena.journalBoard, fileMarks: arena.fileMarks, memoryMarks: arena.memoryMarks)
  }

  /// What the uplink keeps of them.
  var ofUplink: [Int32] {
    [uplinkWaker.descriptor.number, memory.number, folder.descriptor]
  }

  /// What the journal's task keeps of them.
  var ofJournal: [Int32] { ofUplink + [journalWaker.descriptor.number] }
}
