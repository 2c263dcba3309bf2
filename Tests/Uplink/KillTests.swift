// Invariants:
// - an uplink process that is killed (SIGKILL) at any moment loses no event: the next one goes on
// at the oldest event that the broker had not acknowledged;
// - an uplink process that is asked to end (here by its stop descriptor) has sent what was
// durable.

import Drivers
import Journal
import Linux
import Ring
import Testing

@testable import Uplink

@Suite(.serialized) struct KillTests {
  /// A child that runs the uplink. It does nothing that needs this process's other threads.
  func start(_ context: UplinkContext) throws -> ProcessID {
    switch try forkProcess() {
    case .child:
      serveUplink(context, seed: randomSeed())
      exitProcess(0)
    case .parent(let process):
      return process
    }
  }

  /// Waits for the end of the child.
  func wait(_ process: ProcessID) -> Bool {
    waitUntil(seconds: 10) { isGone(process.number) ? true : nil } != nil
  }

  @Test func killedTwentyTimes() throws {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed \(seed)")
    var random = DeliveryTests.Random(state: seed)
    let broker = try Broker()
    try broker.start()
    let recorder = try Recorder(port: broker.port)
    var rig = try UplinkRig(broker.port)
    for _ in 0..<20 {
      let process = try start(rig.context)
      let before = rig.slot[.acknowledged]
      // Some acknowledged first, so that each life is worth something; then at a random moment.
      let target = UInt64(random.next(100))
      let isAlive = waitUntil(seconds: 20) {
        rig.produce(2)
        return rig.slot[.acknowledged] > before + target ? true : nil
      }
      #expect(isAlive != nil)
      rig.produce(20)
      Futex.pause(nanoseconds: Int64(random.next(3_000_000)))
      try sendSignal(Linux.Signal.kill, to: process)
      #expect(wait(process))
    }
    let last = try start(rig.context)
    // Nothing may be left already; only a session that is open can send what still comes.
    let isEmpty = waitUntil(seconds: 20) {
      rig.slot[.connects] == 21 && rig.isEmpty ? true : nil
    }
    #expect(isEmpty != nil)
    rig.produce(30)
    rig.stopCounter.signal()
    #expect(wait(last))
    let isAllThere = rig.isEmpty
    #expect(isAllThere)
    let count = rig.nextSequence
    _ = waitUntil(seconds: 10) { holes(recorder.sequences, count: count).isEmpty ? true : nil }
    #expect(holes(recorder.sequences, count: count) == [])
    #expect(rig.slot[.connects] == 21)
    print(
      "\(count) events, \(recorder.sequences.count) received: "
        + "\(recorder.sequences.count - Int(count)) duplicates")
  }
}
