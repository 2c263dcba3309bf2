// Invariants checked, of the binary as a person at a shell uses it:
// - exit codes: 0 done, 2 a configuration with errors, 64 used wrongly;
// - what is wrong with a configuration is all said at once, each in one line with its place;
// - nothing that a configuration can contain ends a command by a signal.

import Drivers
import Foundation
import Seeds
import Testing

@Suite(.timeLimit(.minutes(10))) struct CommandTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  private let board = ["--board", checkout + "/boards/simulated/board.yaml"]

  private func check(_ text: String) throws -> (ending: Ending, output: String) {
    try weir(["check", try folder.write(text, to: "gateway.yaml")] + board)
  }

  @Test func usage() throws {
    #expect(try weir([]).ending == .exited(64))
    #expect(try weir(["fly"]).ending == .exited(64))
    #expect(try weir(["run"]).ending == .exited(64))
    #expect(try weir(["check", "a", "b"]).ending == .exited(64))
    #expect(try weir(["help", "fly"]).ending == .exited(64))
    for arguments in [["help"], ["help", "run"], ["help", "check"], ["version"], ["--help"]] {
      let result = try weir(arguments)
      #expect(result.ending == .exited(0) && !result.output.isEmpty, "\(arguments)")
    }
  }

  @Test func aGoodConfiguration() throws {
    let result = try check(configuration(port: 1883))
    #expect(result.ending == .exited(0), "\(result.output)")
  }

  /// What the README shows is what a newcomer types first.
  @Test func theExampleOfTheREADME() throws {
    let text = try String(contentsOfFile: checkout + "/README.md", encoding: .utf8)
    let parts = text.components(separatedBy: "```yaml\n")
    // The first is whole, the others are parts.
    let first = parts.count > 1 ? parts[1] : nil
    let example = try #require(first?.components(separatedBy: "```").first)
    let path = try folder.write(example, to: "gateway.yaml")
    let result = try weir(["check", path, "--board", checkout + "/boards/rpi-4b/board.yaml"])
    #expect(result.ending == .exited(0), "\(result.output)")
    #expect(!result.output.contains("warning"), "\(result.output)")
  }

  @Test(arguments: ["", "\u{0}\u{1}\u{2}", "sensors: [", "- a\n- b\n", "just words", "a: *b\n"])
  func whatIsNoConfiguration(text: String) throws {
    let result = try check(text)
    #expect(result.ending == .exited(2), "\(result.output)")
    #expect(result.output.contains("gateway.yaml"))
    let run = try weir(
      ["run", folder.file("gateway.yaml"), "--state", folder.file("state")] + board)
    #expect(run.ending == .exited(2), "\(run.output)")
  }

  @Test func aMissingFile() throws {
    for command in ["check", "run"] {
      let result = try weir([command, folder.file("nothing.yaml")] + board)
      #expect(result.ending == .exited(2), "\(result.output)")
      #expect(result.output.contains("nothing.yaml"))
    }
  }

  @Test func allErrorsAtOnceEachWithItsPlace() throws {
    let text = """
      device: desk
      board: simulated
      uplink:
        broker: mqtt://127.0.0.1:1883
      sensors:
        one:
          driver: tmp105
          bus: i2c-sim
          adress: 0x48
          every: 1 s
          temperature: {}
        two:
          driver: tmp105
          bus: i2c-7
          address: 0x148
          every: 1
          temperature: {channel: same}
        three:
          driver: dps310
          bus: i2c-sim
          address: 0x77
          every: 1 s
          temperature: {channel: same}
      lines:
        flow:
          line: GPIO99
          mode: counter
          every: 5 m

      """
    let result = try check(text)
    #expect(result.ending == .exited(2))
    for line in [9, 14, 15, 16, 26, 28] {
      #expect(result.output.contains("gateway.yaml:\(line):"), "line \(line):\n\(result.output)")
    }
    #expect(result.output.contains("address"), "the nearest key is suggested")
  }

  @Test func damagedConfigurationsNeverEndInASignal() throws {
    let good = Array(configuration(port: 1883).utf8)
    let seed = UInt64.random(in: 0...999_999)
    var random = SeededRandom(seed: seed)
    for round in 0..<40 {
      var bytes = good
      for _ in 0...Int.random(in: 0...8, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      }
      let path = folder.file("damaged.yaml")
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      let result = try weir(["check", path] + board)
      #expect(
        result.ending == .exited(0) || result.ending == .exited(2),
        "seed \(seed), round \(round): \(result)")
    }
  }
}
