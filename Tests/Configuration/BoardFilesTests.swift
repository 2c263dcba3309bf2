// Invariants checked:
// - Every board.yaml of boards/ is read without a problem, and names its own folder.
// - The gateway.yaml beside it is read on that board without a problem, and asks for something.
// - A Raspberry Pi's header has all 26 GPIO lines, by their GPIO name and by their pin, and both
//   agree.

import Linux
import Testing

@testable import Configuration

@Suite struct BoardFiles {
  /// Three folders up from this file (without Foundation, whose C headers libyaml's disagree with).
  static let root =
    #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/boards"

  /// The folders that have a board.yaml.
  static let names: [String] = {
    let entries = (try? System.list(root)) ?? []
    return entries.filter { fileExists(path($0, "board.yaml")) }.sorted()
  }()

  static func path(_ name: String, _ file: String) -> String { root + "/" + name + "/" + file }

  /// Pin of the header → GPIO line, as printed on every board's leaflet; the other pins are power,
  /// ground, and the two of the identification EEPROM.
  static let header: [(pin: Int, line: UInt32)] = [
    (3, 2), (5, 3), (7, 4), (8, 14), (10, 15), (11, 17), (12, 18), (13, 27), (15, 22), (16, 23),
    (18, 24), (19, 10), (21, 9), (22, 25), (23, 11), (24, 8), (26, 7), (29, 5), (31, 6), (32, 12),
    (33, 13), (35, 19), (36, 16), (37, 26), (38, 20), (40, 21),
  ]

  @Test func thereAreBoards() {
    #expect(Self.names.contains("rpi-3b") && Self.names.contains("simulated"))
  }

  @Test(arguments: names) func reads(_ name: String) throws {
    let result = readBoard(path: Self.path(name, "board.yaml"))
    #expect(texts(result.problems) == [])
    let board = try #require(result.board)
    #expect(board.name == name)
    #expect(!board.summary.isEmpty)

    let gateway = readConfiguration(path: Self.path(name, "gateway.yaml"), board: board)
    #expect(texts(gateway.problems) == [])
    #expect(!gateway.configuration.channels.isEmpty)
  }

  @Test(arguments: names.filter { $0.hasPrefix("rpi-") }) func headerIsWhole(_ name: String) throws
  {
    let board = try #require(readBoard(path: Self.path(name, "board.yaml")).board)
    let chip = try #require(board.chips.first { $0.name == "header" })
    #expect(chip.lines.count == 2 * Self.header.count)
    for (pin, line) in Self.header {
      #expect(chip.lines.contains { $0.name == "pin\(pin)" && $0.offset == line })
      #expect(chip.lines.contains { $0.name == "GPIO\(line)" && $0.offset == line })
    }
  }
}
