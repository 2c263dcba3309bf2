// Invariants checked:
// - the command line's board wins, then the machine's own, then the file's;
// - an error names every place that was looked into;
// - every board of the checkout is read without a problem.

import Linux
import Testing

@testable import Configuration

@Suite struct Lookup {
  private static let root = String(
    #filePath.dropLast("/Tests/Configuration/LookupTests.swift".count))

  private func load(_ text: String, board: String? = nil, installed: String = "/nowhere/board.yaml")
    -> LoadedConfiguration
  {
    let lookup = BoardLookup(
      installedPath: installed, folders: ["/nowhere/a", Self.root + "/boards"])
    let source = Source(Array(text.utf8), name: "g")
    return loadConfiguration(
      Document(source, sections: Schema.sections), board: board, lookup)
  }

  private let text = "device: d\nuplink: {broker: mqtt://h}\nlines: {}\n"

  @Test func nowhere() {
    #expect(
      texts(load(text + "board: none\n").problems) == [
        "g:4:8: error: there is no board 'none'; expected one of /nowhere/a/none/board.yaml, "
          + "\(Self.root)/boards/none/board.yaml; correct the name, or give a file with "
          + "--board FILE"
      ])
    #expect(
      texts(load(text, board: "none").problems)[0].hasPrefix(
        "--board: error: there is no board 'none'; expected one of /nowhere/a/none/board.yaml, "))
    #expect(
      texts(load(text).problems) == [
        "g:1:1: error: there is no 'board:', and no /nowhere/board.yaml; expected the board's name"
          + "; write for example 'board: rpi-3b', or use --board"
      ])
    #expect(
      texts(load(text + "board: ../x\n").problems)[0].hasPrefix("g:4:8: error: 'board' is not a na")
    )
    #expect(
      texts(load(text, board: "/nowhere/b.yaml").problems)[0].hasPrefix(
        "/nowhere/b.yaml: error: there is no such file"))
  }

  @Test(
    .enabled(if: fileExists(Lookup.root + "/boards")),
    arguments: ["qemu-virt", "rpi-3b", "rpi-4b", "rpi-5", "rpi-zero-2w", "simulated"])
  func ours(_ name: String) {
    let loaded = load(text + "board: \(name)\n")
    #expect(texts(loaded.problems) == [])
    #expect(loaded.board?.name == name)
    #expect(loaded.boardPath == "\(Lookup.root)/boards/\(name)/board.yaml")
    let installed = load(text + "board: other\n", installed: loaded.boardPath)
    #expect(installed.board?.name == name)
    #expect(texts(installed.problems)[0].contains("warning: this machine is the board '\(name)'"))
    let argument = load(text + "board: other\n", board: name, installed: "/etc/passwd")
    #expect(argument.board?.name == name)
  }
}
