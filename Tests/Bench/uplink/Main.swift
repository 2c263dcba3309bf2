// Weir's uplink, with its journal before it, beside libmosquitto that publishes from memory,
// mosquitto_pub and paho-mqtt: at the same broker, with QoS 1 and the same window. Then the delay
// of one reading, durable in between; the draining of a full journal; and bytes on the wire.
// In each round every contender has a turn, in an order that is drawn anew; the numbers are medians
// over the rounds.

import BenchTable
import CLinux
import Clients
import Configuration
import Linux
import Uplink

@main
struct UplinkBench {
  static func main() {
    var rounds: Int32 = 5
    // Safe: the arguments are those of main, and their count is asked for first.
    if weir_argument_count() > 1 { rounds = unsafe atoi(weir_argument(1)) }
    guard rounds >= 1, rounds <= 100 else { fail("the number of rounds is from 1 to 100", 2) }
    var parent = "/var/tmp"
    if weir_argument_count() > 2 { parent = unsafe String(cString: weir_argument(2)) }
    var sections = "all"
    if weir_argument_count() > 3 { sections = unsafe String(cString: weir_argument(3)) }
    var template = Array((parent + "/weir-bench-XXXXXX").utf8) + [0]
    // Safe: the array ends in 0, outlives the call, and keeps its length.
    let isMade = unsafe template.withUnsafeMutableBytes { bytes in
      unsafe client_make_folder(
        bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self)) == 0
    }
    guard isMade else { fail("no folder can be made in \(parent)", 1) }
    let folder = String(decoding: template.dropLast(), as: UTF8.self)
    let port = client_free_port()
    // Safe: the path is used only during the call.
    let broker = unsafe folder.withCString { unsafe client_start_broker($0, port) }
    var failure: String?
    do throws(BenchFailure) {
      guard broker > 0 else { throw .failed("mosquitto does not start") }
      MQTTSession.prepareProcess()
      try run(folder: folder, port: port, broker: broker, rounds: Int(rounds), sections)
    } catch {
      if case .failed(let reason) = error { failure = reason }
    }
    if broker > 0 { client_end(broker, Linux.Signal.terminate) }
    // Safe: the path is used only during the call.
    unsafe folder.withCString { unsafe client_remove_folder($0) }
    if let failure { fail(failure, 1) }
  }

  private static func fail(_ reason: String, _ status: Int32) -> Never {
    writeStandardError("bench-uplink: \(reason)\n")
    exit(status)
  }

  private static func note(_ text: String) {
    if isatty(2) == 1 { writeStandardError("\r\u{1B}[K" + text) }
  }

  private static func run(
    folder: String, port: Int32, broker: Int32, rounds: Int, _ sections: String
  ) throws(BenchFailure) {
    var goals = Goals()
    func wants(_ section: String) -> Bool { sections == "all" || sections == section }
    line(
      "load of the machine \(decimal(client_load(), digits: 2)), "
        + "\(client_processor_count()) processors; window \(Flood.window), QoS 1, MQTT 5")
    if wants("flood") {
      let results = try flood(folder: folder, port: port, broker: broker, rounds: rounds)
      report(results, rounds: rounds, &goals)
    }
    if wants("delay") {
      note("delay of one reading")
      report(try measureDelay(folder: folder, port: port, count: 3000), &goals)
    }
    if wants("sizes") {
      note("sizes")
      report(try measureSizes(folder: folder, port: port))
    }
    if wants("drain") {
      for count in [16, 64] as [UInt16] {
        note("draining")
        var batch = BatchSettings()
        batch.eventCount = count
        let drain = try measureDrain(
          folder: folder, port: client_free_port(), byteCount: 64_000_000, batch: batch)
        note("")
        report(drain, batch: count, &goals)
      }
    }
    line("")
    line("\(goals.metCount) of \(goals.count) goals met")
  }

  private static func flood(
    folder: String, port: Int32, broker: Int32, rounds: Int
  ) throws(BenchFailure) -> [Results] {
    // Safe: __FILE__'s folder, as this was compiled.
    let script = "\(#filePath)".droppingLastComponent + "/flood.py"
    let contest = try Flood(folder: folder, port: port, broker: broker, script: script)
    var results = [Results](repeating: Results(), count: Contender.all.count)
    var random = UInt64(bitPattern: Clock.real()) | 1
    for round in 0..<rounds {
      var order = Contender.all
      for index in 1..<order.count {
        // xorshift64.
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        order.swapAt(index, Int(random % UInt64(index + 1)))
      }
      for contender in order {
        note("round \(round + 1) of \(rounds): \(contender.title)")
        results[contender.rawValue].add(try contest.measure(contender))
      }
    }
    note("")
    return results
  }
}

extension String {
  /// The path of the folder.
  fileprivate var droppingLastComponent: String {
    let bytes = Array(utf8)
    let end = bytes.lastIndex(of: UInt8(ascii: "/")) ?? bytes.count
    return String(decoding: bytes[..<end], as: UTF8.self)
  }
}

/// The measurements of one contender.
struct Results {
  var speed = Samples()
  var cpu = Samples()
  var uplinkCPU = Samples()
  var brokerCPU = Samples()

  mutating func add(_ cost: Cost) {
    speed.add(cost.messagesPerSecond)
    cpu.add(cost.cpuPerMessage * 1e6)
    uplinkCPU.add(cost.uplinkCPUPerMessage * 1e6)
    brokerCPU.add(cost.brokerCPUPerMessage * 1e6)
  }
}
