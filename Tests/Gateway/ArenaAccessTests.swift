// Invariants checked, in real children that give up what is not theirs:
// - areas lie on whole pages that no two share, and cover the arena;
// - each task can write exactly the areas that the table of GatewayArena gives it; a write to any
//   other, and a read of what it may not see, ends it with SIGSEGV;
// - with nothing but those rights, a reading goes from a sense task through the pipeline to the
//   journal's end of the ring of events.

import Configuration
import Glibc
import Journal
import Linux
import Ring
import Signal
import Testing

@testable import weir

private let senseCount = 3

private func makeArena() throws -> GatewayArena {
  try GatewayArena(
    senseTitles: (0..<senseCount).map { "sense@\($0)" },
    readingCapacities: Array(repeating: 1024, count: senseCount), senseStateByteCount: 500,
    plan: makePipelinePlan([ChannelSettings(name: "a", unit: "", stages: [])]), eventCapacity: 64)
}

/// Runs `body` in a child; returns the signal that ended it, or nil if it ended by itself with 0.
private func signalOfChild(_ body: () -> Void) throws -> Int32? {
  switch try forkProcess() {
  case .child:
    // Without the report that Swift's runtime would write of it.
    signal(SIGSEGV, SIG_DFL)
    body()
    _exit(0)
  case .parent(let process):
    var status: Int32 = 0
    // Safe: the status outlives the call.
    let ended = unsafe waitpid(process.number, &status, 0)
    #expect(ended == process.number)
    return status == 0 ? nil : status & 0x7f == 0 ? -(status >> 8) : status & 0x7f
  }
}

private func applyAll(_ access: [MemoryAccess]) {
  for area in access {
    do {
      try area.apply()
    } catch {
      _exit(9)
    }
  }
}

@Suite(.serialized) struct ArenaAccessTests {
  private var tasks: [ArenaTask] {
    (0..<senseCount).map { .sense($0) } + [.pipeline, .journal, .uplink]
  }

  @Test func areasAreWholePagesAndDisjoint() throws {
    let arena = try makeArena()
    let page = UInt(System.pageByteCount)
    let areas = arena.access(of: .pipeline)
    var end = areas[0].address
    for area in areas {
      #expect(area.address % page == 0 && UInt(area.byteCount) % page == 0 && area.byteCount > 0)
      #expect(area.address == end)
      end = area.address + UInt(area.byteCount)
    }
  }

  @Test func everyTaskWritesOnlyWhatIsItsOwn() throws {
    let arena = try makeArena()
    for task in tasks {
      let access = arena.access(of: task)
      #expect(access.contains { $0.kind == .readWrite })
      for (index, area) in access.enumerated() {
        // Safe, in both: if the child may not, that is what is tested.
        let reading = try signalOfChild {
          applyAll(access)
          _ = unsafe UnsafePointer<UInt64>(bitPattern: area.address)?.pointee
        }
        let writing = try signalOfChild {
          applyAll(access)
          unsafe UnsafeMutablePointer<UInt64>(bitPattern: area.address)?.pointee = 0
        }
        #expect(reading == (area.kind == .none ? SIGSEGV : nil), "\(task), area \(index)")
        #expect(writing == (area.kind == .readWrite ? nil : SIGSEGV), "\(task), area \(index)")
      }
    }
  }

  @Test func theUplinkSeesNoSensorsAndNoStateOfTheFilters() throws {
    let arena = try makeArena()
    let access = arena.access(of: .uplink)
    func kind(_ pointer: UnsafeRawPointer) -> MemoryAccess.Kind? {
      let address = UInt(bitPattern: pointer)
      return access.first { $0.address <= address && address < $0.address + UInt($0.byteCount) }?
        .kind
    }
    // Safe: only the address is used.
    #expect(unsafe kind(UnsafeRawPointer(arena.pipelineDoorbell.word)) == MemoryAccess.Kind.none)
    #expect(unsafe kind(UnsafeRawPointer(arena.uplinkDoorbell.word)) == .readWrite)
    let kinds = access.map(\.kind)
    // Its own slot and its bell; the slots of the others, what the supervisor says, and the events.
    #expect(kinds.count { $0 == .readWrite } == 2)
    #expect(kinds.count { $0 == .readOnly } == senseCount + 4)
    #expect(kinds.count { $0 == .none } == senseCount + 3)
  }

  @Test func theTasksWorkWithNothingElse() throws {
    let arena = try makeArena()
    let plan = makePipelinePlan([ChannelSettings(name: "a", unit: "", stages: [])])
    let context = PipelineContext(
      plan: plan, inputs: arena.senseRings, output: arena.events, cell: arena.pipelineCell,
      doorbell: arena.pipelineDoorbell, journalDoorbell: arena.journalDoorbell, wakeJournal: {},
      overload: arena.overload, slot: arena.pipelineSlot)
    let sensing = try signalOfChild {
      applyAll(arena.access(of: .sense(1)))
      arena.senseSlots[1].beatTime = 7
      if arena.overload.level != 0 { _exit(1) }
      var producer = Producer(arena.senseRings[1])
      if !producer.push(Reading(time: 1, sequence: 0, value: 20, channel: 0)) { _exit(1) }
      _ = arena.pipelineDoorbell.needsRing()
      var ledger = Committer(arena.senseCells[1])
      ledger.store(UInt64(9), at: 8)
    }
    #expect(sensing == nil)
    let working = try signalOfChild {
      applyAll(arena.access(of: .pipeline))
      var task = PipelineTask(context)
      task.turn()
      arena.overload.level = 2
    }
    #expect(working == nil)
    let sending = try signalOfChild {
      applyAll(arena.access(of: .journal))
      arena.journalDoorbell.arm()
      arena.journalSlot.beatTime = 8
      var consumer = Consumer(arena.events)
      if consumer.pop()?.value != 20 { _exit(1) }
      arena.journalBoard.medium = .file
      arena.journalNotes[0] = 5
      _ = arena.uplinkDoorbell.needsRing()
    }
    #expect(sending == nil)
    let uplinking = try signalOfChild {
      applyAll(arena.access(of: .uplink))
      arena.uplinkDoorbell.arm()
      arena.uplinkSlot.beatTime = 9
      if arena.journalBoard.medium != .file || arena.journalNotes[0] != 5 { _exit(1) }
      if arena.events.head.load() != 1 || arena.events.tail.load() != 1 { _exit(1) }
      arena.fileMarks.acknowledged.show(Mark(ordinal: 1, epoch: 1, sequence: 0), of: .telemetry)
    }
    #expect(uplinking == nil)
    #expect(arena.senseRings[1].count == 0 && arena.events.count == 0)
  }
}
