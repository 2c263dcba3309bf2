// Invariants checked:
// - each epoch is larger than all before it, whatever the file says: absent, damaged, empty, huge;
// - the epoch is on the disk before it is used;
// - one folder serves one gateway at a time.

import Foundation
import Testing

@testable import weir

@Suite struct StateFolderTests {
  private func folder() throws -> String {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("weir-state-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  private func write(_ text: String, to path: String) throws {
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  }

  @Test func epochsCountUp() throws {
    let path = try folder()
    let state = StateFolder(path)
    #expect(state.beginEpoch() == 1)
    #expect(try String(contentsOfFile: path + "/epoch", encoding: .utf8) == "1\n")
    #expect(state.beginEpoch() == 2)
    #expect(StateFolder(path).beginEpoch() == 3)
  }

  @Test(arguments: ["", "\n", "seven", "-1", "9999999999999999999999", "3\n4", "\0\0\0\0"])
  func aDamagedEpochIsFollowedByALargerOne(text: String) throws {
    let path = try folder()
    let state = StateFolder(path)
    for _ in 0..<3 { _ = state.beginEpoch() }
    try write(text, to: path + "/epoch")
    let next = state.beginEpoch()
    #expect(next > 3)
    #expect(state.beginEpoch() == next + 1)
  }

  @Test func aFolderThatCannotBeUsedStillGivesAnEpoch() {
    #expect(StateFolder("/proc/no/such/folder").beginEpoch() > 1_000_000_000)
  }

  @Test func theFolderIsLockedOnce() throws {
    let path = try folder()
    #expect(StateFolder(path).lock())
    #expect(!StateFolder(path).lock())
  }
}

@Suite struct RunArgumentsTests {
  @Test func optionsStandAnywhere() throws {
    let arguments = try RunArguments(["--state", "/s", "a.yaml", "--board", "rpi-5", "--quiet"])
    #expect(arguments.configuration == "a.yaml")
    #expect(arguments.state == "/s")
    #expect(arguments.board == "rpi-5")
    #expect(arguments.threshold == .warning)
  }

  @Test(
    arguments: [
      [], ["a", "--report", "0"], ["a", "--report", "x"], ["a", "--report"], ["a", "b"],
      ["--board"], ["a", "--state"], ["--no-such", "a"],
    ] as [[String]])
  func everythingElseIsRefused(arguments: [String]) {
    #expect(throws: RunArguments.Problem.self) { try RunArguments(arguments) }
  }
}
