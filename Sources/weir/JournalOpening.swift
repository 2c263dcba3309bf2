import Journal
import JournalFile
import Linux
import Ring
import Uplink

/// So long a full card is given to grow: the first boot of a new card takes that time.
private let growthPatience: Int64 = 60_000_000_000
/// To read or write 64 KiB, on a card that is busy with itself.
let pieceLimit: Int64 = 2_000_000_000
/// To wait until all zeroes of a new journal are on a slow card.
private let makingLimit: Int64 = 110_000_000_000

/// Opens the journal's file, or what stands in for it: a smaller file, or memory. It ends the
/// process only where the next life may do better.
func openJournal(_ context: JournalContext) -> JournalFile {
  let share = context.share
  func beat(_ limit: Int64) {
    context.slot.beat(
      step: JournalStep.opening.rawValue, now: Clock.boot(),
      within: max(limit, context.deadline))
  }
  beat(pieceLimit)
  if share.board.medium == .memory { return openMemory(context) }
  let path = share.source.path
  if case .refused(let reason) = context.secrecy {
    Log.error(
      "\(reason); \(path) is left alone, events are kept in memory, and lost when the power fails")
    share.board.medium = .memory
    return openMemory(context)
  }
  if !fileExists(path) {
    Log.notice("making the journal \(path), \(megabytes(context.geometry)) MB")
  }
  let patienceEnd = Clock.boot() + growthPatience
  var geometry = context.geometry
  // Each turn waits a second, or halves the size: 16 GiB are halved 14 times.
  for _ in 0..<200 {
    beat(pieceLimit)
    do throws(JournalFileError) {
      let file = try JournalFile.open(path, geometry: geometry) { beat(makingLimit) }
      if let note = file.note { Log.notice(note) }
      share.board.medium = .file
      return file
    } catch {
      guard case .system(let reason) = error, reason.number == .noSpace else {
        Log.error(
          "\(error.text(path)); events are kept in memory, and lost when the power fails")
        break
      }
      if Clock.boot() < patienceEnd, parentHasRoomToGrow {
        Futex.pause(nanoseconds: 1_000_000_000)
        continue
      }
      guard let half = Geometry(byteCount: geometry.byteCount / 2) else {
        Log.error("\(path): no room for even 1 MiB; events are kept in memory")
        break
      }
      Log.warning("\(path): no room for \(megabytes(geometry)) MB; trying half of it")
      geometry = half
    }
  }
  share.board.medium = .memory
  return openMemory(context)
}

/// Whether the file system may become larger by itself: only where this program is PID 1.
private var parentHasRoomToGrow: Bool { ProcessID.parent.number == 1 }

/// The size as one configures it.
private func megabytes(_ geometry: Geometry) -> Int64 { (geometry.byteCount + 500_000) / 1_000_000 }

private func openMemory(_ context: JournalContext) -> JournalFile {
  // The smallest size is within the limits.
  guard let geometry = Geometry(byteCount: Geometry.byteCountMin + Geometry.dataOffset) else {
    preconditionFailure("no geometry of the smallest size")
  }
  do throws(JournalFileError) {
    return try JournalFile.open(memory: context.share.source.memory, geometry: geometry)
  } catch {
    Log.error("no journal, not even in memory: \(error.text("memory"))")
    exitProcess(71)
  }
}
